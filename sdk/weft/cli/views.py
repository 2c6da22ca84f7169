"""`weft views`: looks at the lists of a project that somebody saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft._enums import word
from weft.cli._names import short
from weft.cli._output import by_id, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import saved_views_pb2 as pb
    from weftapi.workspace.v1 import saved_views_pb2_grpc


@click.group()
def views() -> None:
    """Keep looks at the run list by a name, for yourself or for all. VIEW is an id."""


@views.command("list")
@click.option("-q", "--query", default="", help="Which: over creator and create_time.")
@output_option
def list_views(*, query: str, output: str) -> None:
    """List the views that are shared, and your own."""
    from weftapi.workspace.v1 import saved_views_pb2 as pb

    connection, stub = _connect()
    call = connection.workspace.call
    request = pb.ListSavedViewsRequest(parent=connection.project, filter=query)
    pages = paged(lambda r: call(stub.ListSavedViews, r), request)
    print_messages(
        [each for page in pages for each in page.saved_views],
        output,
        header=("VIEW", "OF", "FILTER", "SCOPE", "NAME"),
        row=lambda v: (short(v.name), v.collection, v.filter, _scope(v), v.display_name),
        empty="no views yet: `weft views save ID --query 'state = FAILED'`",
    )


@views.command()
@click.argument("view")
@output_option
def show(*, view: str, output: str) -> None:
    """Show a view."""
    from weftapi.workspace.v1 import saved_views_pb2 as pb

    connection, stub = _connect()
    request = pb.GetSavedViewRequest(name=_name(connection, view))
    found = connection.workspace.call(stub.GetSavedView, request)
    print_message(found, output, lambda: _draw(found))


@views.command()
@click.argument("view")
@click.option("-q", "--query", default="", help="Which runs, as `weft runs list -q` takes it.")
@click.option("--name", "display_name", default="", help="The name that people read.")
@click.option("--description", default="", help="What it is good for.")
@click.option("--column", "columns", multiple=True, help="A column of the dashboard's list.")
@click.option("--oldest-first", is_flag=True, help="Begin with the oldest.")
@click.option("--shared", is_flag=True, help="For all who may see the project, not you alone.")
@output_option
def save(
    *,
    view: str,
    query: str,
    display_name: str,
    description: str,
    columns: tuple[str, ...],
    oldest_first: bool,
    shared: bool,
    output: str,
) -> None:
    """Save a view of the runs; the dashboard offers it in their list."""
    import uuid

    from weftapi.workspace.v1 import saved_views_pb2 as pb

    connection, stub = _connect()
    wanted = pb.SavedView(
        display_name=display_name,
        description=description,
        scope=pb.SAVED_VIEW_SCOPE_SHARED if shared else pb.SAVED_VIEW_SCOPE_PRIVATE,
        collection="runs",
        filter=query,
        order_by="create_time" if oldest_first else "",
        columns=columns,
    )
    request = pb.CreateSavedViewRequest(
        parent=connection.project,
        saved_view_id=view,
        saved_view=wanted,
        request_id=str(uuid.uuid4()),
    )
    made = connection.workspace.call(stub.CreateSavedView, request)
    print_message(made, output, lambda: _draw(made))


@views.command()
@click.argument("view")
@output_option
def share(*, view: str, output: str) -> None:
    """Share a view of yours with all who may see the project; it stays shared."""
    from weftapi.workspace.v1 import saved_views_pb2 as pb

    connection, stub = _connect()
    request = pb.ShareSavedViewRequest(name=_name(connection, view))
    shared = connection.workspace.call(stub.ShareSavedView, request)
    print_message(shared, output, lambda: _draw(shared))


@views.command()
@click.argument("view")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, view: str, yes: bool) -> None:
    """Delete a view; the runs stay."""
    from weftapi.workspace.v1 import saved_views_pb2 as pb

    connection, stub = _connect()
    name = _name(connection, view)
    if not yes:
        click.confirm(f"Delete {name}?", abort=True)
    connection.workspace.call(stub.DeleteSavedView, pb.DeleteSavedViewRequest(name=name))
    click.echo(f"{short(name)} is deleted")


def _connect() -> tuple[Connection, saved_views_pb2_grpc.SavedViewServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import saved_views_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(saved_views_pb2_grpc.SavedViewServiceStub)


def _name(connection: Connection, text: str) -> str:
    return text if text.startswith("projects/") else f"{connection.project}/savedViews/{text}"


def _scope(view: pb.SavedView) -> str:
    from weftapi.workspace.v1 import saved_views_pb2 as pb

    return word(pb.SavedViewScope, view.scope).lower()


def _draw(view: pb.SavedView) -> None:
    print_fields(
        (
            by_id("view", view.name),
            ("name", view.display_name),
            ("about", view.description),
            ("of", view.collection),
            ("filter", view.filter),
            ("order", view.order_by),
            ("columns", ", ".join(view.columns)),
            ("scope", _scope(view)),
            ("by", view.creator),
        )
    )
