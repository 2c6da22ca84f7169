"""How a run looks in a terminal: a live block that redraws, or one line for each change."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from weft.cli._names import short

if TYPE_CHECKING:
    from weftapi.workspace.v1 import events_pb2, run_types_pb2

# A word and a symbol for every state: colour only repeats what they say.
_STEP_LOOKS = {
    "PENDING": ("·", "white", "waiting"),
    "PROVISIONING": ("…", "cyan", "starting"),
    "RUNNING": ("▶", "cyan", "running"),
    "PAUSED": ("‖", "yellow", "paused"),
    "RETRYING": ("↻", "yellow", "retrying"),
    "STOPPING": ("▪", "yellow", "stopping"),
    "SUCCEEDED": ("✓", "green", "done"),
    "CACHED": ("≡", "green", "cached"),
    "SKIPPED": ("-", "white", "skipped"),
    "FAILED": ("✗", "red", "failed"),
    "STOPPED": ("■", "yellow", "stopped"),
}
_FINAL = {"SUCCEEDED", "CACHED", "SKIPPED", "FAILED", "STOPPED"}


def step_state(step: run_types_pb2.Step) -> str:
    """The bare name of a step's state: "RUNNING"."""
    from weftapi.workspace.v1 import run_types_pb2

    return run_types_pb2.StepState.Name(step.state).removeprefix("STEP_STATE_")


def run_state(run: run_types_pb2.Run) -> str:
    """The bare name of a run's state: "RUNNING"."""
    from weftapi.workspace.v1 import run_types_pb2

    return run_types_pb2.RunState.Name(run.state).removeprefix("RUN_STATE_")


def duration(resource: Any) -> str:
    """How long a run or a step took, or takes until now; empty where it has not started."""
    if not resource.HasField("start_time"):
        return ""
    start = resource.start_time.ToNanoseconds() / 1e9
    end = resource.end_time.ToNanoseconds() / 1e9 if resource.HasField("end_time") else time.time()
    return f"{max(0.0, end - start):.1f} s"


class RunView:
    """Draws a run from the events of its watch."""

    def __init__(self, *, is_live: bool | None = None) -> None:
        self._is_live = sys.stdout.isatty() if is_live is None else is_live
        self._steps: dict[str, run_types_pb2.Step] = {}
        self._shown: dict[str, str] = {}
        self._drawn_lines = 0
        self.run: run_types_pb2.Run | None = None

    def follow(self, events: Iterable[events_pb2.Event]) -> run_types_pb2.Run:
        """Draws until the events end, and answers the run as it then is."""
        for event in events:
            self.take(event)
        assert self.run is not None
        self._summarize(self.run)
        return self.run

    def take(self, event: events_pb2.Event) -> None:
        """Draws one change."""
        kind = event.WhichOneof("resource")
        if kind == "run":
            self.run = event.run
            self._say_run(event.run)
        elif kind == "step":
            self._steps[event.step.step_id] = event.step
            self._say_step(event.step)
        if self._is_live:
            self._redraw()

    def _say_run(self, run: run_types_pb2.Run) -> None:
        text = f"{run_state(run)} {run.state_reason}".strip()
        if run.HasField("unresponsive"):
            text += " (silent since " + run.unresponsive.since.ToDatetime().isoformat() + "Z)"
        self._say("", f"run {short(run.name)}  {text}")

    def _say_step(self, step: run_types_pb2.Step) -> None:
        if step_state(step) != "PENDING":
            self._say(step.step_id, _step_line(step))

    def _say(self, key: str, line: str) -> None:
        """In a pipe each change is a line of its own, said once."""
        if not self._is_live and self._shown.get(key) != line:
            click.echo(line)
            self._shown[key] = line

    def _redraw(self) -> None:
        rows = max(5, shutil.get_terminal_size().lines - 3)
        lines = self._lines()
        if len(lines) > rows:
            hidden = len(lines) - rows + 1
            lines = [*lines[: rows - 1], f"  … and {hidden} more"]
        if self._drawn_lines:
            sys.stdout.write(f"\x1b[{self._drawn_lines}A\x1b[J")
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        self._drawn_lines = len(lines)

    def _lines(self) -> list[str]:
        """Running and failed steps first where not all of them fit on the screen."""
        steps = list(self._steps.values())
        if len(steps) > shutil.get_terminal_size().lines - 4:
            steps.sort(key=lambda step: step_state(step) in _FINAL - {"FAILED"})
        head = []
        if self.run is not None:
            state = run_state(self.run)
            head = [f"run {short(self.run.name)}  {state.lower()}  {duration(self.run)}"]
        return head + [_step_line(step) for step in steps]

    def _summarize(self, run: run_types_pb2.Run) -> None:
        counts = {name.removeprefix("STEP_STATE_"): n for name, n in run.step_counts.items() if n}
        told = ", ".join(f"{n} {state.lower()}" for state, n in counts.items())
        colour = {"SUCCEEDED": "green", "FAILED": "red"}.get(run_state(run), "yellow")
        state = click.style(run_state(run).lower(), fg=colour, bold=True)
        click.echo(f"{state} in {duration(run) or '0.0 s'} · {told or 'no steps'}")
        failed = [step for step in self._steps.values() if step_state(step) == "FAILED"]
        for step in failed:
            print_failure(step.failure, step=step)
        if run.HasField("failure") and not failed:
            print_failure(run.failure)
        if run_state(run) == "FAILED":
            name = short(run.name)
            click.echo(f"next: weft logs {name}  ·  mend it and: weft runs retry {name}")


def print_failure(
    failure: run_types_pb2.Failure, *, step: run_types_pb2.Step | None = None
) -> None:
    """Says what failed: the exception, its line, the code around it, the step's inputs."""
    title = f"{step.step_id}  " if step is not None else ""
    error = f"{failure.exception_type}: " if failure.exception_type else ""
    click.echo(f"{click.style('✗', fg='red')} {title}{error}{failure.message}")
    if failure.location:
        click.echo(f"    {failure.location}")
    for line in failure.excerpt.splitlines():
        click.echo(f"    {line}")
    if step is not None and step.inputs:
        inputs = ", ".join(f"{name}={_version(v)}" for name, v in sorted(step.inputs.items()))
        click.echo(f"    inputs: {inputs}")


def _version(name: str) -> str:
    parts = name.split("/")
    return f"{parts[-3]}@{parts[-1]}" if len(parts) > 3 else name  # noqa: PLR2004 - artifacts/a/versions/1


def _step_line(step: run_types_pb2.Step) -> str:
    state = step_state(step)
    symbol, colour, word = _STEP_LOOKS[state]
    outputs = "  ".join(_version(v) for _, v in sorted(step.outputs.items()))
    detail = step.state_reason if state in {"CACHED", "SKIPPED", "RETRYING"} else outputs
    line = f"  {click.style(symbol, fg=colour)} {step.step_id:<24} {word:<9} {duration(step):>8}"
    return f"{line}  {click.style(detail, dim=True)}".rstrip()
