"""The application: runs, a run, a log, one over the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App

from weft._ui.calls import Calls
from weft._ui.runs import RunsScreen

if TYPE_CHECKING:
    from weft._connection import Connection


class WeftApp(App[None]):
    """Shows the runs of the connection's project that match a query, as they change."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    .head { height: 1; padding: 0 1; background: $panel; }
    .query { height: 3; }
    Table { height: 1fr; }
    .why { height: auto; max-height: 40%; padding: 0 1; }
    RichLog { padding: 0 1; }
    Question, Keys { align: center middle; }
    Question > Vertical, Keys > Vertical {
        width: auto; height: auto; max-width: 90%; padding: 1 2; border: round $accent;
        background: $surface;
    }
    Question Static, Keys Static { width: auto; }
    """

    def __init__(self, connection: Connection, query: str) -> None:
        super().__init__()
        self._connection, self._query = connection, query

    def on_mount(self) -> None:
        """Begins with the runs."""
        self.push_screen(RunsScreen(Calls(self._connection), self._query))
