"""`weft stacks`: what runs are executed with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import (
    as_dict,
    by_id,
    note,
    output_option,
    print_document,
    print_fields,
    print_message,
    print_messages,
    print_table,
)
from weft.cli._pages import paged
from weft.cli._stacks import component_name, connect, labels_of, print_report, stack_name

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import components_pb2, stacks_pb2

_parts = click.option(
    "-c", "--component", "parts", multiple=True, help="A component; more than once for more."
)


@click.group()
def stacks() -> None:
    """Put stacks together, try them, and choose one. STACK is an id."""


@stacks.command("list")
@output_option
def list_stacks(*, output: str) -> None:
    """List the stacks of the workspace; * is the one in use here."""
    from weftapi.workspace.v1 import stacks_pb2

    connection, stub = connect()
    call = connection.workspace.call
    pages = paged(lambda r: call(stub.ListStacks, r), stacks_pb2.ListStacksRequest())
    used = connection.context.stack
    print_messages(
        [stack for page in pages for stack in page.stacks],
        output,
        header=("STACK", "DEFAULT", "COMPONENTS", "NAME"),
        row=lambda s: (
            short(s.name) + ("*" if short(s.name) == used else ""),
            "yes" if s.workspace_default else "",
            ", ".join(short(name) for name in _components_of(s)),
            s.display_name,
        ),
        empty="no stacks yet: make one with `weft stacks create ID -c COMPONENT`",
    )


@stacks.command()
@click.argument("stack", required=False)
@output_option
def show(*, stack: str | None, output: str) -> None:
    """Show a stack as a table of its parts; the one in use without an argument."""
    connection, _ = connect()
    found = _get(connection, _chosen(connection, stack))
    print_message(found, output, lambda: _draw(connection, found))


@stacks.command()
@click.argument("stack")
@_parts
@click.option("--default", "is_default", is_flag=True, help="Serve all runs without a stack.")
@click.option("--name", default="", help="The name that people read.")
@click.option("--description", default="", help="What it is for.")
@click.option("--label", multiple=True, help="name=value; more than once for more.")
@output_option
def create(
    *,
    stack: str,
    parts: tuple[str, ...],
    is_default: bool,
    name: str,
    description: str,
    label: tuple[str, ...],
    output: str,
) -> None:
    """Make a stack of components, each in the place of its type."""
    from weftapi.workspace.v1 import stacks_pb2

    connection, _ = connect()
    new = stacks_pb2.Stack(
        workspace_default=is_default,
        display_name=name,
        description=description,
        labels=labels_of(label),
    )
    _place(connection, new, parts)
    made = _create(connection, stack, new)
    print_message(made, output, lambda: _draw(connection, made))


@stacks.command()
@click.argument("stack")
@_parts
@click.option("--default/--no-default", "is_default", default=None, help="Serve runs without one.")
@click.option("--name", help="The name that people read.")
@click.option("--description", help="What it is for.")
@click.option("--label", multiple=True, help="name=value; they take the place of all labels.")
@output_option
def update(
    *,
    stack: str,
    parts: tuple[str, ...],
    is_default: bool | None,
    name: str | None,
    description: str | None,
    label: tuple[str, ...],
    output: str,
) -> None:
    """Change a stack; components take the place of all those it had."""
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.workspace.v1 import stacks_pb2

    connection, stub = connect()
    values: dict[str, Any] = {
        "display_name": name,
        "description": description,
        "workspace_default": is_default,
        "labels": labels_of(label) or None,
    }
    chosen = {field: value for field, value in values.items() if value is not None}
    changed = stacks_pb2.Stack(name=stack_name(stack), **chosen)
    paths = list(chosen)
    if parts:
        _place(connection, changed, parts)
        paths += ["components", "additional_components"]
    if not paths:
        raise CommandError("say what changes: --component, --name ...", Exit.USAGE)
    request = stacks_pb2.UpdateStackRequest(stack=changed, update_mask=FieldMask(paths=paths))
    made = connection.workspace.call(stub.UpdateStack, request)
    print_message(made, output, lambda: _draw(connection, made))


@stacks.command()
@click.argument("stack")
@click.argument("new")
@output_option
def copy(*, stack: str, new: str, output: str) -> None:
    """Make a stack NEW of the same components."""
    from weftapi.workspace.v1 import stacks_pb2

    connection, _ = connect()
    found = _get(connection, stack)
    twin = stacks_pb2.Stack(
        components=found.components,
        additional_components=found.additional_components,
        description=found.description,
        labels=found.labels,
    )
    made = _create(connection, new, twin)
    print_message(made, output, lambda: _draw(connection, made))


@stacks.command()
@click.argument("stack", required=False)
@output_option
def validate(*, stack: str | None, output: str) -> int:
    """Try everything that a stack is made of; exits with 1 where something is wrong.

    Components are tried at the same time, and told as each one is done.
    """
    from concurrent.futures import ThreadPoolExecutor, as_completed

    from weftapi.workspace.v1 import components_pb2, stacks_pb2

    connection, stub = connect()
    name = stack_name(_chosen(connection, stack))
    call = connection.workspace.call
    if output != "table":
        request = stacks_pb2.ValidateStackRequest(name=name)
        report = call(stub.ValidateStack, request, timeout_s=120)
        print_document(as_dict(report), output)
        return Exit.DONE if report.ok else Exit.ERROR

    def one(component: str) -> components_pb2.ValidationReport:
        request = components_pb2.ValidateComponentRequest(name=component)
        return call(stub.ValidateComponent, request, timeout_s=120)

    names = _components_of(_get(connection, name))
    with ThreadPoolExecutor(max_workers=8) as pool:
        for done in as_completed([pool.submit(one, component) for component in names]):
            print_report(done.result().checks)
    # Once more as a whole, for what is wrong between parts that are right.
    whole = call(stub.ValidateStack, stacks_pb2.ValidateStackRequest(name=name), timeout_s=120)
    print_report([check for check in whole.checks if not check.component])
    note(f"{short(name)} can be used" if whole.ok else f"{short(name)} cannot be used as it is")
    return Exit.DONE if whole.ok else Exit.ERROR


@stacks.command()
@click.argument("stack")
def use(*, stack: str) -> None:
    """Run on a stack from now on, in this context; `-` is none."""
    from weft._contexts import ContextStore

    connection, _ = connect()
    chosen = "" if stack == "-" else short(_get(connection, stack).name)
    ContextStore().change(connection.context.name, stack=chosen)
    note(f"context {connection.context.name!r} uses {chosen or 'no stack of its own'}")


@stacks.command()
@click.argument("stack")
def export(*, stack: str) -> None:
    """Print a stack with its components as YAML, for `weft stacks import`."""
    from google.protobuf.json_format import MessageToDict

    connection, _ = connect()
    found = _get(connection, stack)
    document = {
        "stack": short(found.name),
        "display_name": found.display_name,
        "description": found.description,
        "labels": dict(found.labels),
        "components": [
            {
                "component": short(part.name),
                "flavor": short(part.flavor),
                "config": MessageToDict(part.config),
                "connector": short(part.connector),
                "resource": part.connector_resource,
            }
            for part in (_component(connection, name) for name in _components_of(found))
        ],
    }
    print_document(document, "yaml")


@stacks.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@output_option
def import_(*, file: Path, output: str) -> None:
    """Make a stack of a YAML file; components that are there already are taken as they are."""
    import yaml

    from weftapi.workspace.v1 import stacks_pb2

    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or "stack" not in document:
        raise CommandError(f"{file} is no exported stack", Exit.USAGE)
    connection, _ = connect()
    parts = document.get("components") or []
    for part in parts:
        _ensure_component(connection, part)
    new = stacks_pb2.Stack(
        display_name=document.get("display_name") or "",
        description=document.get("description") or "",
        labels=document.get("labels") or {},
    )
    _place(connection, new, [part["component"] for part in parts])
    made = _create(connection, document["stack"], new)
    print_message(made, output, lambda: _draw(connection, made))


@stacks.command()
@click.argument("stack")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(*, stack: str, yes: bool) -> None:
    """Delete a stack that nothing uses; its components stay."""
    from weftapi.workspace.v1 import stacks_pb2

    connection, stub = connect()
    if not yes:
        click.confirm(f"Delete stack {short(stack)}?", abort=True, err=True)
    request = stacks_pb2.DeleteStackRequest(name=stack_name(stack))
    connection.workspace.call(stub.DeleteStack, request)
    note(f"{short(stack)} is deleted")


def _chosen(connection: Connection, stack: str | None) -> str:
    chosen = stack or connection.context.stack
    if not chosen:
        raise CommandError("say which stack, or choose one with `weft stacks use`", Exit.USAGE)
    return chosen


def _get(connection: Connection, stack: str) -> stacks_pb2.Stack:
    from weftapi.workspace.v1 import stacks_pb2, stacks_pb2_grpc

    stub = connection.workspace.stub(stacks_pb2_grpc.StackServiceStub)
    request = stacks_pb2.GetStackRequest(name=stack_name(stack))
    return connection.workspace.call(stub.GetStack, request)


def _create(connection: Connection, id_: str, stack: stacks_pb2.Stack) -> stacks_pb2.Stack:
    from weftapi.workspace.v1 import stacks_pb2, stacks_pb2_grpc

    stub = connection.workspace.stub(stacks_pb2_grpc.StackServiceStub)
    request = stacks_pb2.CreateStackRequest(stack_id=id_, stack=stack)
    return connection.workspace.call(stub.CreateStack, request)


def _component(connection: Connection, component: str) -> components_pb2.Component:
    from weftapi.workspace.v1 import components_pb2, stacks_pb2_grpc

    stub = connection.workspace.stub(stacks_pb2_grpc.StackServiceStub)
    request = components_pb2.GetComponentRequest(name=component_name(component))
    return connection.workspace.call(stub.GetComponent, request)


def _ensure_component(connection: Connection, part: dict[str, Any]) -> None:
    from weft.errors import ConflictError
    from weftapi.workspace.v1 import components_pb2, stacks_pb2_grpc

    stub = connection.workspace.stub(stacks_pb2_grpc.StackServiceStub)
    connector = part.get("connector") or ""
    new = components_pb2.Component(
        flavor=f"flavors/{part['flavor']}",
        connector=f"serviceConnectors/{connector}" if connector else "",
        connector_resource=part.get("resource") or "",
    )
    new.config.update(part.get("config") or {})
    request = components_pb2.CreateComponentRequest(component_id=part["component"], component=new)
    try:
        connection.workspace.call(stub.CreateComponent, request)
    except ConflictError:
        note(f"{part['component']} is there already, and is taken as it is")


def _place(connection: Connection, stack: stacks_pb2.Stack, parts: Any) -> None:
    """Puts components into the places of their types; the first of a type serves by default."""
    for part in parts:
        found = _component(connection, part)
        if found.type in stack.components:
            stack.additional_components.append(found.name)
        else:
            stack.components[found.type] = found.name


def _components_of(stack: stacks_pb2.Stack) -> list[str]:
    defaults = [stack.components[type_] for type_ in sorted(stack.components)]
    return [*defaults, *stack.additional_components]


def _draw(connection: Connection, stack: stacks_pb2.Stack) -> None:
    print_fields(
        [
            by_id("stack", stack.name),
            ("name", stack.display_name),
            ("for", stack.description),
            ("serves", "runs without a stack of their own" if stack.workspace_default else ""),
        ]
    )
    defaults = set(stack.components.values())
    found = [_component(connection, name) for name in _components_of(stack)]
    if found:
        print_table(
            ("TYPE", "COMPONENT", "FLAVOR", "CONNECTOR"),
            [
                (
                    part.type if part.name in defaults else f"  also {part.type}",
                    short(part.name),
                    short(part.flavor),
                    short(part.connector),
                )
                for part in found
            ],
        )
