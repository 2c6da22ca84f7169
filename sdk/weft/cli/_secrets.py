"""Passwords: asked for at the terminal, read line by line where standard input is a pipe."""

from __future__ import annotations

import sys

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


def given(text: str) -> str:
    """A secret on the command line, where other users may see it; '-' reads standard input."""
    return sys.stdin.readline().strip() if text == "-" else text
