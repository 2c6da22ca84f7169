"""`weft components`: the parts of stacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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
from weft.cli._stacks import component_name, config_of, connect, labels_of, print_report

if TYPE_CHECKING:
    from weftapi.workspace.v1 import components_pb2

_set = click.option("--set", "pairs", multiple=True, help="name=value of the configuration.")
_file = click.option(
    "--config",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the configuration, as JSON or YAML.",
)
_connector = click.option("--connector", help="The service connector whose credentials it takes.")
_resource = click.option("--resource", help="What these credentials are for: bucket/folder.")


@click.group()
def components() -> None:
    """List, make, try and change the parts of stacks. COMPONENT is an id."""


@components.command("list")
@click.option("--type", "type_", default="", help="Of this type only: artifact_store.")
@output_option
def list_components(*, type_: str, output: str) -> None:
    """List the components of the workspace."""
    from weftapi.workspace.v1 import components_pb2

    connection, stub = connect()
    call = connection.workspace.call
    request = components_pb2.ListComponentsRequest(filter=f'type = "{type_}"' if type_ else "")
    pages = paged(lambda r: call(stub.ListComponents, r), request)
    print_messages(
        [component for page in pages for component in page.components],
        output,
        header=("COMPONENT", "TYPE", "FLAVOR", "CONNECTOR", "NAME"),
        row=lambda c: (
            short(c.name),
            c.type,
            short(c.flavor),
            short(c.connector),
            c.display_name,
        ),
        empty="no components yet: make one with `weft components create ID --flavor FLAVOR`",
    )


@components.command()
@click.argument("component")
@output_option
def show(*, component: str, output: str) -> None:
    """Show a component and its configuration."""
    from weftapi.workspace.v1 import components_pb2

    connection, stub = connect()
    request = components_pb2.GetComponentRequest(name=component_name(component))
    found = connection.workspace.call(stub.GetComponent, request)
    print_message(found, output, lambda: draw(found))


@components.command()
@click.argument("component")
@click.option("--flavor", required=True, help="What it is: s3-artifact-store.")
@_set
@_file
@_connector
@_resource
@click.option("--name", default="", help="The name that people read.")
@click.option("--description", default="", help="What it is for.")
@click.option("--label", multiple=True, help="name=value; more than once for more.")
@output_option
def create(
    *,
    component: str,
    flavor: str,
    pairs: tuple[str, ...],
    file: Path | None,
    connector: str | None,
    resource: str | None,
    name: str,
    description: str,
    label: tuple[str, ...],
    output: str,
) -> None:
    """Make a component. Secrets are named, never written: {{secrets.ID.KEY}}."""
    from weftapi.workspace.v1 import components_pb2

    connection, stub = connect()
    new = components_pb2.Component(
        flavor=f"flavors/{short(flavor)}",
        connector=_connector_name(connector),
        connector_resource=resource or "",
        display_name=name,
        description=description,
        labels=labels_of(label),
    )
    new.config.update(config_of(pairs, file))
    request = components_pb2.CreateComponentRequest(component_id=component, component=new)
    made = connection.workspace.call(stub.CreateComponent, request)
    print_message(made, output, lambda: draw(made))


@components.command()
@click.argument("component")
@_set
@_file
@_connector
@_resource
@click.option("--name", help="The name that people read.")
@click.option("--description", help="What it is for.")
@click.option("--label", multiple=True, help="name=value; they take the place of all labels.")
@output_option
def update(
    *,
    component: str,
    pairs: tuple[str, ...],
    file: Path | None,
    connector: str | None,
    resource: str | None,
    name: str | None,
    description: str | None,
    label: tuple[str, ...],
    output: str,
) -> None:
    """Change a component; --set changes single fields of its configuration."""
    from google.protobuf.field_mask_pb2 import FieldMask
    from google.protobuf.json_format import MessageToDict

    from weftapi.workspace.v1 import components_pb2

    connection, stub = connect()
    call = connection.workspace.call
    values: dict[str, Any] = {
        "display_name": name,
        "description": description,
        "connector": None if connector is None else _connector_name(connector),
        "connector_resource": resource,
        "labels": labels_of(label) or None,
    }
    chosen = {field: value for field, value in values.items() if value is not None}
    changed = components_pb2.Component(name=component_name(component), **chosen)
    if pairs or file:
        present = call(stub.GetComponent, components_pb2.GetComponentRequest(name=changed.name))
        # Somebody else's change meanwhile is not undone.
        changed.etag = present.etag
        before = {} if file else MessageToDict(present.config)
        changed.config.update(before | config_of(pairs, file))
        chosen["config"] = True
    if not chosen:
        raise CommandError("say what changes: --set, --config, --name ...", Exit.USAGE)
    mask = FieldMask(paths=list(chosen))
    request = components_pb2.UpdateComponentRequest(component=changed, update_mask=mask)
    made = call(stub.UpdateComponent, request)
    print_message(made, output, lambda: draw(made))


@components.command()
@click.argument("component")
@output_option
def validate(*, component: str, output: str) -> int:
    """Try a component for real; exits with 1 where something is wrong."""
    from weft.cli._output import as_dict
    from weftapi.workspace.v1 import components_pb2

    connection, stub = connect()
    request = components_pb2.ValidateComponentRequest(name=component_name(component))
    report = connection.workspace.call(stub.ValidateComponent, request, timeout_s=120)
    if output == "table":
        print_report(report.checks)
    else:
        print_document(as_dict(report), output)
    return Exit.DONE if report.ok else Exit.ERROR


@components.command()
@click.argument("component")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(*, component: str, yes: bool) -> None:
    """Delete a component that is in no stack."""
    from weftapi.workspace.v1 import components_pb2

    connection, stub = connect()
    if not yes:
        click.confirm(f"Delete component {short(component)}?", abort=True, err=True)
    request = components_pb2.DeleteComponentRequest(name=component_name(component))
    connection.workspace.call(stub.DeleteComponent, request)
    note(f"{short(component)} is deleted")


def _connector_name(text: str | None) -> str:
    return f"serviceConnectors/{short(text)}" if text else ""


def draw(component: components_pb2.Component) -> None:
    """Draws a component for people."""
    import json

    from google.protobuf.json_format import MessageToDict

    config = MessageToDict(component.config)
    print_fields(
        [
            by_id("component", component.name),
            ("type", component.type),
            by_id("flavor", component.flavor),
            ("name", component.display_name),
            ("for", component.description),
            by_id("connector", component.connector),
            ("resource", component.connector_resource),
            *((f"  {name}", json.dumps(value).strip('"')) for name, value in config.items()),
        ]
    )
