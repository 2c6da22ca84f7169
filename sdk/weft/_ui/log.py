"""The log of a step's newest attempt, live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Footer, Input, RichLog

from weft._ui.calls import Calls
from weft._ui.parts import Field, drawn, safe
from weft._ui.screens import Looking
from weft._ui.watch import Watch
from weft.cli._text import coloured

if TYPE_CHECKING:
    from weftapi.workspace.v1 import logs_pb2

_MOST_LINES = 50_000


class LogScreen(Looking):
    """Goes on at the end, unless somebody scrolls away from there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("slash", "search", "Search"),
        ("j", "scroll(1)", "Down"),
        ("k", "scroll(-1)", "Up"),
        ("g", "first", "First"),
        ("G", "last", "Follow"),
        ("escape", "dismiss", "Back"),
    ]
    KEYS: ClassVar[Sequence[tuple[str, str]]] = (
        ("j k", "down and up"),
        ("g G", "to the first line; to the last one, and on with it"),
        ("/", "only lines that contain a text"),
        ("Esc", "back to the run"),
    )

    def __init__(self, calls: Calls, step: str, stream: str) -> None:
        super().__init__(calls)
        self._step, self._stream = step, stream
        self._contains = ""
        self._lines = RichLog(max_lines=_MOST_LINES, wrap=True, auto_scroll=False)
        self._field = Field("", "lines that contain …")

    def compose(self) -> ComposeResult:
        """What is searched for is asked when it is wanted."""
        yield self.head
        yield self._field
        yield self._lines
        yield Footer()

    def on_mount(self) -> None:
        """Begins to follow."""
        self._begin()

    def title_text(self) -> Text:
        """The step, and what is searched for."""
        where = f" with {self._contains}" if self._contains else ""
        return safe(f"log of {self._step}{where}", "bold")

    def action_search(self) -> None:
        """Asks what to search for."""
        self._field.ask()

    def action_scroll(self, by: int) -> None:
        """Goes down or up."""
        self._lines.scroll_relative(y=by, animate=False)

    def action_first(self) -> None:
        """Goes to the first line that is kept."""
        self._lines.scroll_home(animate=False)

    def action_last(self) -> None:
        """Goes to the last line."""
        self._lines.scroll_end(animate=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Searches for another text: the server does, in all lines."""
        self._contains = event.value
        self._field.action_leave()
        self._lines.clear()
        self._lines.focus()
        self._begin()

    def _begin(self) -> None:
        contains = self._contains
        self.follow(
            Watch(
                self.app,
                lambda _heard, broke: self.calls.log(self._stream, contains, broke),
                self._take,
                self.tell,
            )
        )

    def _take(self, batch: logs_pb2.TailLogsResponse) -> None:
        is_at_end = self._lines.is_vertical_scroll_end
        for line in batch.lines:
            self._lines.write(drawn(coloured(line.message)))
        if is_at_end:
            self._lines.scroll_end(animate=False)
