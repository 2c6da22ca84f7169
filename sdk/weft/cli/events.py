"""`weft events`: everything that changes in a project, in the order of the commits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from weft._enums import word
from weft.cli._exit import Exit
from weft.cli._names import short
from weft.cli._output import as_dict, note, print_streamed, streamed_output_option
from weft.cli._text import plain

if TYPE_CHECKING:
    from weft._connection import Connection
    from weft.errors import ApiError
    from weftapi.workspace.v1 import events_pb2

_PAGE = 500


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens next, until Ctrl-C.")
@click.option(
    "--after",
    type=click.IntRange(min=0),
    help="Only what came after this revision; 0 begins with the oldest that is kept.",
)
@click.option(
    "--last",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Begin so many commits of the workspace before the newest; not with --after.",
)
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    help="Only these, such as Run, Step or ModelVersion.",
)
@streamed_output_option
def events(
    *, follow: bool, after: int | None, last: int, types: tuple[str, ...], output: str
) -> int:
    """Print what changed in the project, and who changed it; -f follows over any break.

    The first column is the revision: a program that stops goes on with --after.
    """
    from weft._connection import Connection

    connection = Connection.current()
    wanted = [f"weft.dev/{text.removeprefix('weft.dev/')}" for text in types]
    start = _start(connection, last) if after is None else after
    try:
        start = _print(_stored(connection, wanted, start), output, start)
        if follow:
            _print(_followed(connection, wanted, start), output, start)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return Exit.DONE


def _start(connection: Connection, last: int) -> int:
    """The revision that lies so many commits back; the oldest one kept where there are fewer."""
    from weftapi.workspace.v1 import events_pb2, events_pb2_grpc

    stub = connection.workspace.stub(events_pb2_grpc.EventServiceStub)
    feed = connection.workspace.call(stub.GetFeedInfo, events_pb2.GetFeedInfoRequest())
    return max(feed.compact_revision, feed.revision - last)


def _stored(
    connection: Connection, types: list[str], after: int
) -> Iterator[tuple[int, list[events_pb2.Event]]]:
    """Yields pages of what is there already, each with the revision up to which it is whole."""
    from weftapi.workspace.v1 import events_pb2, events_pb2_grpc

    stub = connection.workspace.stub(events_pb2_grpc.EventServiceStub)
    request = events_pb2.ListEventsRequest(
        parent=connection.project, resource_types=types, after_revision=after, page_size=_PAGE
    )
    while True:
        page = connection.workspace.call(stub.ListEvents, request)
        yield page.revision, list(page.events)
        if not page.more:
            return
        request.after_revision = page.revision


def _followed(
    connection: Connection, types: list[str], after: int
) -> Iterator[tuple[int, list[events_pb2.Event]]]:
    from weft._streams import watch_events

    def tell(error: ApiError | None) -> None:
        if error is not None:
            note(f"the watch broke and goes on where it was: {error}")

    changes = watch_events(
        connection.workspace, connection.project, types, after_revision=after, on_break=tell
    )
    return ((event.revision, [event]) for event in changes)


def _print(pages: Iterable[tuple[int, list[events_pb2.Event]]], output: str, revision: int) -> int:
    """Prints changes as they come, and answers how far it came."""
    for reached, found in pages:
        revision = reached
        for event in found:
            if output == "text":
                click.echo(_line(event))
            else:
                print_streamed(as_dict(event), output)
    return revision


def _line(event: events_pb2.Event) -> str:
    from weftapi.workspace.v1 import events_pb2

    kind = word(events_pb2.EventType, event.type).lower()
    resource = event.resource_type.partition("/")[2]
    what = ", ".join(event.changed_fields)
    if event.HasField("transition"):
        what = f"{getattr(event.transition, 'from') or 'new'} -> {event.transition.to}"
    time = event.event_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S")
    name = event.name.partition(f"{event.project}/")[2] or short(event.name)
    return plain(f"{event.revision:>8}  {time}  {resource:<16} {kind:<8} {name}  {what}".rstrip())
