"""Names to complete with: what the workspace has, from a cache, never later than the eye notices.

The shell waits for what is here, so nothing is asked of a server in its time: a process of its
own fetches the names (`python -m weft.cli._completion KIND`), and whoever finds the cache empty
waits a moment for it. What was fetched stands for a minute, and is still used while newer names
are fetched.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from weft.cli._kinds import KINDS
from weft.cli._names import RECENT

_FRESH_S = 60.0
_PATIENCE_S = 0.15
_LOOK_EVERY_S = 0.01
# How long a fetch may take before somebody else tries.
_FETCH_S = 10.0


_ALWAYS = {"run": tuple(RECENT)}


class Names(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4
    """A name of something in the workspace; any text is taken."""

    name = "text"

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[Any]:
        """Completes from the cache."""
        from click.shell_completion import CompletionItem

        known = [*_ALWAYS.get(self._kind, ()), *names(self._kind)]
        return [CompletionItem(name) for name in known if name.startswith(incomplete)]


def bring_alive(command: click.Command) -> None:
    """Has the arguments and options of a command, and of those below it, complete names."""
    if isinstance(command, click.Group):
        for below in command.commands.values():
            bring_alive(below)
    for parameter in command.params:
        kind = "context" if command.name == "ctx" else str(parameter.name)
        is_text = isinstance(parameter.type, type(click.STRING))
        if is_text and (kind in KINDS or kind == "context") and not _is_new(command, kind):
            parameter.type = Names(kind)


def names(kind: str) -> list[str]:
    """What is known now, and what comes within a moment where it is old; never raises."""
    with contextlib.suppress(Exception):
        if kind == "context":
            from weft._contexts import ContextStore

            return ContextStore().names()
        file = _cache(kind)
        if _age_s(file) > _FRESH_S:
            _fetch_aside(kind, file)
        found: list[str] = json.loads(file.read_text(encoding="utf-8"))
        return found
    return []


def _is_new(command: click.Command, kind: str) -> bool:
    """Whether the argument names what is about to be made."""
    is_first = bool(command.params) and command.params[0].name == kind
    return command.name in {"create", "register", "add", "import"} and is_first


def _fetch_aside(kind: str, file: Path) -> None:
    """Starts a fetch where none runs, and waits a moment for it."""
    import subprocess

    begun = file.with_suffix(".fetching")
    before = _age_s(file)
    if _age_s(begun) > _FETCH_S:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        begun.touch()
        environment = {k: v for k, v in os.environ.items() if k != "_WEFT_COMPLETE"}
        subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "weft.cli._completion", kind],
            env=environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end and _age_s(file) >= before:
        time.sleep(_LOOK_EVERY_S)


def _age_s(file: Path) -> float:
    try:
        return max(0.0, time.time() - file.stat().st_mtime)
    except FileNotFoundError:
        return float("inf")


def _cache(kind: str) -> Path:
    """The file of a kind, of the context and the project in use."""
    import hashlib

    from weft._contexts import ContextStore, config_directory

    context = ContextStore().current()
    place = f"{context.control_plane} {context.workspace} {context.name} {context.project}"
    digest = hashlib.sha256(place.encode()).hexdigest()[:16]
    return config_directory() / "completion" / digest / f"{kind}.json"


def fetch(kind: str) -> None:
    """Asks the workspace for the newest names of a kind, and keeps them."""
    from weft._connection import Connection
    from weft.cli._kinds import items_of

    file = _cache(kind)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    page = KINDS[kind].first_page(Connection.current(), _FETCH_S)
    fresh = file.with_suffix(f".{os.getpid()}")
    names = [each.name.rsplit("/", 1)[-1] for each in items_of(page)]
    fresh.write_text(json.dumps(names), encoding="utf-8")
    fresh.replace(file)


if __name__ == "__main__":
    fetch(sys.argv[1])
