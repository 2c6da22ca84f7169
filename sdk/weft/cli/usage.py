"""`weft usage`: how much there is, beside how much there may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli._names import short
from weft.cli._output import note, output_option, print_message, print_table

if TYPE_CHECKING:
    from weftapi.workspace.v1 import server_pb2

_BAR = 20
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024


@click.command()
@click.argument("project", required=False)
@click.option("--workspace", is_flag=True, help="Of the whole workspace, which has quotas too.")
@output_option
def usage(*, project: str | None, workspace: bool, output: str) -> None:
    """Show what a project holds, and may hold. PROJECT is an id or a name; the chosen one if none.

    What there is may lie above a limit: where it was lowered, or where runs that were under way
    made more. `weft projects update` sets the limits of a project.
    """
    from weft._connection import Connection
    from weftapi.workspace.v1 import server_pb2, server_pb2_grpc

    if project and workspace:
        raise click.UsageError("a project or the workspace: leave one of the two out")
    connection = Connection.current()
    chosen = project or connection.project
    parent = chosen if chosen.startswith("projects/") else f"projects/{chosen}"
    request = server_pb2.GetUsageRequest(parent="" if workspace else parent)
    stub = connection.workspace.stub(server_pb2_grpc.ServerServiceStub)
    found = connection.workspace.call(stub.GetUsage, request)
    print_message(found, output, lambda: _show(found))
    _warn(found, "the workspace" if workspace else short(parent))


def _show(found: server_pb2.Usage) -> None:
    header = ("QUOTA", "USE", "LIMIT", "", "")
    print_table(header, [_row(quota) for quota in found.quotas])


def _row(quota: server_pb2.QuotaUsage) -> tuple[str, ...]:
    name, use = _name(quota), _amount(quota, quota.use)
    if not quota.limit:
        return (name, use, "-", "", "")
    filled = min(_BAR * quota.use // quota.limit, _BAR)
    bar = "█" * filled + "░" * (_BAR - filled)
    return (name, use, _amount(quota, quota.limit), bar, f"{100 * quota.use // quota.limit} %")


def _warn(found: server_pb2.Usage, whose: str) -> None:
    """Says which limits are near or reached, whatever the format."""
    from weftapi.workspace.v1 import server_pb2

    said = {
        server_pb2.QUOTA_STATE_NEAR: "nearly reached",
        server_pb2.QUOTA_STATE_REACHED: "reached",
    }
    for quota in found.quotas:
        if quota.state in said:
            amount = f"{_amount(quota, quota.use)} of {_amount(quota, quota.limit)}"
            note(f"the quota of {_name(quota)} of {whose} is {said[quota.state]}: {amount}")


def _name(quota: server_pb2.QuotaUsage) -> str:
    return quota.quota.replace("_", "-")


def _amount(quota: server_pb2.QuotaUsage, value: int) -> str:
    if not quota.quota.endswith("_bytes"):
        return f"{value:,}"
    size, unit = float(value), 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    return f"{size:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"
