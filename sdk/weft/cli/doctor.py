"""`weft doctor`: what works between this machine and the mesh, and how to mend what does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from weft.cli._exit import Exit
from weft.cli._output import output_option, print_document

if TYPE_CHECKING:
    from weft._connection import Connection

_MAX_SKEW_S = 30.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `fix` says what to do where it failed."""

    check: str
    ok: bool
    detail: str
    fix: str = ""


@click.command()
@output_option
def doctor(*, output: str) -> int:
    """Check context, network, TLS, sign-in, workspace, workload manager and artifact store."""
    findings = _examine()
    if output == "name":
        click.echo("\n".join(finding.check for finding in findings if not finding.ok))
    elif output != "table":
        print_document([asdict(finding) for finding in findings], output)
    else:
        for finding in findings:
            mark = click.style("✓", fg="green") if finding.ok else click.style("✗", fg="red")
            click.echo(f"{mark} {finding.check:<18} {finding.detail}")
            if finding.fix:
                click.echo(f"    {finding.fix}")
    return Exit.DONE if all(finding.ok for finding in findings) else Exit.ERROR


def _examine() -> list[Finding]:
    from weft._connection import Connection
    from weft.errors import WeftError

    try:
        connection = Connection.current()
    except WeftError as error:
        return [Finding("context", ok=False, detail="none", fix=str(error))]
    context = connection.context
    findings = [Finding("context", ok=True, detail=f"{context.name} ({context.control_plane})")]
    checks: list[tuple[str, Callable[[Connection], str], str]] = [
        ("control plane", _control_plane, f"is it running? {context.control_plane} must answer"),
        ("sign-in", _sign_in, f"run `weft login {context.control_plane}`"),
        ("clock", _clock, "set this machine's clock: tokens are judged by it"),
        ("workspace", _workspace, f"is it running? {context.workspace_endpoint} must answer"),
        ("workload manager", _workloads, "start one, or run pipelines in this process"),
        ("artifact store", _store, "the folder or bucket must be reachable from this machine"),
    ]
    for name, check, fix in checks:
        try:
            findings.append(Finding(name, ok=True, detail=check(connection)))
        except (WeftError, OSError, ValueError) as error:
            findings.append(Finding(name, ok=False, detail=str(error), fix=fix))
    return findings


def _control_plane(connection: Connection) -> str:
    from weftapi.controlplane.v1 import system_pb2, system_pb2_grpc

    endpoint = connection.anonymous
    stub = endpoint.stub(system_pb2_grpc.SystemServiceStub)
    started = time.monotonic()
    info = endpoint.call(stub.GetServerInfo, system_pb2.GetServerInfoRequest())
    return f"version {info.version}, {(time.monotonic() - started) * 1000:.0f} ms over TLS"


def _sign_in(connection: Connection) -> str:
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    stub = connection.control_plane.stub(auth_pb2_grpc.AuthServiceStub)
    principal = connection.control_plane.call(
        stub.GetCurrentPrincipal, auth_pb2.GetCurrentPrincipalRequest()
    )
    return f"{principal.email or principal.subject}, {len(principal.roles)} roles"


def _clock(connection: Connection) -> str:
    """Compares this clock with the end of a token that was just made to live ten minutes."""
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    endpoint = connection.control_plane
    stub = endpoint.stub(auth_pb2_grpc.AuthServiceStub)
    principal = endpoint.call(stub.GetCurrentPrincipal, auth_pb2.GetCurrentPrincipalRequest())
    left = principal.token_expire_time.seconds - time.time()
    if left < -_MAX_SKEW_S:
        raise ValueError(f"the server's valid token ended {-left:.0f} s ago by this clock")
    return f"the token lives {left / 60:.0f} more minutes by this clock"


def _workspace(connection: Connection) -> str:
    from weftapi.workspace.v1 import server_pb2, server_pb2_grpc

    stub = connection.workspace.stub(server_pb2_grpc.ServerServiceStub)
    started = time.monotonic()
    info = connection.workspace.call(stub.GetServerInfo, server_pb2.GetServerInfoRequest())
    elapsed_ms = (time.monotonic() - started) * 1000
    return f"{info.workspace or 'unnamed'}, version {info.version}, {elapsed_ms:.0f} ms"


def _workloads(connection: Connection) -> str:
    from weftapi.workspace.v1 import server_pb2, server_pb2_grpc

    stub = connection.workspace.stub(server_pb2_grpc.ServerServiceStub)
    info = connection.workspace.call(stub.GetServerInfo, server_pb2.GetServerInfoRequest())
    if not info.can_run_snapshots:
        raise ValueError("none serves this workspace")
    return "serves this workspace"


def _store(connection: Connection) -> str:
    """Writes, reads and removes a small file."""
    import uuid

    from weft._objects import read_bytes, remove, write_bytes
    from weftapi.workspace.v1 import server_pb2, server_pb2_grpc

    stub = connection.workspace.stub(server_pb2_grpc.ServerServiceStub)
    info = connection.workspace.call(stub.GetServerInfo, server_pb2.GetServerInfoRequest())
    uri = info.artifact_store_uri
    probe = f"{uri.rstrip('/')}/.doctor-{uuid.uuid4().hex}"
    write_bytes(probe, b"weft")
    content = read_bytes(probe, 1024)
    remove(probe)
    if content != b"weft":
        raise ValueError(f"{uri} does not give back what was written")
    return f"{uri}, written and read"
