"""Streams that are followed beside the user interface, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from textual.app import App

from weft.errors import WeftError

T = TypeVar("T")
LIVE, RECONNECTING, STALE, ENDED = "live", "reconnecting", "stale", "ended"
"""How true what is shown is: now, until the connection broke, no longer, and for ever."""

Heard = Callable[[], None]
Broke = Callable[[WeftError | None], None]


class _OverError(Exception):
    """Nobody looks any more: ends the stream where it is."""


class Watch(Generic[T]):
    """Follows a stream until it ends, or until nobody looks any more.

    Args:
        app: In whose thread the callbacks are called.
        stream: Opens it; is given what to call with each message, and with each break.
        take: Called with each item.
        tell: Called with LIVE, RECONNECTING, STALE or ENDED, and with why, when that changes.
    """

    def __init__(
        self,
        app: App[Any],
        stream: Callable[[Heard, Broke], Iterator[T]],
        take: Callable[[T], None],
        tell: Callable[[str, str], None],
    ) -> None:
        self._app, self._stream, self._take, self._tell = app, stream, take, tell
        self._said = ("", "")
        self._is_over = False

    def start(self) -> Watch[T]:
        """Begins to follow; answers itself."""
        # A daemon: it may wait for a server when the user has already gone.
        threading.Thread(target=self._follow, daemon=True).start()
        return self

    def stop(self) -> None:
        """Calls nobody from here on."""
        self._is_over = True

    def _follow(self) -> None:
        try:
            for item in self._stream(self._heard, self._broke):
                self._hand(self._take, item)
                self._heard()
            self._say(ENDED)
        except WeftError as error:
            self._say(STALE, str(error))
        except _OverError:
            pass

    def _heard(self) -> None:
        self._say(LIVE)

    def _broke(self, error: WeftError | None) -> None:
        self._say(RECONNECTING, "" if error is None else str(error))

    def _say(self, state: str, why: str = "") -> None:
        if self._is_over:
            raise _OverError
        if self._said != (state, why):
            self._said = (state, why)
            self._hand(self._tell, state, why)

    def _hand(self, callback: Callable[..., None], *arguments: object) -> None:
        if self._is_over:
            raise _OverError
        try:
            self._app.call_from_thread(self._unless_over, callback, *arguments)
        except RuntimeError:  # the user interface has ended meanwhile
            raise _OverError from None

    def _unless_over(self, callback: Callable[..., None], *arguments: object) -> None:
        if not self._is_over:
            callback(*arguments)
