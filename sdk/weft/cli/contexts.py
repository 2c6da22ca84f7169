"""`weft contexts`: which mesh, workspace and project commands work in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft.cli._origins import Given, Origin, origin
from weft.cli._output import note, output_option, print_document, print_fields, print_table

if TYPE_CHECKING:
    from weft._contexts import Context, ContextStore

_SHOWN = (
    "context",
    "control plane",
    "workspace",
    "project",
    "stack",
    "gateway",
    "trust",
    "sign-in",
    "output",
)


@click.group()
def contexts() -> None:
    """List, choose and forget the meshes that you are signed in to; `weft ctx` is the short way."""


@contexts.command("list")
@output_option
def list_contexts(*, output: str) -> None:
    """List the contexts; the one in use is marked."""
    from weft._contexts import ContextStore

    store = ContextStore()
    print_contexts([store.get(name) for name in store.names()], store.current_name(), output)


@contexts.command()
@click.argument("context", default="")
@output_option
@click.pass_obj
def show(obj: dict[str, Any], /, *, context: str, output: str) -> None:
    """Show a context, the one in use by default, and where each value comes from."""
    from weft._contexts import ContextStore

    store = ContextStore()
    found = store.get(context) if context else store.current()
    rows = _origins(found, obj["given"])
    if output == "name":
        click.echo(found.name)
    elif output == "table":
        print_table(("SETTING", "VALUE", "FROM"), rows)
    else:
        print_document([{"setting": s, "value": v, "from": f} for s, v, f in rows], output)


@contexts.command()
@click.argument("context")
@output_option
def use(*, context: str, output: str) -> None:
    """Use a context from now on; - is the one before."""
    from weft._contexts import ContextStore

    store = ContextStore()
    store.use(context)
    _print_current(store, output)


@contexts.command()
@click.option("--project", help="Id of the project that commands use from now on.")
@click.option("--stack", help="Id of the stack that runs are executed with; '' leaves it open.")
@output_option
def update(*, project: str | None, stack: str | None, output: str) -> None:
    """Have the context in use work in another project, or on another stack."""
    from weft._contexts import ContextStore

    given = {"project": project, "stack": stack}
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes or project == "":
        raise click.UsageError("nothing to change: give --project ID or --stack ID")
    store = ContextStore()
    store.change(store.current().name, **changes)
    _print_current(store, output)


@contexts.command()
@click.argument("context")
def delete(*, context: str) -> None:
    """Forget a context and its sign-in on this machine; the session ends by `weft logout`."""
    from weft._contexts import ContextStore

    ContextStore().delete(context)
    click.echo(f"{context} is forgotten")


def print_contexts(found: list[Context], current: str, output: str) -> None:
    """Prints contexts; says how to get one where there is none."""
    if output == "table" and not found:
        note("no mesh yet: `weft up` starts one here, `weft login HOST:PORT` signs in to another")
    elif output == "table":
        mark = {current: "*"}
        print_table(
            ("", "NAME", "CONTROL PLANE", "WORKSPACE", "PROJECT"),
            [
                (mark.get(c.name, ""), c.name, c.control_plane, c.workspace, c.project)
                for c in found
            ],
        )
    elif output == "name":
        click.echo("\n".join(c.name for c in found))
    else:
        print_document([_document(c, is_current=c.name == current) for c in found], output)


def _document(context: Context, *, is_current: bool) -> dict[str, object]:
    return {
        "name": context.name,
        "current": is_current,
        "controlPlane": context.control_plane,
        "workspace": context.workspace,
        "project": context.project,
    }


def _print_current(store: ContextStore, output: str) -> None:
    found = store.get(store.current_name())
    if output == "name":
        click.echo(found.name)
    elif output == "table":
        print_fields([("context", found.name), ("project", found.project), ("stack", found.stack)])
    else:
        print_document(_document(found, is_current=True), output)


def _origins(context: Context, given: Given) -> list[tuple[str, str, str]]:
    """Each setting with its value, and what it comes from."""
    kept = f"context {context.name}"
    known = {
        "control plane": context.control_plane,
        "workspace": context.workspace,
        "gateway": context.gateway,
        "trust": "the CA of the mesh" if context.ca_pem else "public CAs",
    }
    rows = []
    for name in _SHOWN:
        found = Origin(known[name], kept) if name in known else origin(name, context, given)
        rows.append((name, found.value, found.source))
    return rows
