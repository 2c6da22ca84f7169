"""`weft flavors`: what components can be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli._names import short
from weft.cli._output import by_id, note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged
from weft.cli._stacks import config_of, connect, labels_of

if TYPE_CHECKING:
    from weftapi.workspace.v1 import components_pb2


@click.group()
def flavors() -> None:
    """List what components can be, and add to it. FLAVOR is an id: s3-artifact-store."""


@flavors.command("list")
@click.option("--type", "type_", default="", help="Of this type only: artifact_store.")
@output_option
def list_flavors(*, type_: str, output: str) -> None:
    """List flavors, those that come with Weft and your own."""
    from weftapi.workspace.v1 import components_pb2

    connection, stub = connect()
    call = connection.workspace.call
    request = components_pb2.ListFlavorsRequest(filter=f'type = "{type_}"' if type_ else "")
    pages = paged(lambda r: call(stub.ListFlavors, r), request)
    print_messages(
        [flavor for page in pages for flavor in page.flavors],
        output,
        header=("FLAVOR", "TYPE", "BY", "NAME"),
        row=lambda f: (short(f.name), f.type, "weft" if f.built_in else "you", f.display_name),
    )


@flavors.command()
@click.argument("flavor")
@output_option
def show(*, flavor: str, output: str) -> None:
    """Show a flavor, and the fields of its configuration."""
    from weftapi.workspace.v1 import components_pb2

    connection, stub = connect()
    request = components_pb2.GetFlavorRequest(name=f"flavors/{short(flavor)}")
    found = connection.workspace.call(stub.GetFlavor, request)
    print_message(found, output, lambda: _draw(found))


@flavors.command()
@click.argument("flavor")
@click.option("--type", "type_", required=True, help="The type of its components.")
@click.option(
    "--schema",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the JSON Schema of the configuration, as JSON or YAML.",
)
@click.option("--name", default="", help="The name that people read.")
@click.option("--description", default="", help="What it is for.")
@click.option("--label", multiple=True, help="name=value; more than once for more.")
@output_option
def create(
    *,
    flavor: str,
    type_: str,
    schema: Path | None,
    name: str,
    description: str,
    label: tuple[str, ...],
    output: str,
) -> None:
    """Make a flavor of your own. Mark properties as secret by `x-weft-secret: true`."""
    from weftapi.workspace.v1 import components_pb2

    connection, stub = connect()
    new = components_pb2.Flavor(
        type=type_, display_name=name, description=description, labels=labels_of(label)
    )
    new.config_schema.update(config_of((), schema))
    request = components_pb2.CreateFlavorRequest(flavor_id=flavor, flavor=new)
    made = connection.workspace.call(stub.CreateFlavor, request)
    print_message(made, output, lambda: _draw(made))


@flavors.command()
@click.argument("flavor")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(*, flavor: str, yes: bool) -> None:
    """Delete a flavor of your own that no component has."""
    from weftapi.workspace.v1 import components_pb2

    connection, stub = connect()
    if not yes:
        click.confirm(f"Delete flavor {short(flavor)}?", abort=True, err=True)
    request = components_pb2.DeleteFlavorRequest(name=f"flavors/{short(flavor)}")
    connection.workspace.call(stub.DeleteFlavor, request)
    note(f"{short(flavor)} is deleted")


def _draw(flavor: components_pb2.Flavor) -> None:
    from google.protobuf.json_format import MessageToDict

    from weftapi.workspace.v1 import components_pb2

    schema = MessageToDict(flavor.config_schema)
    required = set(schema.get("required", ()))
    is_executed = flavor.use == components_pb2.FLAVOR_USE_EXECUTED
    print_fields(
        [
            by_id("flavor", flavor.name),
            ("type", flavor.type),
            ("name", flavor.display_name),
            ("for", flavor.description),
            ("by", "weft" if flavor.built_in else flavor.creator),
            ("used by", "Weft itself" if is_executed else "steps, which are handed it"),
            *(
                (f"  {name}", _property(rules, is_required=name in required))
                for name, rules in schema.get("properties", {}).items()
            ),
        ]
    )


def _property(rules: dict[str, object], *, is_required: bool) -> str:
    words = [str(rules.get("type", "anything"))]
    if is_required:
        words.append("required")
    if rules.get("x-weft-secret"):
        words.append("secret")
    return f"{', '.join(words)}: {rules.get('title', '')}"
