"""What commands print: tables for people, JSON, YAML, CSV and names for programs.

Data goes to standard output, everything else to standard error. JSON is the protobuf JSON of
the public messages, so that it changes only as the contract does.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

from weft.cli._formats import OutputType, rendered
from weft.cli._names import short
from weft.cli._text import fitted, plain, width

if TYPE_CHECKING:
    from google.protobuf.message import Message

FORMATS = ("table", "wide", "json", "jsonl", "yaml", "csv", "name")
STREAMED_FORMATS = ("text", "json", "jsonl", "yaml")


def _chosen_output() -> str:
    """What weft.toml says, where neither the command nor the environment does."""
    from weft._project_defaults import project_defaults

    return project_defaults().values.get("output", "table")


output_option = click.option(
    "-o",
    "--output",
    "output",
    type=OutputType(FORMATS),
    default=_chosen_output,
    show_default="table",
    envvar="WEFT_OUTPUT",
    help="How to print the result.",
)
streamed_output_option = click.option(
    "-o",
    "--output",
    "output",
    type=OutputType(STREAMED_FORMATS),
    default="text",
    show_default=True,
    help="Lines for people, or a document for each as it comes.",
)

Row = Sequence[str]
Field = tuple[str, str] | tuple[str, str, str]
_NARROW = 8


def as_dict(message: Message) -> dict[str, Any]:
    """The protobuf JSON of a message, defaults included."""
    from google.protobuf import json_format

    document: dict[str, Any] = json_format.MessageToDict(
        message, always_print_fields_with_no_presence=True
    )
    return document


def print_messages(
    messages: Sequence[Message],
    output: str,
    *,
    header: Row,
    row: Callable[[Any], Row],
    empty: str = "",
) -> None:
    """Prints a list of resources; `empty` is what people read when there are none.

    The first cell of each leads to its page, where it has one and the terminal knows links.
    """
    if output == "table":
        if not messages and empty:
            click.echo(empty, err=True)
            return
        names = [getattr(message, "name", "") for message in messages]
        print_table(header, [row(message) for message in messages], names)
    elif output == "name":
        for message in messages:
            click.echo(getattr(message, "name", ""))
    else:
        print_document([as_dict(message) for message in messages], output)


def print_message(message: Message, output: str, show: Callable[[], None]) -> None:
    """Prints one resource; `show` draws it for people."""
    if output == "table":
        show()
    elif output == "name":
        click.echo(getattr(message, "name", ""))
    else:
        print_document(as_dict(message), output)


def print_document(document: Any, output: str) -> None:
    """Prints plain data in a format for programs; JSON is also what a table becomes."""
    click.echo(rendered(document, output), nl=False)


def print_streamed(document: Any, output: str) -> None:
    """Prints one of many documents as it comes: JSON on one line, YAML with its own beginning."""
    if output == "csv":
        raise click.UsageError("csv is for what has an end: take jsonl")
    if output == "yaml":
        click.echo("---")
    print_document(document, "jsonl" if output == "json" else output)


def print_table(header: Row, rows: Iterable[Row], names: Row = ()) -> None:
    """Prints aligned columns, cut to the terminal where a person reads them.

    `names` are those of the resources in the rows, to whose pages their first cells lead.
    """
    from weft.cli._links import linked, links

    table = [[plain(cell) for cell in line] for line in rows]
    columns = list(zip(header, *table, strict=True))
    widths = [max(map(width, column)) for column in columns]
    if is_terminal() and not _is_wide():
        _shrink(widths, shutil.get_terminal_size().columns - 2 * (len(widths) - 1))
    click.echo(click.style(_line(header, widths), bold=True))
    page = links() if names else str
    for line, name in zip_longest(table, names, fillvalue=""):
        first = _line(line[:1], widths[:1])
        click.echo(linked(first, page(name)) + _line(line, widths)[len(first) :])


def by_id(label: str, name: str) -> Field:
    """A field that shows the id of a resource, and leads to its page."""
    return (label, short(name), name)


def print_fields(fields: Iterable[Field]) -> None:
    """Prints labelled values, the empty ones left out.

    A value that is a name leads to its page; any other one to that of the name behind it.
    """
    from weft.cli._links import linked, links

    page = links()
    # The last part is the name, which is the value itself where nothing else is.
    shown = [(field[0], plain(field[1]), field[-1]) for field in fields if field[1]]
    longest = max((len(label) for label, _, _ in shown), default=0)
    for label, value, name in shown:
        leading = linked(value, page(name))
        click.echo(f"{click.style(label.ljust(longest), dim=True)}  {leading}")


def note(text: str) -> None:
    """Says something beside the result, on standard error."""
    click.echo(plain(text), err=True)


def is_terminal() -> bool:
    """Whether a person watches standard output."""
    return sys.stdout.isatty()


def _is_wide() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get("weft.wide"))


def _shrink(widths: list[int], room: int) -> None:
    """Takes columns from the widest ones until all of them fit, or are narrow."""
    while sum(widths) > room and max(widths) > _NARROW:
        widths[widths.index(max(widths))] -= 1


def _line(cells: Row, widths: Sequence[int]) -> str:
    padded = []
    for cell, columns in zip(cells, widths, strict=True):
        text = fitted(cell, columns)
        padded.append(text + " " * (columns - width(text)))
    return "  ".join(padded).rstrip()
