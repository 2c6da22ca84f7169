"""The runs of a project, live: what `weft ui` shows first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import DataTable, Footer, Input

from weft._ui.calls import MOST_RUNS, Calls
from weft._ui.parts import Field, Table, safe
from weft._ui.run import RunScreen
from weft._ui.screens import REDRAW_S, OfRuns
from weft._ui.watch import Watch
from weft.cli._names import short
from weft.cli._runview import duration, run_state, silence, state_look

if TYPE_CHECKING:
    from weftapi.workspace.v1 import events_pb2, run_types_pb2

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


class RunsScreen(OfRuns):
    """A row for each of the newest runs that match the query."""

    BINDINGS: ClassVar[list[BindingType]] = [("slash", "query", "Query")]
    KEYS: ClassVar[Sequence[tuple[str, str]]] = (
        ("j k", "next and previous run"),
        ("Enter", "open the run"),
        ("/", 'query: state = FAILED, create_time > now()-"24h" …'),
        ("c", "stop the run"),
        ("r", "run it again from where it failed"),
        ("o", "open its page in the dashboard"),
    )

    def __init__(self, calls: Calls, query: str) -> None:
        super().__init__(calls)
        self._query = query
        self._runs: dict[str, run_types_pb2.Run] = {}
        self._table = Table("STATE", "RUN", "PIPELINE", "STEPS", "TOOK", "AGE", "WHY")
        self._field = Field(query, "which runs")

    def compose(self) -> ComposeResult:
        """The query is there when it is asked for."""
        yield self.head
        yield self._field
        yield self._table
        yield Footer()

    def on_mount(self) -> None:
        """Begins to follow."""
        self._begin()
        self.set_interval(REDRAW_S, self._redraw)

    def title_text(self) -> Text:
        """The project, and which of its runs."""
        project = short(self.calls.connection.project)
        return safe(f"runs of {project}{f' where {self._query}' if self._query else ''}", "bold")

    def chosen_run(self) -> str:
        """The run under the cursor."""
        return self._table.chosen

    def action_query(self) -> None:
        """Lets the query be changed."""
        self._field.ask()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Looks for other runs."""
        self._query = event.value.strip()
        self._runs.clear()
        self._field.action_leave()
        self._table.focus()
        self._begin()

    def on_data_table_row_selected(self, _event: DataTable.RowSelected) -> None:
        """Opens the run."""
        if run := self._table.chosen:
            self.app.push_screen(RunScreen(self.calls, run))

    def _begin(self) -> None:
        query = self._query
        self.follow(
            Watch(
                self.app,
                lambda heard, broke: self.calls.runs(query, heard, broke),
                self._take,
                self.tell,
            )
        )

    def _take(self, item: list[run_types_pb2.Run] | events_pb2.Event) -> None:
        if isinstance(item, list):
            self._runs = {run.name: run for run in item}
        elif item.WhichOneof("resource") == "run" and item.matches_filter:
            self._runs[item.name] = item.run
        else:  # deleted, or no longer one of these
            self._runs.pop(item.name, None)
        self._redraw()

    def _redraw(self) -> None:
        def made(run: run_types_pb2.Run) -> int:
            return run.create_time.ToNanoseconds()

        newest = sorted(self._runs.values(), key=made, reverse=True)[:MOST_RUNS]
        self._table.show([(run.name, _cells(run)) for run in newest])


def _cells(run: run_types_pb2.Run) -> Sequence[Text]:
    symbol, colour = state_look(run_state(run))
    ended = sum(run.step_counts[state] for state in run.step_counts if _is_final(state))
    return (
        Text(f"{symbol} {run_state(run).lower()}", colour),
        safe(run.display_name or short(run.name)),
        safe(short(run.pipeline)),
        Text(f"{ended}/{sum(run.step_counts.values())}", justify="right"),
        Text(duration(run), justify="right"),
        Text(_age(run), justify="right"),
        safe((run.failure.message or run.state_reason).partition("\n")[0] + silence(run)),
    )


def _is_final(state: str) -> bool:
    from weft.cli._runview import FINAL

    return state.removeprefix("STEP_STATE_") in FINAL


def _age(run: run_types_pb2.Run) -> str:
    seconds = max(0, int(time.time() - run.create_time.seconds))
    for unit_s, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "m")):
        if seconds >= unit_s:
            return f"{seconds // unit_s} {unit}"
    return f"{seconds} s"
