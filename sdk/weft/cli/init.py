"""`weft init`: a folder with a pipeline that runs, and a test of it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._output import note, output_option, print_document

_FILES = {
    "train.py": "train.py",
    "tests/test_train.py": "test_train.py",
    ".gitignore": "gitignore",
    "README.md": "README.md",
}


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@output_option
def init(*, folder: Path, output: str) -> None:
    """Make FOLDER with a pipeline, train.py, and a test; nothing that exists is overwritten.

    It needs nothing but Weft: `weft run train.py` runs it, `pytest` tests it.
    """
    taken = [name for name in _FILES if (folder / name).exists()]
    if taken:
        raise CommandError(f"{folder / taken[0]} exists: choose another folder", Exit.CONFLICT)
    source = resources.files("weft.cli") / "template"
    for name, origin in _FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text((source / f"{origin}.txt").read_text(encoding="utf-8"), encoding="utf-8")
    made = [str(folder / name) for name in _FILES]
    if output in {"table", "name"}:
        click.echo("\n".join(made))
    else:
        print_document([{"file": file} for file in made], output)
    enter = "" if folder == Path() else f"cd {folder} && "
    note(f"next: {enter}weft dag train.py, then weft run train.py")
