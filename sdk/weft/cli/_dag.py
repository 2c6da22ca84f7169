"""What `weft dag` and `weft runs dag` share: the formats of drawings, and printing one."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from weft.cli._formats import OutputType
from weft.cli._output import FORMATS, print_document

if TYPE_CHECKING:
    from weft.cli._drawing import Drawing

# A pipe has no width: what reads it scrolls.
_PIPE_COLUMNS = 200

drawing_option = click.option(
    "-o",
    "--output",
    "output",
    type=OutputType((*FORMATS, "mermaid", "dot")),
    default="table",
    show_default=True,
    help="How to print the graph; mermaid and dot are languages of graphs.",
)
ascii_option = click.option(
    "--ascii", "is_ascii", is_flag=True, help="Draw without box characters."
)


def print_drawing(
    drawing: Drawing, output: str, document: Callable[[], Any], *, is_ascii: bool
) -> None:
    """Prints a graph; one that is too wide to be drawn is listed, a step on a line."""
    if output == "mermaid":
        click.echo(drawing.mermaid())
    elif output == "dot":
        click.echo(drawing.dot())
    elif output == "name":
        click.echo("\n".join(drawing.labels))
    elif output != "table":
        print_document(document(), output)
    else:
        can_draw = "utf" in (sys.stdout.encoding or "").lower()
        columns = shutil.get_terminal_size((_PIPE_COLUMNS, 0)).columns
        lines = drawing.text(columns - 2, is_ascii=is_ascii or not can_draw)
        for line in drawing.indented() if lines is None else lines:
            click.echo(f"  {line}".rstrip())
