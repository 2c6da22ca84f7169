"""How a run looks in a terminal: a live block that redraws, or one line for each change."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from weft._enums import word
from weft.cli._live import LiveBlock
from weft.cli._names import short
from weft.cli._text import lines, plain

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
_WITH_REASON = {"CACHED", "SKIPPED", "RETRYING", "PROVISIONING"}
_ENDED_WELL = {"SUCCEEDED", "CACHED"}
_MAX_FAILURES = 10
_MAX_LAST_WORDS = 20
_ENDINGS = ("SUCCEEDED", "FAILED", "STOPPED", "SKIPPED", "CACHED")
_BAR = 10
_MOST_FIGURES = 3
FINAL = {"SUCCEEDED", "CACHED", "SKIPPED", "FAILED", "STOPPED"}


def step_state(step: run_types_pb2.Step) -> str:
    """The bare name of a step's state: "RUNNING"."""
    from weftapi.workspace.v1 import run_types_pb2

    return word(run_types_pb2.StepState, step.state)


def run_state(run: run_types_pb2.Run) -> str:
    """The bare name of a run's state: "RUNNING"."""
    from weftapi.workspace.v1 import run_types_pb2

    return word(run_types_pb2.RunState, run.state)


def state_look(state: str) -> tuple[str, str]:
    """Symbol and colour of a state of a run or a step: a word stands beside them."""
    symbol, colour, _ = _STEP_LOOKS.get(state, ("?", "white", ""))
    return symbol, colour


def duration(resource: Any) -> str:
    """How long a run or a step took, or takes until now; empty where it has not started."""
    if not resource.HasField("start_time"):
        return ""
    start = resource.start_time.ToNanoseconds() / 1e9
    end = resource.end_time.ToNanoseconds() / 1e9 if resource.HasField("end_time") else time.time()
    return f"{max(0.0, end - start):.1f} s"


def can_redraw() -> bool:
    """Whether standard output is a terminal that obeys cursor movements."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}


class RunView:
    """Draws a run from the events of its watch.

    In a terminal that is a block that redraws, elsewhere a line for each change; to standard
    error where `is_aside`, because standard output is for the result.
    """

    def __init__(self, *, is_live: bool | None = None, is_aside: bool = False) -> None:
        is_live = can_redraw() if is_live is None else is_live
        self._is_aside = is_aside
        self._steps: dict[str, run_types_pb2.Step] = {}
        self._shown: dict[str, str] = {}
        # Events come in one thread, frames are drawn in another.
        self._lock = threading.Lock()
        self.run: run_types_pb2.Run | None = None
        self._block = LiveBlock(self._lines) if is_live and not is_aside else None

    def follow(self, events: Iterable[events_pb2.Event]) -> run_types_pb2.Run:
        """Draws until the events end, and answers the run as it then is."""
        try:
            for event in events:
                self.take(event)
        finally:
            if self._block is not None:
                self._block.close()
        assert self.run is not None
        self._summarize(self.run)
        return self.run

    def take(self, event: events_pb2.Event) -> None:
        """Draws one change."""
        kind = event.WhichOneof("resource")
        with self._lock:
            if kind == "run":
                self.run = event.run
            elif kind == "step":
                self._steps[event.step.step_id] = event.step
        if self._block is not None:
            self._block.changed()
        elif kind == "run":
            self._say("", _run_line(event.run))
        elif kind == "step" and _is_told(event.step):
            self._say(event.step.step_id, _step_line(event.step))

    def note(self, text: str) -> None:
        """Says something about the watching itself."""
        if self._block is None:
            click.echo(plain(text), err=True)

    def _say(self, key: str, line: str) -> None:
        """Each change is a line of its own, said once."""
        if self._shown.get(key) != line:
            click.echo(line, err=self._is_aside)
            self._shown[key] = line

    def _lines(self, _columns: int, rows: int) -> list[str]:
        """Running and failed steps first where not all of them fit on the screen."""
        with self._lock:
            steps, run = list(self._steps.values()), self.run
        shown = folded(steps)
        room = max(4, rows - 2)
        if len(shown) > room:
            shown.sort(key=lambda step: step_state(step) in FINAL - {"FAILED"})
        head = [f"run {short(run.name)}  {run_state(run).lower()}  {duration(run)}"] if run else []
        found = step_lines(steps, shown[:room])
        more = [f"  … and {len(shown) - room} more"] if len(shown) > room else []
        return head + found + more

    def _summarize(self, run: run_types_pb2.Run) -> None:
        err = self._is_aside
        counts = {name.removeprefix("STEP_STATE_"): n for name, n in run.step_counts.items() if n}
        # The map has no order of its own.
        told = ", ".join(f"{counts[state]} {state.lower()}" for state in sorted(counts, key=_rank))
        colour = {"SUCCEEDED": "green", "FAILED": "red"}.get(run_state(run), "yellow")
        state = click.style(run_state(run).lower(), fg=colour, bold=True)
        click.echo(f"{state} in {duration(run) or '0.0 s'} · {told or 'no steps'}", err=err)
        print_failures(run, self._steps.values(), err=err)
        if run_state(run) == "FAILED":
            click.echo(f"next: {_what_next(run, self._steps.values())}", err=err)


def _what_next(run: run_types_pb2.Run, steps: Iterable[run_types_pb2.Step]) -> str:
    """Commands that help with a run that failed: why, what it printed, inside of it, again."""
    name = short(run.name)
    failed = [step for step in steps if step_state(step) == "FAILED"]
    first = min(failed, key=lambda step: step.end_time.ToNanoseconds(), default=None)
    inside = [f"weft steps rerun {name}/{first.step_id} --pdb"] if first else []
    commands = [f"weft runs diagnose {name}", f"weft logs {name}", *inside]
    return "  ·  ".join([*commands, f"weft runs retry {name} --from-failed"])


def _rank(state: str) -> tuple[int, str]:
    """Where a state stands in a summary: how steps ended, then whatever else there is."""
    return (_ENDINGS.index(state) if state in _ENDINGS else len(_ENDINGS), state)


def folded(steps: Iterable[run_types_pb2.Step]) -> list[run_types_pb2.Step]:
    """The steps without the items of fan-outs, except for those that failed."""
    return [step for step in steps if not step.map_group or step_state(step) == "FAILED"]


def print_failures(
    run: run_types_pb2.Run, steps: Iterable[run_types_pb2.Step], *, err: bool = False
) -> None:
    """Says what failed: the steps, or the run itself where it was none of them."""
    failed = [s for s in steps if step_state(s) == "FAILED" and s.HasField("failure")]
    for step in failed[:_MAX_FAILURES]:
        print_failure(step.failure, step=step, err=err)
    if len(failed) > _MAX_FAILURES:
        click.echo(f"  … and {len(failed) - _MAX_FAILURES} more steps failed", err=err)
    if run.HasField("failure") and not any(s.step_id == run.failure.step for s in failed):
        print_failure(run.failure, err=err)
        # A run that its workload took along has no traceback of Python, but its last words.
        for line in lines(run.failure.traceback)[-_MAX_LAST_WORDS:]:
            click.echo(f"    | {line}", err=err)


def print_failure(
    failure: run_types_pb2.Failure, *, step: run_types_pb2.Step | None = None, err: bool = False
) -> None:
    """Says what failed: the exception, its line, the code around it, the step's inputs."""
    title = f"{step.step_id}  " if step is not None else ""
    error = f"{failure.exception_type}: " if failure.exception_type else ""
    first, *rest = lines(f"{title}{error}{failure.message}") or [""]
    click.echo(f"{click.style('✗', fg='red')} {first}", err=err)
    for line in [*rest, *lines(failure.location), *lines(failure.excerpt)]:
        click.echo(f"    {line}", err=err)
    if step is not None and step.inputs:
        inputs = ", ".join(f"{name}={_version(v)}" for name, v in sorted(step.inputs.items()))
        click.echo(f"    inputs: {plain(inputs)}", err=err)


def _is_told(step: run_types_pb2.Step) -> bool:
    """Whether a change of a step is a line of its own: of a thousand items, only failures are."""
    return step_state(step) == "FAILED" if step.map_group else step_state(step) != "PENDING"


def step_lines(steps: Iterable[run_types_pb2.Step], shown: list[run_types_pb2.Step]) -> list[str]:
    """A line for each step, with how far the items are where it is a fan-out."""
    items: dict[str, Counter[str]] = {}
    for step in steps:
        if step.map_group:
            items.setdefault(step.map_group, Counter())[step_state(step)] += 1
    return [_step_line(step, items.get(step.step_id), progress_of(step)) for step in shown]


def progress_of(step: run_types_pb2.Step) -> str:
    """How far a running step says that it is: "epochs 3/10 ███░░░░░░░"."""
    if step_state(step) != "RUNNING":
        return ""
    found = []
    for key, value in sorted(step.metadata.items()):
        word, _, name = key.partition(" ")
        if word == "progress" and (numbers := _two_numbers(value)):
            found.append(f"{name} {_bar(*numbers)}".strip())
    return "  ".join(found)


def _two_numbers(value: Any) -> tuple[float, float] | None:
    from google.protobuf.struct_pb2 import ListValue

    numbers = list(value) if isinstance(value, ListValue) else []
    match numbers:
        case [float(done), float(total)]:
            return done, total
    return None


def _bar(done: float, total: float) -> str:
    if total <= 0:
        return f"{done:g}"
    filled = min(_BAR, max(0, int(_BAR * done / total)))
    return f"{done:g}/{total:g} {'█' * filled}{'░' * (_BAR - filled)}"


def _version(name: str) -> str:
    parts = name.split("/")
    return f"{parts[-3]}@{parts[-1]}" if len(parts) > 3 else name  # noqa: PLR2004 - artifacts/a/versions/1


def _run_line(run: run_types_pb2.Run) -> str:
    text = f"run {short(run.name)}  {run_state(run).lower()}  {run.state_reason}"
    return plain(text + silence(run)).rstrip()


def silence(item: run_types_pb2.Run | run_types_pb2.Step) -> str:
    """Give since when a run or a step is silent; nothing where it speaks."""
    if not item.HasField("unresponsive"):
        return ""
    return f" (silent since {item.unresponsive.since.ToDatetime().isoformat()}Z)"


def _figures(step: run_types_pb2.Step) -> list[str]:
    """The first numbers that a step logged: "accuracy 0.953"."""
    found = sorted(step.metadata.fields.items())
    numbers = [(name, v.number_value) for name, v in found if v.HasField("number_value")]
    return [f"{name} {number:.6g}" for name, number in numbers[:_MOST_FIGURES]]


def _step_line(
    step: run_types_pb2.Step, items: Counter[str] | None = None, progress: str = ""
) -> str:
    state = step_state(step)
    symbol, colour, word = _STEP_LOOKS.get(state, ("?", "white", state.lower()))
    outputs = "  ".join([*(_version(v) for _, v in sorted(step.outputs.items())), *_figures(step)])
    detail = step.state_reason if state in _WITH_REASON else outputs
    if step.workload and state not in _ENDED_WELL:
        detail = f"in {short(step.workload)}{silence(step)}  {detail}"
    if items:
        done = sum(count for name, count in items.items() if name in FINAL)
        detail = f"{done} of {sum(items.values())} items  {detail}"
    detail = f"{progress}  {detail}" if progress else detail
    name = plain(step.step_id)
    line = f"  {click.style(symbol, fg=colour)} {name:<24} {word:<9} {duration(step):>8}"
    return f"{line}  {click.style(plain(detail), dim=True)}" if detail.strip() else line
