"""`weft man`: the manual pages, made of the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from weft.cli._exit import CommandError, Exit

_SECTION = "1"


@click.command()
@click.argument("command", nargs=-1)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the pages of all commands into man1 of this folder.",
)
@click.pass_context
def man(ctx: click.Context, *, command: tuple[str, ...], folder: Path | None) -> None:
    """Print the manual page of a COMMAND, or write those of all of them.

    \b
      weft man runs list | man -l -
      weft man --to ~/.local/share/man
    """
    root = ctx.find_root()
    pages = dict(_pages(root.command, click.Context(root.command, info_name="weft")))
    if folder is None:
        name = "-".join(["weft", *command])
        if name not in pages:
            raise CommandError(f"there is no command {' '.join(command)!r}", Exit.USAGE)
        click.echo(pages[name], nl=False)
        return
    target = folder / f"man{_SECTION}"
    target.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (target / f"{name}.{_SECTION}").write_text(text, encoding="utf-8")
    click.echo(f"{len(pages)} pages in {target}")


def _pages(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """The page of a command, and of all below it, by name: weft-runs-list."""
    yield context.command_path.replace(" ", "-"), _page(command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _pages(below, click.Context(below, context, name))


def _page(command: click.Command, context: click.Context) -> str:
    title = context.command_path.replace(" ", "-")
    short = command.get_short_help_str(limit=1000).rstrip(".")
    lines = [
        f'.TH "{title.upper()}" "{_SECTION}" "" "Weft" "Weft"',
        ".SH NAME",
        f"{_safe(title)} \\- {_safe(short)}",
        ".SH SYNOPSIS",
        f".B {_safe(context.command_path)}",
        _safe(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *_paragraphs(command.help or ""),
    ]
    records = [r for p in command.get_params(context) if (r := p.get_help_record(context))]
    if records:
        lines.append(".SH OPTIONS")
        lines += [
            part for name, text in records for part in (".TP", f".B {_safe(name)}", _safe(text))
        ]
    if isinstance(command, click.Group):
        lines.append(".SH COMMANDS")
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            about = below.get_short_help_str(limit=1000) if below else ""
            lines += [".TP", f".BR {_safe(title)}\\-{_safe(name)} ({_SECTION})", _safe(about)]
    return "\n".join(lines) + "\n"


def _paragraphs(text: str) -> Iterator[str]:
    """The help as text; what click keeps as it stands (\\b) stands so here, too."""
    import inspect

    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b"):
            kept = paragraph.lstrip("\b").strip("\n")
            yield from (".PP", ".nf", *map(_safe, kept.splitlines()), ".fi")
        else:
            yield from (".PP", _safe(" ".join(paragraph.split())))


def _safe(text: str) -> str:
    """Text in which roff finds nothing to obey."""
    escaped = " ".join(text.split("\n")).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
