"""`weft secrets`: values that pipelines need, and where they are kept."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli._access import told
from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import (
    by_id,
    note,
    output_option,
    print_document,
    print_fields,
    print_message,
    print_messages,
)
from weft.cli._pages import paged
from weft.cli._secrets import ask_new
from weft.cli.secret_store import rotate_key, store

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import secrets_pb2, secrets_pb2_grpc


def _values_options(command: Any) -> Any:
    """The ways to hand over values, those first that leave no trace."""
    for option in (
        click.option(
            "--value",
            "values",
            multiple=True,
            metavar="KEY=VALUE",
            help="A value in plain sight: it stays in the history of your shell.",
        ),
        click.option(
            "--env-file",
            "env_files",
            multiple=True,
            type=click.Path(exists=True, dir_okay=False),
            help="A file of KEY=VALUE lines.",
        ),
        click.option(
            "--file", "files", multiple=True, metavar="KEY=PATH", help="The content of a file."
        ),
        click.option("--stdin", "piped", metavar="KEY", help="What standard input holds."),
        click.option("--key", "keys", multiple=True, metavar="KEY", help="Ask for it here."),
    ):
        command = option(command)
    return command


_projects_option = click.option(
    "--project-runs",
    "projects",
    multiple=True,
    metavar="PROJECT",
    help="Its runs may read it, also for those who are editors of that project alone.",
)


@click.group()
def secrets() -> None:
    """Keep values that pipelines need. SECRET is an id; values are asked for, piped or read."""


secrets.add_command(store)
secrets.add_command(rotate_key)


@secrets.command("list")
@click.option("-q", "--query", default="", help="Which: over create_time and creator.")
@output_option
def list_secrets(*, query: str, output: str) -> None:
    """List secrets and the keys of their values."""
    from weftapi.workspace.v1 import secrets_pb2 as pb

    connection, stub = _connect()
    call = connection.workspace.call
    pages = paged(lambda r: call(stub.ListSecrets, r), pb.ListSecretsRequest(filter=query))
    print_messages(
        [secret for page in pages for secret in page.secrets],
        output,
        header=("SECRET", "SCOPE", "KEYS", "CHANGED", "DESCRIPTION"),
        row=lambda s: (
            short(s.name),
            _scope(s),
            ", ".join(s.keys),
            told(s.update_time),
            s.description,
        ),
        empty="no secrets yet: make one with `weft secrets create ID --key KEY`",
    )


@secrets.command()
@click.argument("secret")
@output_option
def show(*, secret: str, output: str) -> None:
    """Show a secret, without its values."""
    from weftapi.workspace.v1 import secrets_pb2 as pb

    connection, stub = _connect()
    request = pb.GetSecretRequest(name=_name(secret))
    found = connection.workspace.call(stub.GetSecret, request)
    print_message(found, output, lambda: _draw(found))


@secrets.command()
@click.argument("secret")
@_values_options
@click.option("--private", is_flag=True, help="For you and the runs that you start alone.")
@_projects_option
@click.option("--description", default="", help="What it is for.")
@output_option
def create(
    *,
    secret: str,
    private: bool,
    projects: Sequence[str],
    description: str,
    output: str,
    **given: Any,
) -> None:
    """Make a secret.

    weft secrets create huggingface --key token
    """
    from weftapi.workspace.v1 import secrets_pb2 as pb

    values = _read(**given)
    if not values:
        raise CommandError(
            "a secret holds one value at least: say how to get it, such as `--key token`",
            Exit.USAGE,
        )
    scope = pb.SECRET_SCOPE_PRIVATE if private else pb.SECRET_SCOPE_SHARED
    connection, stub = _connect()
    request = pb.CreateSecretRequest(
        secret_id=secret,
        secret=pb.Secret(
            values=values, scope=scope, description=description, projects=_full(projects)
        ),
        request_id=str(uuid.uuid4()),
    )
    made = connection.workspace.call(stub.CreateSecret, request)
    print_message(made, output, lambda: _draw(made))


@secrets.command()
@click.argument("secret")
@_values_options
@click.option("--remove", multiple=True, metavar="KEY", help="Remove the value of a key.")
@_projects_option
@click.option("--no-projects", is_flag=True, help="Take it from all projects.")
@click.option("--description", help="What it is for.")
@output_option
def update(
    *,
    secret: str,
    remove: Sequence[str],
    projects: Sequence[str],
    no_projects: bool,
    description: str | None,
    output: str,
    **given: Any,
) -> None:
    """Set or remove values; all others stay. Projects replace those that it is for."""
    from weftapi.workspace.v1 import secrets_pb2 as pb

    values = _read(**given)
    request = pb.UpdateSecretRequest(
        secret=pb.Secret(
            name=_name(secret),
            values=values,
            description=description or "",
            projects=_full(projects),
        ),
        remove_keys=remove,
        request_id=str(uuid.uuid4()),
    )
    if values or remove:
        request.update_mask.paths.append("values")
    if projects or no_projects:
        request.update_mask.paths.append("projects")
    if description is not None:
        request.update_mask.paths.append("description")
    if not request.update_mask.paths:
        raise CommandError(
            "nothing to change: give a value, --remove, --project-runs or --description", Exit.USAGE
        )
    connection, stub = _connect()
    changed = connection.workspace.call(stub.UpdateSecret, request)
    print_message(changed, output, lambda: _draw(changed))


@secrets.command()
@click.argument("secret")
@click.argument("key", default="")
@output_option
def access(*, secret: str, key: str, output: str) -> None:
    """Print the values of a secret, or that of one KEY alone. Every reading is audited."""
    from weftapi.workspace.v1 import secrets_pb2 as pb

    connection, stub = _connect()
    request = pb.AccessSecretRequest(name=_name(secret))
    values = dict(connection.workspace.call(stub.AccessSecret, request).values)
    if key and key not in values:
        has = ", ".join(sorted(values))
        raise CommandError(f"{secret} has no key {key!r}: it has {has}", Exit.NOT_FOUND)
    if key:
        click.echo(values[key])
    elif output == "name":
        click.echo("\n".join(sorted(values)))
    elif output == "table":
        print_fields(sorted(values.items()))
    else:
        print_document(values, output)


@secrets.command()
@click.argument("secret")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(*, secret: str, yes: bool) -> None:
    """Delete a secret with its values."""
    from weftapi.workspace.v1 import secrets_pb2 as pb

    connection, stub = _connect()
    if not yes:
        click.confirm(f"Delete {secret}? Its values cannot be had back.", abort=True, err=True)
    connection.workspace.call(stub.DeleteSecret, pb.DeleteSecretRequest(name=_name(secret)))
    note(f"{secret} is deleted")


def _read(
    *,
    values: Sequence[str],
    env_files: Sequence[str],
    files: Sequence[str],
    piped: str | None,
    keys: Sequence[str],
) -> dict[str, str]:
    """Values by key; raises CommandError."""
    found = dict(_pair(text) for text in values)
    for path in env_files:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        found |= dict(_pair(line) for line in lines if line.strip() and line[0] != "#")
    for text in files:
        key, path = _pair(text)
        found[key] = _content(path)
    if piped:
        found[piped] = sys.stdin.read().removesuffix("\n")
    return found | {key: ask_new(key) for key in keys}


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (equals and key):
        # The text itself may be a value: it is not repeated.
        raise CommandError("a value is given as KEY=VALUE, a file as KEY=PATH", Exit.USAGE)
    return key.strip(), value


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read as text: {error}", Exit.USAGE) from None


def _connect() -> tuple[Connection, secrets_pb2_grpc.SecretServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import secrets_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(secrets_pb2_grpc.SecretServiceStub)


def _full(projects: Sequence[str]) -> list[str]:
    return [text if "/" in text else f"projects/{text}" for text in projects]


def _name(text: str) -> str:
    return text if text.startswith("secrets/") else f"secrets/{text}"


def _scope(secret: secrets_pb2.Secret) -> str:
    from weftapi.workspace.v1 import secrets_pb2 as pb

    return "private" if secret.scope == pb.SECRET_SCOPE_PRIVATE else "shared"


def _draw(secret: secrets_pb2.Secret) -> None:
    print_fields(
        [
            by_id("secret", secret.name),
            ("scope", _scope(secret)),
            ("keys", ", ".join(secret.keys)),
            ("runs of", ", ".join(map(short, secret.projects))),
            ("description", secret.description),
            ("creator", secret.creator),
            ("created", told(secret.create_time)),
            ("changed", told(secret.update_time)),
        ]
    )
