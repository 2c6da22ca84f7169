"""`weft workspaces watch`: the fleet as it changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from weft.cli._access import organization_of
from weft.cli._exit import Exit
from weft.cli._names import short
from weft.cli._output import as_dict, note, print_streamed, streamed_output_option
from weft.cli._text import plain

if TYPE_CHECKING:
    from weft._connection import Endpoint
    from weft.errors import ApiError, OutOfRangeError
    from weftapi.controlplane.v1 import workspaces_pb2


@click.command()
@streamed_output_option
@click.option("--once", is_flag=True, help="End when everything was shown as it is.")
def watch(*, output: str, once: bool) -> int:
    """Follow the workspaces that you may see, until Ctrl-C."""
    from weft._connection import Connection

    connection = Connection.current()
    parent = organization_of(connection)
    try:
        for message in changes(connection.control_plane, parent):
            for change in message.changes:
                _print(change, output)
            if once and message.bookmark.initial_complete:
                break
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return Exit.DONE


def changes(endpoint: Endpoint, parent: str) -> Iterator[workspaces_pb2.WatchWorkspacesResponse]:
    """Yields what a watch says, opened again from where it was whenever it breaks."""
    from weft._streams import resumed
    from weftapi.controlplane.v1 import workspaces_pb2, workspaces_pb2_grpc

    method = endpoint.stub(workspaces_pb2_grpc.WorkspaceServiceStub).WatchWorkspaces
    request = workspaces_pb2.WatchWorkspacesRequest(parent=parent, send_initial_state=True)

    def reopen(*, is_fresh: bool) -> Any:
        return endpoint.open(method, request, is_fresh=is_fresh)

    def begin_again(_error: OutOfRangeError) -> None:
        request.after_revision, request.epoch, request.send_initial_state = 0, "", True

    def tell(error: ApiError | None) -> None:
        if error is not None:
            note(f"the watch broke and goes on where it was: {error}")

    for message in resumed(endpoint, reopen, on_lost=begin_again, on_break=tell):
        yield message
        request.epoch = message.epoch or request.epoch
        if not message.more_in_revision and message.revision:
            request.after_revision, request.send_initial_state = message.revision, False


def word(value: int, enum: str) -> str:
    """A value of an enum as people read it."""
    from weftapi.controlplane.v1 import workspace_types_pb2

    kind = getattr(workspace_types_pb2, enum)
    prefix = kind.DESCRIPTOR.values_by_number[0].name.removesuffix("UNSPECIFIED")
    known = kind.DESCRIPTOR.values_by_number.get(value)
    return known.name.removeprefix(prefix).lower() if known and value else ""


def _print(change: workspaces_pb2.WorkspaceChange, output: str) -> None:
    if output != "text":
        print_streamed(as_dict(change), output)
        return
    workspace = change.workspace
    state = word(workspace.state, "WorkspaceState") or "removed"
    line = f"{short(change.name):<24} {state:<12} {workspace.state_reason}"
    click.echo(plain(line).rstrip())
