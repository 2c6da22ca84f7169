"""`weft doctor`: what works between this machine and the mesh, and how to mend what does not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from weft.cli._exit import Exit
from weft.cli._output import note, output_option, print_document

if TYPE_CHECKING:
    from weft._connection import Connection
    from weft._contexts import Context
    from weftapi.workspace.v1 import server_pb2

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
    """Check context, proxy, network, TLS, sign-in, clock, versions, stack and artifact store."""
    findings = examine()
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
        wrong = sum(not finding.ok for finding in findings)
        note(f"{len(findings)} checks, {f'{wrong} failed' if wrong else 'all well'}")
    return Exit.DONE if all(finding.ok for finding in findings) else Exit.ERROR


def examine() -> list[Finding]:
    """Tries everything between this machine and the mesh; what is wrong is a finding."""
    from weft._connection import Connection
    from weft.errors import WeftError

    try:
        connection = Connection.current()
    except WeftError as error:
        return [Finding("context", ok=False, detail="none", fix=str(error))]
    context = connection.context
    findings = [Finding("context", ok=True, detail=f"{context.name} ({context.control_plane})")]
    checks: list[tuple[str, Callable[[Connection], str], str]] = [
        ("transport", _transport, ""),
        ("proxy", _proxy, "set NO_PROXY to the mesh's hosts, or unset the proxy"),
        ("control plane", _control_plane, _way_out(context)),
        ("sign-in", _sign_in, f"run `weft login {context.control_plane}`"),
        ("clock", _clock, "set this machine's clock: tokens are judged by it"),
        ("workspace", _workspace, f"is it running? {context.workspace_endpoint} must answer"),
        ("versions", _versions, "upgrade whichever is older: pip install -U weft"),
        ("workload manager", _workloads, "start one, or run pipelines in this process"),
        ("stack", _stack, "run `weft stacks validate`, or choose another: weft stacks use STACK"),
        ("artifact store", _store, "the folder or bucket must be reachable from this machine"),
    ]
    for name, check, fix in checks:
        try:
            findings.append(Finding(name, ok=True, detail=check(connection)))
        except (WeftError, OSError, ValueError) as error:
            findings.append(Finding(name, ok=False, detail=str(error), fix=fix))
    return findings


def _way_out(context: Context) -> str:
    """What to do where the control plane does not answer."""
    from weft._transport import VARIABLE, is_http, targets_of

    where = targets_of(context).control_plane
    if is_http() or not context.gateway:
        return f"is it running? {where} must answer"
    return (
        f"is it running? {where} must answer; where the network lets no gRPC (HTTP/2) through, "
        f"set {VARIABLE}=http, which calls {context.gateway}"
    )


def _transport(connection: Connection) -> str:
    from weft._transport import VARIABLE, is_http

    if is_http():
        return f"HTTP by way of {connection.control_plane.target}, as {VARIABLE} says"
    return "gRPC to the servers themselves"


def _control_plane(connection: Connection) -> str:
    from weftapi.controlplane.v1 import system_pb2, system_pb2_grpc

    endpoint = connection.anonymous
    stub = endpoint.stub(system_pb2_grpc.SystemServiceStub)
    started = time.monotonic()
    info = endpoint.call(stub.GetServerInfo, system_pb2.GetServerInfoRequest())
    return f"version {info.version}, {(time.monotonic() - started) * 1000:.0f} ms over TLS"


def _proxy(connection: Connection) -> str:
    """Whether a proxy is asked on the way to the mesh: few of them let gRPC's HTTP/2 through."""
    from weft._transport import is_http

    if is_http():
        return _http_proxy(connection)
    variables = ("grpc_proxy", "https_proxy", "http_proxy")
    proxy = next((name for name in variables if os.environ.get(name)), "")
    endpoints = f"{connection.context.control_plane},{connection.context.workspace_endpoint}"
    hosts = dict.fromkeys(e.rpartition(":")[0] for e in endpoints.split(",") if e)
    asked = [host for host in hosts if not _is_direct(host)]
    if proxy and asked:
        return (
            f"{proxy} is asked for {', '.join(asked)}: it must let HTTP/2 through; one that does "
            "not is for WEFT_TRANSPORT=http"
        )
    return "none is asked"


def _http_proxy(connection: Connection) -> str:
    from urllib.parse import urlsplit

    from weft._http.wire import proxy_of

    proxy = proxy_of(urlsplit(connection.control_plane.target))
    return f"{proxy.hostname}:{proxy.port} is asked" if proxy else "none is asked"


def _is_direct(host: str) -> bool:
    """No proxy is asked for this machine, and for what NO_PROXY ends with, as gRPC reads it."""
    said = os.environ.get("no_grpc_proxy") or os.environ.get("no_proxy") or ""  # noqa: SIM112
    named = [name.strip() for name in said.split(",") if name.strip()]
    return host in {"localhost", "127.0.0.1", "[::1]"} or any(host.endswith(n) for n in named)


def _versions(connection: Connection) -> str:
    """Servers take clients of their own version, and of those that they name."""
    from weft import __version__

    info = _server_info(connection)
    if _ordered(__version__) < _ordered(info.minimum_client_version):
        raise ValueError(f"this is {__version__}, the mesh wants {info.minimum_client_version}")
    return f"this is {__version__}, the workspace {info.version}"


def _ordered(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdecimal()]


def _stack(connection: Connection) -> str:
    """Tries the stack that runs of this context are executed with, where one is chosen."""
    from weft.cli._run_options import chosen_stack
    from weftapi.workspace.v1 import stacks_pb2, stacks_pb2_grpc

    name = chosen_stack(connection, None)
    if not name:
        return "none is chosen: runs take that of the workspace"
    stub = connection.workspace.stub(stacks_pb2_grpc.StackServiceStub)
    request = stacks_pb2.ValidateStackRequest(name=name)
    report = connection.workspace.call(stub.ValidateStack, request, timeout_s=120)
    wrong = [check.reason for check in report.checks if not check.ok]
    if wrong:
        raise ValueError(f"{name}: {'; '.join(wrong)}")
    return f"{name}, {len(report.checks)} checks"


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
    started = time.monotonic()
    info = _server_info(connection)
    elapsed_ms = (time.monotonic() - started) * 1000
    return f"{info.workspace or 'unnamed'}, version {info.version}, {elapsed_ms:.0f} ms"


def _server_info(connection: Connection) -> server_pb2.ServerInfo:
    from weftapi.workspace.v1 import server_pb2, server_pb2_grpc

    stub = connection.workspace.stub(server_pb2_grpc.ServerServiceStub)
    return connection.workspace.call(stub.GetServerInfo, server_pb2.GetServerInfoRequest())


def _workloads(connection: Connection) -> str:
    info = _server_info(connection)
    if not info.can_run_snapshots:
        raise ValueError("none serves this workspace")
    return "serves this workspace"


def _store(connection: Connection) -> str:
    """Writes, reads and removes a small file."""
    import uuid

    from weft._objects import read_bytes, remove, write_bytes

    info = _server_info(connection)
    uri = info.artifact_store_uri
    probe = f"{uri.rstrip('/')}/.doctor-{uuid.uuid4().hex}"
    write_bytes(probe, b"weft")
    content = read_bytes(probe, 1024)
    remove(probe)
    if content != b"weft":
        raise ValueError(f"{uri} does not give back what was written")
    return f"{uri}, written and read"
