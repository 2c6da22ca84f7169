"""One run, live: why it is as it is, and its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Footer, Static

from weft._ui.calls import Calls
from weft._ui.log import LogScreen
from weft._ui.parts import Table, drawn, safe
from weft._ui.screens import REDRAW_S, OfRuns
from weft._ui.watch import Watch
from weft.cli._names import short
from weft.cli._runview import duration, folded, run_state, silence, state_look, step_lines
from weft.cli._text import lines

if TYPE_CHECKING:
    from weftapi.workspace.v1 import events_pb2, run_types_pb2


class RunScreen(OfRuns):
    """A line for each step; what failed stands below, of the step under the cursor first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("l", "log", "Log"),
        ("escape", "dismiss", "Back"),
    ]
    KEYS: ClassVar[Sequence[tuple[str, str]]] = (
        ("j k", "next and previous step"),
        ("l Enter", "the log of the step"),
        ("c", "stop the run"),
        ("r", "run it again from where it failed"),
        ("o", "open its page in the dashboard"),
        ("Esc", "back to the runs"),
    )

    def __init__(self, calls: Calls, name: str) -> None:
        super().__init__(calls)
        self._run_name = name
        self._run: run_types_pb2.Run | None = None
        self._steps: dict[str, run_types_pb2.Step] = {}
        self._table = Table("STEPS")
        self._why = Static()

    def compose(self) -> ComposeResult:
        """The reason has a place of its own, and scrolls."""
        yield self.head
        yield self._table
        with VerticalScroll(classes="why", can_focus=False):
            yield self._why
        yield Footer()

    def on_mount(self) -> None:
        """Begins to follow."""
        self.follow(
            Watch(
                self.app,
                lambda heard, broke: self.calls.run(self._run_name, heard, broke),
                self._take,
                self.tell,
            )
        )
        self.set_interval(REDRAW_S, self._redraw)

    def title_text(self) -> Text:
        """The run, its state in a word, and why."""
        if self._run is None:
            return safe(short(self._run_name), "bold")
        symbol, colour = state_look(run_state(self._run))
        state = Text(f"{symbol} {run_state(self._run).lower()}", colour)
        reason = safe(self._run.state_reason + silence(self._run))
        title = safe(f"{short(self._run_name)}  ", "bold")
        return Text.assemble(title, state, f"  {duration(self._run)}  ", reason)

    def chosen_run(self) -> str:
        """This one."""
        return self._run_name

    def action_log(self) -> None:
        """Opens the log of the step under the cursor."""
        step = self._steps.get(self._table.chosen)
        if step is None or not step.log_stream:
            self.notify("nothing was written yet", markup=False)
        else:
            self.app.push_screen(LogScreen(self.calls, step.step_id, step.log_stream))

    def on_data_table_row_selected(self, _event: DataTable.RowSelected) -> None:
        """As `l` does."""
        self.action_log()

    def on_data_table_row_highlighted(self, _event: DataTable.RowHighlighted) -> None:
        """Says why the step under the cursor failed."""
        self._explain()

    def _take(self, event: events_pb2.Event) -> None:
        match event.WhichOneof("resource"):
            case "run":
                self._run = event.run
            case "step":
                self._steps[event.step.step_id] = event.step
        self._redraw()

    def _redraw(self) -> None:
        steps = list(self._steps.values())
        shown = folded(steps)
        drawings = map(drawn, step_lines(steps, shown))
        self._table.show(
            [(step.step_id, (line,)) for step, line in zip(shown, drawings, strict=True)]
        )
        self.draw_head()
        self._explain()

    def _explain(self) -> None:
        step = self._steps.get(self._table.chosen)
        has_failed = step is not None and step.HasField("failure")
        failure = step.failure if step is not None and has_failed else None
        if failure is None and self._run is not None and self._run.HasField("failure"):
            failure = self._run.failure
        self._why.update(Text() if failure is None else _told(failure))


def _told(failure: run_types_pb2.Failure) -> Text:
    """What failed, where, and the code around it."""
    kind = f"{failure.exception_type}: " if failure.exception_type else ""
    first, *rest = lines(f"{kind}{failure.message}") or [""]
    below = [*rest, *lines(failure.location), *lines(failure.excerpt)]
    return Text.assemble((first, "red"), *(f"\n  {line}" for line in below))
