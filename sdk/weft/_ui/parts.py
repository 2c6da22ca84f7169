"""What the screens share: a mark of how true they are, tables that keep their place, questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import DataTable, Input, Static

from weft._ui.watch import ENDED, LIVE, RECONNECTING, STALE
from weft.cli._text import plain

Rows = Sequence[tuple[str, Sequence[Text]]]
"""Cells of each row, with what the row is called."""

_MARKS = {
    LIVE: ("●", "green"),
    RECONNECTING: ("◌", "yellow"),
    STALE: ("○", "red"),
    ENDED: ("■", "dim"),
}


def mark(state: str, why: str = "") -> Text:
    """How true what is shown is, as a symbol and a word."""
    symbol, style = _MARKS.get(state, ("…", "dim"))
    text = Text.assemble((symbol, style), f" {state or 'reading'}")
    return text.append(f": {plain(why)}", style) if why else text


class Table(DataTable[Text]):
    """Rows that are shown anew while somebody looks: the cursor stays with what it is on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("j", "cursor_down", "Down"),
        ("k", "cursor_up", "Up"),
        ("g", "scroll_top", "First"),
        ("G", "scroll_bottom", "Last"),
    ]

    def __init__(self, *columns: str) -> None:
        super().__init__(cursor_type="row", zebra_stripes=True, cell_padding=1)
        self._names = columns
        self._shown: Rows = ()

    def on_mount(self) -> None:
        """Heads the columns."""
        self.add_columns(*self._names)

    @property
    def chosen(self) -> str:
        """What the row under the cursor is called; "" where there is none."""
        return self._shown[self.cursor_row][0] if self.cursor_row < len(self._shown) else ""

    def show(self, rows: Rows) -> None:
        """Shows these rows, unless they are shown already."""
        if rows == self._shown:
            return
        chosen, top = self.chosen, self.scroll_y
        self._shown = rows
        self.clear()
        for name, cells in rows:
            self.add_row(*cells, key=name)
        at = next((at for at, (name, _) in enumerate(rows) if name == chosen), self.cursor_row)
        self.move_cursor(row=min(at, max(0, len(rows) - 1)), scroll=False)
        self.scroll_to(y=top, animate=False)


class Field(Input):
    """A line to write into, which is there when it is asked for; Escape leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "Leave")]

    def __init__(self, value: str, placeholder: str) -> None:
        super().__init__(value, placeholder, classes="query")
        self.display = False

    def ask(self) -> None:
        """Comes, with the keys."""
        self.display = True
        self.focus()

    def action_leave(self) -> None:
        """Goes; the keys are where they were."""
        self.display = False


class Question(ModalScreen[str]):
    """Asks; the answer is the key that was pressed, or "" for no."""

    def __init__(self, question: str, answers: Mapping[str, str]) -> None:
        super().__init__()
        self._question, self._answers = question, answers

    def compose(self) -> ComposeResult:
        """The question, and the keys that answer it."""
        answers = {**self._answers, "n": "no"}
        with Vertical():
            yield Static(Text(plain(self._question)))
            yield Static(Text("\n".join(f"  {key}  {words}" for key, words in answers.items())))

    def on_key(self, event: Key) -> None:
        """Takes an answer; what is none is passed over."""
        event.stop()
        if event.key in self._answers:
            self.dismiss(event.key)
        elif event.key in {"n", "escape"}:
            self.dismiss("")


class Keys(ModalScreen[None]):
    """The keys of a screen."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,question_mark", "dismiss", "Back")]

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """A line for each key."""
        with Vertical():
            yield Static(Text("\n".join(f"{key:>8}  {does}" for key, does in self._keys)))


def drawn(line: str) -> Text:
    """A line of the command's own drawing, which has colours and nothing else of a terminal's."""
    return Text.from_ansi(line)


def safe(text: str, style: str = "") -> Text:
    """A text of anybody's as one line of a cell: it is neither markup nor obeyed."""
    return Text(plain(text), style, no_wrap=True, overflow="ellipsis")
