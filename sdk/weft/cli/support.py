"""`weft support bundle`: what somebody who helps needs to see, and no secret."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._output import as_dict, note, output_option, print_document
from weft.cli._redaction import is_secret, redacted_document

if TYPE_CHECKING:
    from weft._connection import Connection

_MOST_RUNS = 20
_DISTRIBUTIONS = ("weft", "weft-api", "weft-server", "click", "grpcio", "protobuf", "pyyaml")


@click.group()
def support() -> None:
    """Gather what somebody who helps you needs to see."""


@support.command()
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; weft-support-TIME.zip here by default.",
)
@output_option
def bundle(*, target: Path | None, output: str) -> None:
    """Write a zip file with versions, settings, checks and the states of recent runs.

    Tokens, keys and passwords are left out; there are no logs, parameters or artifacts in it.
    Look at it before you send it: it is text.
    """
    file = target or Path(time.strftime("weft-support-%Y%m%d-%H%M%S.zip"))
    if file.exists():
        raise CommandError(f"{file} exists: name another with --to", Exit.CONFLICT)
    secrets = list(_secrets())
    made = []
    with zipfile.ZipFile(file, "x", zipfile.ZIP_DEFLATED) as archive:
        file.chmod(0o600)
        for name, section in _sections().items():
            document = redacted_document(_safely(section), secrets)
            text = json.dumps(document, indent=2, ensure_ascii=False)
            archive.writestr(f"{name}.json", text)
            made.append(f"{name}.json")
    if output in {"table", "name"}:
        click.echo(str(file))
    else:
        print_document({"file": str(file), "holds": made}, output)
    note("look at it before you send it: unzip -p FILE | less")


def _safely(section: Callable[[], Any]) -> Any:
    """A section, or why there is none: what is broken is why somebody asks for help."""
    try:
        return section()
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs into the bundle
        return {"error": f"{type(error).__name__}: {error}"}


def _sections() -> dict[str, Callable[[], Any]]:
    return {
        "client": _client,
        "environment": _environment,
        "contexts": _contexts,
        "doctor": _doctor,
        "control-plane": lambda: _server("controlplane", "system", "SystemService"),
        "workspace": lambda: _server("workspace", "server", "ServerService"),
        "usage": _usage,
        "runs": _runs,
    }


def _client() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for name in _DISTRIBUTIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {"python": sys.version, "platform": platform.platform(), "versions": versions}


def _environment() -> dict[str, str]:
    """Variables that change what commands do; of secret ones only that they are set."""
    wanted = ("WEFT_", "GRPC_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT")
    found = {k: v for k, v in os.environ.items() if k.upper().startswith(wanted)}
    return {k: "(set)" if is_secret(k) else v for k, v in sorted(found.items())}


def _contexts() -> list[dict[str, Any]]:
    from weft._contexts import ContextStore

    store = ContextStore()
    current = store.current_name()
    contexts = [asdict(store.get(name)) for name in store.names()]
    return [{**c, "ca_pem": bool(c["ca_pem"]), "current": c["name"] == current} for c in contexts]


def _doctor() -> list[dict[str, Any]]:
    from weft.cli.doctor import examine

    return [asdict(finding) for finding in examine()]


def _server(package: str, file: str, service: str) -> dict[str, Any]:
    import importlib

    path = f"weftapi.{package}.v1.{file}_pb2"
    messages, services = importlib.import_module(path), importlib.import_module(f"{path}_grpc")
    connection = _connection()
    endpoint = connection.control_plane if package == "controlplane" else connection.workspace
    stub = endpoint.stub(getattr(services, f"{service}Stub"))
    return as_dict(endpoint.call(stub.GetServerInfo, messages.GetServerInfoRequest()))


def _usage() -> dict[str, Any]:
    from weftapi.workspace.v1 import server_pb2, server_pb2_grpc

    connection = _connection()
    stub = connection.workspace.stub(server_pb2_grpc.ServerServiceStub)
    request = server_pb2.GetUsageRequest(parent=connection.project)
    return as_dict(connection.workspace.call(stub.GetUsage, request))


def _runs() -> list[dict[str, Any]]:
    """How recent runs ended, without anything that is about their data."""
    from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc

    connection = _connection()
    stub = connection.workspace.stub(runs_pb2_grpc.RunServiceStub)
    request = runs_pb2.ListRunsRequest(parent=connection.project, page_size=_MOST_RUNS)
    kept = ("name", "state", "createTime", "startTime", "endTime", "stepCounts", "workload")
    runs = [as_dict(run) for run in connection.workspace.call(stub.ListRuns, request).runs]
    return [
        {**{name: run.get(name) for name in kept}, "failure": run.get("failure", {}).get("code")}
        for run in runs
    ]


def _connection() -> Connection:
    from weft._connection import Connection

    return Connection.current()


def _secrets() -> Iterator[str]:
    """All that is secret on this machine and known to Weft."""
    from weft._contexts import ContextStore

    yield from (value for name, value in os.environ.items() if is_secret(name))
    try:
        store = ContextStore()
        for name in store.names():
            kept = store.sign_in_of(name)
            yield from (kept.refresh_token, kept.personal_access_token)
            yield from (token for token, _ in kept.tokens.values())
    except Exception:  # noqa: BLE001 - the section on contexts says what is wrong with them
        return
