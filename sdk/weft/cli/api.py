"""`weft api`: any RPC by its name, as `gh api` does for GitHub."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor

    from weft._connection import Connection, Endpoint

_PACKAGES = ("weftapi.controlplane.v1", "weftapi.workspace.v1")


@click.command()
@click.argument("method", metavar="[SERVICE/METHOD]", required=False)
@click.option("-d", "--data", default="{}", help="The request as JSON; '-' reads standard input.")
def api(*, method: str | None, data: str) -> None:
    """Call an RPC by name, with JSON in and out; without a name, list them.

    \b
      weft api RunService/ListRuns -d '{"parent": "projects/default"}'
      weft api weftapi.controlplane.v1.AuthService/GetCurrentPrincipal

    Streams print one JSON line for each message.
    """
    known = _methods()
    if method is None:
        click.echo("\n".join(sorted(f"{m.containing_service.full_name}/{m.name}" for m in known)))
        return
    _call(_find(method, known), sys.stdin.read() if data == "-" else data)


def _methods() -> list[MethodDescriptor]:
    import importlib
    import pkgutil

    methods: list[MethodDescriptor] = []
    for package in _PACKAGES:
        path = importlib.import_module(package).__path__
        names = [module.name for module in pkgutil.iter_modules(path)]
        for name in (name for name in names if name.endswith("_pb2")):
            file = importlib.import_module(f"{package}.{name}").DESCRIPTOR
            methods += [m for s in file.services_by_name.values() for m in s.methods]
    return methods


def _find(name: str, known: list[MethodDescriptor]) -> MethodDescriptor:
    service, _, method = name.strip("/").rpartition("/")
    found = [
        m
        for m in known
        if m.name == method
        and service in {m.containing_service.name, m.containing_service.full_name}
    ]
    if len(found) == 1:
        return found[0]
    if found:
        choices = ", ".join(f"{m.containing_service.full_name}/{m.name}" for m in found)
        raise click.UsageError(f"say which: {choices}")
    import difflib

    names = [f"{m.containing_service.name}/{m.name}" for m in known]
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]}?" if close else "; `weft api` lists them"
    raise click.UsageError(f"there is no RPC {name!r}{hint}")


def _call(method: MethodDescriptor, data: str) -> None:
    from google.protobuf import json_format, message_factory

    from weft._connection import Connection

    if method.client_streaming:
        raise click.UsageError(f"{method.name} takes a stream, which one JSON document is not")
    request = message_factory.GetMessageClass(method.input_type)()
    try:
        json_format.Parse(data, request)
    except json_format.ParseError as error:
        raise click.UsageError(
            f"the request does not fit {method.input_type.name}: {error}"
        ) from None
    endpoint = _endpoint(method, Connection.current())
    path = f"/{method.containing_service.full_name}/{method.name}"
    codec: dict[str, Any] = {
        "request_serializer": type(request).SerializeToString,
        "response_deserializer": message_factory.GetMessageClass(method.output_type).FromString,
    }
    if method.server_streaming:
        stream = endpoint.channel.unary_stream(path, **codec)
        for answer in endpoint.read(stream, request):
            click.echo(json_format.MessageToJson(answer, indent=None))
        return
    unary = endpoint.channel.unary_unary(path, **codec)
    click.echo(json_format.MessageToJson(endpoint.call(unary, request)))


def _endpoint(method: MethodDescriptor, connection: Connection) -> Endpoint:
    package = method.containing_service.file.package
    is_control_plane = package == "weftapi.controlplane.v1"
    return connection.control_plane if is_control_plane else connection.workspace
