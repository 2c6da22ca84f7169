"""`weft workspaces enroll`: lets a server that runs elsewhere join the mesh."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli._access import named, organization_of
from weft.cli._names import short
from weft.cli._output import note, output_option, print_message

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import enrollments_pb2

# What a kind of service is: its role, its module, and where it keeps its state.
_KINDS = {
    "workspace": ("PEER_ROLE_WORKSPACE", "workspace", "DATA_DIR"),
    "workload-manager": ("PEER_ROLE_WORKLOAD_MANAGER", "workloads", "STATE_DIR"),
    "gateway": ("PEER_ROLE_GATEWAY", "gateway", ""),
}
_PORTS = {"workspace": (7790, 7791), "workloads": (0, 7801), "gateway": (8780, 0)}
_TOKEN_FILE = "enrollment-token"  # noqa: S105 - the name of a file


@click.command()
@click.argument("workspace", nargs=-1)
@click.option("--all", "is_of_all", is_flag=True, help="It serves all workspaces, later ones too.")
@click.option(
    "--as", "kind", type=click.Choice(list(_KINDS)), default="workspace", show_default=True
)
@click.option("--host", "hosts", multiple=True, help="A name or address where it will be reached.")
@click.option("--name", default="", help="The name that people read; the first host by default.")
@click.option("--hours", type=click.IntRange(1, 168), default=1, show_default=True)
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the token there instead of printing it.",
)
@output_option
def enroll(
    *,
    workspace: tuple[str, ...],
    is_of_all: bool,
    kind: str,
    hosts: tuple[str, ...],
    name: str,
    hours: int,
    token_file: Path | None,
    output: str,
) -> None:
    """Make a one-time token for a server, and print how to start it elsewhere."""
    from weft._connection import Connection

    if bool(workspace) == is_of_all:
        raise click.UsageError("name the workspaces that it is or serves, or give --all")
    connection = Connection.current()
    created = _create(connection, workspace, kind, hosts, name=name, hours=hours)
    if token_file:
        from weft._embedded import write_private

        write_private(token_file, created.token)

    def draw() -> None:
        endpoint = connection.context.control_plane
        token = (created.token, token_file)
        for line in _commands(
            endpoint, short(workspace[0]) if workspace else "", kind, hosts=hosts, token=token
        ):
            click.echo(line)

    print_message(created.enrollment if output == "name" else created, output, draw)
    revoke = f"weft enrollments revoke {short(created.enrollment.name)}"
    note(f"the token works once, for {hours} h; `{revoke}` takes it back")


def _create(
    connection: Connection,
    workspaces: tuple[str, ...],
    kind: str,
    hosts: tuple[str, ...],
    *,
    name: str,
    hours: int,
) -> enrollments_pb2.CreateEnrollmentResponse:
    from google.protobuf.duration_pb2 import Duration

    from weftapi.controlplane.v1 import enrollments_pb2, workspaces_pb2_grpc
    from weftapi.options.v1 import options_pb2

    request = enrollments_pb2.CreateEnrollmentRequest(
        parent=organization_of(connection),
        enrollment=enrollments_pb2.Enrollment(
            role=options_pb2.PeerRole.Value(_KINDS[kind][0]),
            workspaces=[named(connection, "workspaces", each) for each in workspaces],
            all_workspaces=not workspaces,
            host_names=hosts or ("localhost", "127.0.0.1"),
            display_name=name or (hosts[0] if hosts else ""),
        ),
        ttl=Duration(seconds=hours * 3600),
    )
    stub = connection.control_plane.stub(workspaces_pb2_grpc.WorkspaceServiceStub)
    return connection.control_plane.call(stub.CreateEnrollment, request)


def _commands(
    endpoint: str,
    workspace: str,
    kind: str,
    *,
    hosts: tuple[str, ...],
    token: tuple[str, Path | None],
) -> list[str]:
    """Lines for a shell on the server's machine, to be run as they are.

    `token` is the token, and the file that holds it already, if there is one.
    """
    text, token_file = token
    _, module, directory = _KINDS[kind]
    home = workspace if kind == "workspace" else module
    settings = {
        "CREDENTIALS_DIR": f"{home}/credentials",
        "CONTROL_PLANE_ENDPOINT": endpoint,
        "ENROLLMENT_TOKEN_FILE": str(token_file or _TOKEN_FILE),
        **_listeners(module, hosts),
    }
    if directory:
        settings[directory] = home
    lines = [] if token_file else [f"(umask 077; echo {text} > {_TOKEN_FILE})"]
    given = [
        f"WEFT_{module.upper()}_{name}={shlex.quote(value)}" for name, value in settings.items()
    ]
    return [*lines, " ".join([*given, "python -m", module])]


def _listeners(module: str, hosts: tuple[str, ...]) -> dict[str, str]:
    """Well-known ports where the server has a name of its own, else any on this machine."""
    names = [name for name, port in zip(("EDGE", "MESH"), _PORTS[module], strict=True) if port]
    settings = {"HEALTH_ADDRESS": "127.0.0.1:0"}
    for name, port in zip(("EDGE", "MESH"), _PORTS[module], strict=True):
        if name in names:
            settings[f"{name}_ADDRESS"] = f"0.0.0.0:{port}" if hosts else "127.0.0.1:0"
            if hosts and module == "workspace":
                settings[f"{name}_ENDPOINT"] = f"{hosts[0]}:{port}"
    if hosts and module == "workloads":
        settings["ADVERTISED_MESH_ADDRESS"] = f"{hosts[0]}:{_PORTS[module][1]}"
    return settings
