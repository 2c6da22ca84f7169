"""`weft secrets store`: where values are kept, and the keys that encrypt them."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._output import output_option, print_fields, print_message

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import secret_stores_pb2, secret_stores_pb2_grpc

_DATABASE = "database"
_PLACES = {"vault": "address", "aws": "region", "gcp": "project", "azure": "vault_uri"}


@click.group()
def store() -> None:
    """Say where values are kept.

    BACKEND is `database`, or a YAML or JSON file ('-' is standard input) such as

    \b
    vault:
      address: https://vault.example.com:8200
      token: hvs...
    """


@store.command()
@output_option
def show(*, output: str) -> None:
    """Show where values are kept, and how far a migration is."""
    from weftapi.workspace.v1 import secret_stores_pb2 as pb

    connection, stub = _connect()
    found = connection.workspace.call(stub.GetSecretStore, pb.GetSecretStoreRequest())
    print_message(found, output, lambda: _draw(found))


@store.command("set")
@click.argument("backend", default="")
@click.option("--backup", metavar="BACKEND", help="Keep every value there too; `none` ends that.")
@output_option
def set_(*, backend: str, backup: str | None, output: str) -> None:
    """Give the store new credentials, or a backup that answers while it is down."""
    from weftapi.workspace.v1 import secret_stores_pb2 as pb

    if not backend and backup is None:
        raise CommandError("nothing to change: give BACKEND or --backup", Exit.USAGE)
    request = pb.UpdateSecretStoreRequest(request_id=str(uuid.uuid4()))
    if backend:
        request.backend.CopyFrom(_backend(backend))
    if backup == "none":
        request.remove_backup = True
    elif backup is not None:
        request.backup.CopyFrom(_backend(backup))
    connection, stub = _connect()
    changed = connection.workspace.call(stub.UpdateSecretStore, request, timeout_s=60.0)
    print_message(changed, output, lambda: _draw(changed))


@store.command()
@click.argument("backend")
@output_option
def migrate(*, backend: str, output: str) -> None:
    """Move all values to another backend; `weft secrets store show` says how far it is."""
    from weftapi.workspace.v1 import secret_stores_pb2 as pb

    request = pb.MigrateSecretStoreRequest(target=_backend(backend), request_id=str(uuid.uuid4()))
    connection, stub = _connect()
    begun = connection.workspace.call(stub.MigrateSecretStore, request, timeout_s=60.0)
    print_message(begun, output, lambda: _draw(begun))


@click.command("rotate-key")
@click.option("--wrapping", is_flag=True, help="The key in the key file, which encrypts the other.")
@output_option
def rotate_key(*, wrapping: bool, output: str) -> None:
    """Replace the key that encrypts values, and encrypt them anew in the background."""
    from weftapi.workspace.v1 import secret_stores_pb2 as pb

    kind = pb.RotateSecretKeyRequest
    request = kind(
        key=kind.KEY_WRAPPING if wrapping else kind.KEY_DATA, request_id=str(uuid.uuid4())
    )
    connection, stub = _connect()
    changed = connection.workspace.call(stub.RotateSecretKey, request)
    print_message(changed, output, lambda: _draw(changed))


def _connect() -> tuple[Connection, secret_stores_pb2_grpc.SecretStoreServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import secret_stores_pb2_grpc as grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(grpc.SecretStoreServiceStub)


def _backend(text: str) -> secret_stores_pb2.SecretBackend:
    """A backend as a file describes it; raises CommandError."""
    import yaml
    from google.protobuf import json_format

    from weftapi.workspace.v1 import secret_stores_pb2 as pb

    if text == _DATABASE:
        return pb.SecretBackend(database=pb.DatabaseSecrets())
    try:
        content = sys.stdin.read() if text == "-" else Path(text).read_text(encoding="utf-8")
        backend: Any = json_format.ParseDict(yaml.safe_load(content) or {}, pb.SecretBackend())
    except (OSError, yaml.YAMLError, json_format.ParseError, TypeError, AttributeError) as error:
        # The first line alone: what follows may quote the file.
        said = str(error).splitlines()[0] if isinstance(error, OSError) else "it is not understood"
        raise CommandError(f"{text} describes no backend: {said}", Exit.USAGE) from None
    if not backend.WhichOneof("kind"):
        raise CommandError(f"{text} describes no backend: give one of {_kinds()}", Exit.USAGE)
    return pb.SecretBackend.FromString(backend.SerializeToString())


def _kinds() -> str:
    return ", ".join([_DATABASE, *_PLACES])


def _draw(store: secret_stores_pb2.SecretStore) -> None:
    keys, missing = store.keys, store.backup_missing_count
    backup = _place(store.backup) if store.HasField("backup") else ""
    rotating = ", being replaced" if keys.rotating else ""
    print_fields(
        [
            ("store", _place(store.backend)),
            ("backup", f"{backup}, {missing} missing" if backup and missing else backup),
            ("migration", _migration(store)),
            ("problem", store.migration.problem),
            ("data key", f"{keys.data_key}{rotating}"),
            ("wrapping key", keys.wrapping_key),
        ]
    )


def _migration(store: secret_stores_pb2.SecretStore) -> str:
    if not store.HasField("migration"):
        return ""
    migration = store.migration
    if migration.HasField("end_time"):
        return f"to {_place(migration.target)}: done, {migration.moved_count} moved"
    done, left = migration.moved_count, migration.remaining_count
    return f"to {_place(migration.target)}: {done} moved, {left} to go"


def _place(backend: secret_stores_pb2.SecretBackend) -> str:
    kind = backend.WhichOneof("kind") or _DATABASE
    place = _PLACES.get(kind)
    return f"{kind} ({getattr(getattr(backend, kind), place)})" if place else kind
