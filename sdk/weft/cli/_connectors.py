"""What the commands of connectors share: names, properties, and environments."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._secrets import ask

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import service_connectors_pb2 as pb
    from weftapi.workspace.v1 import service_connectors_pb2_grpc

# What the tools of each cloud read; fields without a name are left out.
_VARIABLES: Mapping[str, Mapping[str, str]] = {
    "aws": {
        "access_key_id": "AWS_ACCESS_KEY_ID",
        "secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "session_token": "AWS_SESSION_TOKEN",
        "region": "AWS_REGION",
        "endpoint_uri": "AWS_ENDPOINT_URL",
    },
    "gcp": {
        "access_token": "CLOUDSDK_AUTH_ACCESS_TOKEN",
        "project": "CLOUDSDK_CORE_PROJECT",
        "endpoint_uri": "STORAGE_EMULATOR_HOST",
    },
    "azure": {
        "sas_token": "AZURE_STORAGE_SAS_TOKEN",
        "access_token": "AZURE_ACCESS_TOKEN",
        "storage_account": "AZURE_STORAGE_ACCOUNT",
        "endpoint_uri": "AZURE_STORAGE_SERVICE_ENDPOINT",
    },
    "kubernetes": {
        "server": "KUBERNETES_SERVER",
        "token": "KUBERNETES_TOKEN",
        "certificate_authority": "KUBERNETES_CA",
        "namespace": "KUBERNETES_NAMESPACE",
    },
    "registry": {
        "registry": "REGISTRY",
        "username": "REGISTRY_USERNAME",
        "password": "REGISTRY_PASSWORD",
        "bearer_token": "REGISTRY_TOKEN",
    },
    "bearer": {"access_token": "ACCESS_TOKEN", "scope": "ACCESS_TOKEN_SCOPE"},
}


def connect() -> tuple[Connection, service_connectors_pb2_grpc.ServiceConnectorServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import service_connectors_pb2_grpc

    connection = Connection.current()
    stub = service_connectors_pb2_grpc.ServiceConnectorServiceStub
    return connection, connection.workspace.stub(stub)


def connector_name(text: str) -> str:
    """The resource name of a connector: of an id, or the name itself."""
    return text if text.startswith("serviceConnectors/") else f"serviceConnectors/{text}"


def find_type(
    connection: Connection,
    stub: service_connectors_pb2_grpc.ServiceConnectorServiceStub,
    type_: str,
) -> pb.ConnectorType:
    """The type of an id; raises NotFoundError."""
    from weftapi.workspace.v1 import service_connectors_pb2 as pb

    name = f"connectorTypes/{type_.removeprefix('connectorTypes/')}"
    return connection.workspace.call(stub.GetConnectorType, pb.GetConnectorTypeRequest(name=name))


def options_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the options set, by their names in the contract."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if "config" in given:
        given["config"] = dict(_pair(text) for text in given["config"])
    if "secret_files" in given:
        given["secret_config"] = dict(_secret(text) for text in given.pop("secret_files"))
    if "secret_name" in given:
        given["secret_name"] = f"secrets/{given['secret_name'].removeprefix('secrets/')}"
    return given


def document_of(given: Mapping[str, Any]) -> pb.ServiceConnector:
    """A connector with these fields."""
    from weftapi.workspace.v1 import service_connectors_pb2 as pb

    plain = {name: value for name, value in given.items() if name != "config"}
    connector = pb.ServiceConnector(**plain)
    connector.config.update(given.get("config", {}))
    return connector


def ask_for_secrets(type_: pb.ConnectorType, wanted: pb.ServiceConnector) -> None:
    """Asks for the required secret properties that are still lacking."""
    method = next((each for each in type_.auth_methods if each.id == wanted.auth_method), None)
    if method is None:
        known = ", ".join(each.id for each in type_.auth_methods)
        raise CommandError(f"say how to sign in with --auth: {known}", Exit.USAGE)
    required: Any = method.config_schema["required"]
    for name in method.secret_fields:
        if name in required and name not in wanted.secret_config:
            wanted.secret_config[name] = ask(name)


def environment_of(answer: pb.IssueCredentialsResponse) -> list[str]:
    """Lines that a shell takes into its environment."""
    kind = answer.WhichOneof("credentials")
    if kind is None:
        raise CommandError("the server issued what this version does not know: update weft")
    credentials = getattr(answer, kind)
    return [
        f"export {variable}={shlex.quote(getattr(credentials, field))}"
        for field, variable in _VARIABLES[kind].items()
        if getattr(credentials, field)
    ]


def write_environment(file: Path, lines: Sequence[str]) -> None:
    """Writes lines into a file that its owner alone may read."""
    # Not first readable by others and then no more: it never is.
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        os.fchmod(handle, 0o600)
        stream.write("\n".join([*lines, ""]))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"{text!r} is no NAME=VALUE")
    return name, value


def _secret(text: str) -> tuple[str, str]:
    """A secret property and its value; never on the command line, where others see it."""
    name, equals, file = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"{name!r} is no NAME=FILE")
    if file == "-":
        return name, sys.stdin.read().rstrip("\n")
    try:
        return name, Path(file).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}", Exit.USAGE) from error
