"""Passwords: asked for at the terminal, read line by line where standard input is a pipe."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


def ask(label: str) -> str:
    """A password that exists."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    answer: str = click.prompt(label, hide_input=True, err=True)
    return answer


def ask_new(label: str) -> str:
    """A password to be; a person types it twice."""
    if not sys.stdin.isatty():
        return ask(label)
    answer: str = click.prompt(label, hide_input=True, confirmation_prompt=True, err=True)
    return answer


def referred(text: str) -> str:
    """A secret where it is kept: `env:NAME`, `@FILE`, or '-' for a line of standard input.

    Anything else is the secret itself. Raises UsageError where there is nothing.
    """
    if text.startswith("env:"):
        name = text.removeprefix("env:")
        found, place = os.environ.get(name, ""), f"the variable {name}"
    elif text.startswith("@"):
        path = Path(text.removeprefix("@"))
        try:
            found, place = path.read_text(encoding="utf-8"), str(path)
        except (OSError, UnicodeDecodeError):
            raise click.UsageError(f"{path} cannot be read") from None
    else:
        found, place = given(text), "standard input"
    if not found.strip():
        raise click.UsageError(f"there is nothing in {place}")
    return found.strip()


def given(text: str) -> str:
    """A secret on the command line, where other users may see it; '-' reads standard input."""
    return sys.stdin.readline().strip() if text == "-" else text
