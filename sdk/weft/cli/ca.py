"""`weft ca`: the certificate authority of the mesh, and its rollover."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from weft._enums import word
from weft.cli._output import note, output_option, print_fields, print_message, print_table

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import certificate_authority_pb2 as pb
    from weftapi.controlplane.v1 import certificate_authority_pb2_grpc as pb_grpc

_POLL_S = 0.5
_MAX_NAMED = 5
_NEXT = {
    "standby": "",
    "trusting": "once all trust it, let it sign: weft ca advance --wait",
    "issuing": "once all have renewed, forget the old one: weft ca advance --wait",
}
_wait_option = click.option(
    "--wait", is_flag=True, help="First wait for the services that have not followed yet."
)


@click.group()
def ca() -> None:
    """Show and roll over the mesh's CA: start, advance (the new one signs), advance (the old goes).

    Each step waits for all services; `revert` takes the last one back.
    """


@ca.command()
@output_option
def show(*, output: str) -> None:
    """Show the roots that the mesh trusts, and how far a rollover is."""
    connection, stub, name = _connect()
    _print(_get(connection, stub, name), output)


@ca.command()
@output_option
def start(*, output: str) -> None:
    """Make a new root, and have every service trust it beside the old one."""
    from weftapi.controlplane.v1 import certificate_authority_pb2 as pb

    connection, stub, name = _connect()
    request = pb.StartRolloverRequest(name=name, request_id=str(uuid4()))
    started = connection.control_plane.call(stub.StartRollover, request)
    # Others on this machine follow when they next sign in again; whoever rolls does so now.
    connection.follow_trust()
    _print(started, output)


@ca.command()
@_wait_option
@click.option("--force", is_flag=True, help="Leave those behind; they must be enrolled again.")
@output_option
def advance(*, wait: bool, force: bool, output: str) -> None:
    """Enter the next phase: the new root signs, or the old one is forgotten."""
    from weftapi.controlplane.v1 import certificate_authority_pb2 as pb

    connection, stub, name = _connect()
    if wait:
        _wait(connection, stub, name)
    request = pb.AdvanceRolloverRequest(name=name, force=force, request_id=str(uuid4()))
    _print(connection.control_plane.call(stub.AdvanceRollover, request), output)


@ca.command()
@output_option
def revert(*, output: str) -> None:
    """Take the last phase back."""
    from weftapi.controlplane.v1 import certificate_authority_pb2 as pb

    connection, stub, name = _connect()
    request = pb.RevertRolloverRequest(name=name, request_id=str(uuid4()))
    _print(connection.control_plane.call(stub.RevertRollover, request), output)


def _wait(connection: Connection, stub: pb_grpc.CertificateAuthorityServiceStub, name: str) -> None:
    told = 0
    while waiting := _get(connection, stub, name).waiting_for:
        if len(waiting) != told:
            told = len(waiting)
            note(f"waiting for {told} services: {_named(waiting)}")
        time.sleep(_POLL_S)


def _print(found: pb.CertificateAuthority, output: str) -> None:
    print_message(found, output, lambda: _draw(found))


def _draw(found: pb.CertificateAuthority) -> None:
    from weftapi.controlplane.v1 import certificate_authority_pb2 as pb

    phase = word(pb.RolloverPhase, found.phase).lower()
    print_fields([("phase", phase), ("waiting for", _named(found.waiting_for))])
    print_table(
        ("ROOT", "STATE", "MADE", "EXPIRES", "SERVICES"),
        [
            (
                root.fingerprint,
                word(pb.RootState, root.state).lower(),
                f"{root.create_time.ToDatetime():%Y-%m-%d}",
                f"{root.expire_time.ToDatetime():%Y-%m-%d}",
                str(root.holder_count),
            )
            for root in found.roots
        ],
    )
    if _NEXT[phase]:
        note(_NEXT[phase])


def _named(services: Iterable[str]) -> str:
    names = list(services)
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more


def _get(
    connection: Connection, stub: pb_grpc.CertificateAuthorityServiceStub, name: str
) -> pb.CertificateAuthority:
    from weftapi.controlplane.v1 import certificate_authority_pb2 as pb

    request = pb.GetCertificateAuthorityRequest(name=name)
    return connection.control_plane.call(stub.GetCertificateAuthority, request)


def _connect() -> tuple[Connection, pb_grpc.CertificateAuthorityServiceStub, str]:
    from weft._connection import Connection
    from weft.cli._access import organization_of
    from weftapi.controlplane.v1 import certificate_authority_pb2_grpc

    connection = Connection.current()
    stub = connection.control_plane.stub(
        certificate_authority_pb2_grpc.CertificateAuthorityServiceStub
    )
    return connection, stub, f"{organization_of(connection)}/certificateAuthority"
