"""`weft connectors`: how the workspace signs in to clouds, and credentials from there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli._access import told
from weft.cli._connectors import (
    ask_for_secrets,
    connect,
    connector_name,
    document_of,
    environment_of,
    find_type,
    options_of,
    write_environment,
)
from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import by_id, note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weftapi.workspace.v1 import service_connectors_pb2 as pb

_settings = (
    click.option("--name", "display_name", help="The name that people read."),
    click.option("--description", help="What it is for."),
    click.option("--auth", "auth_method", help="The way to sign in; see `weft connectors types`."),
    click.option("--set", "config", multiple=True, metavar="NAME=VALUE", help="A property."),
    click.option(
        "--secret-file",
        "secret_files",
        multiple=True,
        metavar="NAME=FILE",
        help="A secret property from a file; '-' reads standard input.",
    ),
    click.option("--from-secret", "secret_name", help="A secret whose keys are the secret ones."),
    click.option("--offer", "resource_types", multiple=True, help="What may be issued; all else."),
    click.option("--resource", "resource_id", help="The only resource that may be issued."),
)


@click.group()
def connectors() -> None:
    """Sign the workspace in to clouds, and get short-lived credentials from there.

    CONNECTOR is an id.
    """


def _with_settings(command: Any) -> Any:
    for option in reversed(_settings):
        command = option(command)
    return command


@connectors.command()
@click.argument("type_", metavar="[TYPE]", required=False)
@output_option
def types(*, type_: str | None, output: str) -> None:
    """List the types of connectors; with TYPE, what that one asks for."""
    from weftapi.workspace.v1 import service_connectors_pb2 as pb

    connection, stub = connect()
    if type_:
        found = find_type(connection, stub, type_)
        print_message(found, output, lambda: _draw_type(found))
        return
    call = connection.workspace.call
    pages = paged(lambda r: call(stub.ListConnectorTypes, r), pb.ListConnectorTypesRequest())
    print_messages(
        [each for page in pages for each in page.connector_types],
        output,
        header=("TYPE", "AUTH", "OFFERS"),
        row=lambda t: (
            short(t.name),
            ", ".join(each.id for each in t.auth_methods),
            ", ".join(each.id for each in t.resource_types),
        ),
    )


@connectors.command("list")
@click.option("-q", "--query", default="", help="Which: over type, display_name, create_time.")
@output_option
def list_connectors(*, query: str, output: str) -> None:
    """List the connectors."""
    from weftapi.workspace.v1 import service_connectors_pb2 as pb

    connection, stub = connect()
    call = connection.workspace.call
    request = pb.ListServiceConnectorsRequest(filter=query)
    pages = paged(lambda r: call(stub.ListServiceConnectors, r), request)
    print_messages(
        [each for page in pages for each in page.service_connectors],
        output,
        header=("CONNECTOR", "TYPE", "AUTH", "OFFERS", "NAME"),
        row=lambda c: (
            short(c.name),
            short(c.type),
            c.auth_method,
            ", ".join(c.resource_types) or "everything",
            c.display_name,
        ),
        empty="no connectors yet: see `weft connectors types`, then `weft connectors create`",
    )


@connectors.command()
@click.argument("connector")
@output_option
def show(*, connector: str, output: str) -> None:
    """Show a connector, without its secrets."""
    from weftapi.workspace.v1 import service_connectors_pb2 as pb

    connection, stub = connect()
    request = pb.GetServiceConnectorRequest(name=connector_name(connector))
    found = connection.workspace.call(stub.GetServiceConnector, request)
    print_message(found, output, lambda: _draw(found))


@connectors.command()
@click.argument("connector")
@click.option("--type", "type_", required=True, help="The type; see `weft connectors types`.")
@_with_settings
@output_option
def create(*, connector: str, type_: str, output: str, **options: Any) -> None:
    """Add a connector; secret properties that are not in files are asked for."""
    from weftapi.workspace.v1 import service_connectors_pb2 as pb

    connection, stub = connect()
    wanted = document_of(options_of(options))
    found = find_type(connection, stub, type_)
    wanted.type = found.name
    if not options["secret_name"]:
        ask_for_secrets(found, wanted)
    request = pb.CreateServiceConnectorRequest(
        service_connector_id=connector, service_connector=wanted
    )
    made = connection.workspace.call(stub.CreateServiceConnector, request)
    print_message(made, output, lambda: _draw(made))
    note(f"try it: `weft connectors verify {short(made.name)}`")


@connectors.command()
@click.argument("connector")
@_with_settings
@output_option
def update(*, connector: str, output: str, **options: Any) -> None:
    """Change a connector; --set replaces all properties, a secret file that one secret."""
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.workspace.v1 import service_connectors_pb2 as pb

    connection, stub = connect()
    given = options_of(options)
    if not given:
        raise CommandError("say what changes: see the options with --help", Exit.USAGE)
    wanted = document_of(given)
    wanted.name = connector_name(connector)
    request = pb.UpdateServiceConnectorRequest(
        service_connector=wanted, update_mask=FieldMask(paths=given)
    )
    made = connection.workspace.call(stub.UpdateServiceConnector, request)
    print_message(made, output, lambda: _draw(made))


@connectors.command()
@click.argument("connector")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(*, connector: str, yes: bool) -> None:
    """Delete a connector with its secrets; what it issued ends by itself."""
    from weftapi.workspace.v1 import service_connectors_pb2 as pb

    connection, stub = connect()
    name = connector_name(connector)
    if not yes:
        click.confirm(f"Delete {short(name)} and its secrets?", abort=True, err=True)
    request = pb.DeleteServiceConnectorRequest(name=name)
    connection.workspace.call(stub.DeleteServiceConnector, request)
    note(f"{short(name)} is deleted")


@connectors.command()
@click.argument("connector")
@click.option("--type", "resource_type", default="", help="Also try to issue for this type.")
@click.option("--resource", "resource_id", default="", help="And for this resource.")
@output_option
def verify(*, connector: str, resource_type: str, resource_id: str, output: str) -> None:
    """Sign in to the service, and say as whom it knows the connector."""
    from weftapi.workspace.v1 import service_connectors_pb2 as pb

    connection, stub = connect()
    request = pb.VerifyServiceConnectorRequest(
        name=connector_name(connector), resource_type=resource_type, resource_id=resource_id
    )
    answer = connection.workspace.call(stub.VerifyServiceConnector, request)
    print_message(answer, output, lambda: print_fields([("signed in as", answer.identity)]))


@connectors.command()
@click.argument("connector")
@click.option("--type", "resource_type", required=True, help="The type: s3-bucket.")
@output_option
def resources(*, connector: str, resource_type: str, output: str) -> None:
    """List what the connector reaches, as the service says it now."""
    from weftapi.workspace.v1 import service_connectors_pb2 as pb

    connection, stub = connect()
    call = connection.workspace.call
    request = pb.ListConnectorResourcesRequest(
        parent=connector_name(connector), resource_type=resource_type
    )
    pages = paged(lambda r: call(stub.ListConnectorResources, r), request)
    found = [each for page in pages for each in page.resources]
    if output == "name":
        for each in found:
            click.echo(each.resource_id)
        return
    print_messages(
        found,
        output,
        header=("RESOURCE", "LOCATION"),
        row=lambda r: (r.resource_id, r.location),
        empty=f"no {resource_type} that this connector may see",
    )


@connectors.command()
@click.argument("connector")
@click.option("--type", "resource_type", required=True, help="The type: s3-bucket.")
@click.option("--resource", "resource_id", default="", help="The resource: bucket/prefix.")
@click.option("--write", is_flag=True, help="To write too; by default only to read.")
@click.option("--minutes", type=click.IntRange(1, 60), default=60, show_default=True)
@click.option(
    "--env-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write them there, readable by you alone, instead of printing them.",
)
@output_option
def issue(*, connector: str, env_file: Path | None, output: str, **options: Any) -> None:
    """Get short-lived credentials: lines of `NAME=VALUE`, to be taken into an environment."""
    from weftapi.workspace.v1 import service_connectors_pb2 as pb

    connection, stub = connect()
    access = pb.CREDENTIAL_ACCESS_WRITE if options["write"] else pb.CREDENTIAL_ACCESS_READ
    request = pb.IssueCredentialsRequest(
        name=connector_name(connector),
        resource_type=options["resource_type"],
        resource_id=options["resource_id"],
        access=access,
    )
    request.ttl.FromSeconds(60 * options["minutes"])
    answer = connection.workspace.call(stub.IssueCredentials, request)
    lines = environment_of(answer)
    left = answer.expire_time.ToDatetime(UTC) - datetime.now(UTC)
    if env_file:
        write_environment(env_file, lines)
        note(f"{env_file} holds credentials: do not commit it")
    else:
        print_message(answer, output, lambda: click.echo("\n".join(lines)))
        note("these are credentials: keep them out of files, logs and chats")
    note(f"they end in {int(left.total_seconds() // 60)} minutes")


def _draw(connector: pb.ServiceConnector) -> None:
    config = connector.config
    print_fields(
        [
            by_id("connector", connector.name),
            ("name", connector.display_name),
            ("description", connector.description),
            by_id("type", connector.type),
            ("signs in by", connector.auth_method),
            *((f"  {name}", str(config[name])) for name in sorted(config)),
            *((f"  {name}", "(kept secret)") for name in connector.secret_fields),
            ("secrets from", connector.secret_name),
            ("offers", ", ".join(connector.resource_types) or "everything of its type"),
            ("only", connector.resource_id),
            ("ends", told(connector.expire_time) if connector.HasField("expire_time") else ""),
            ("changed", told(connector.update_time)),
        ]
    )


def _draw_type(found: pb.ConnectorType) -> None:
    print_fields([("type", short(found.name)), ("connects to", found.description)])
    for method in found.auth_methods:
        click.echo(f"\n--auth {method.id}: {method.description}")
        properties: Any = method.config_schema["properties"]
        required: Any = method.config_schema["required"]
        print_fields(
            (
                f"  {'--secret-file' if name in method.secret_fields else '--set'} {name}",
                f"{properties[name]['description']}{'' if name in required else ' (optional)'}",
            )
            for name in sorted(properties, key=lambda name: (name not in required, name))
        )
    click.echo("\nOffers:")
    print_fields(
        (f"  {each.id}", f"{each.description} ({each.resource_id_example or 'no name'})")
        for each in found.resource_types
    )
