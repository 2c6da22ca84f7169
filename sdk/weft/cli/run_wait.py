"""`weft runs wait`: until runs, or a step of them, stand where a script needs them."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from weft.cli._exit import Exit
from weft.cli._names import run_name, short
from weft.cli._output import note, output_option, print_messages
from weft.cli._run_calls import connect, get_run

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import events_pb2, run_types_pb2

_STATES = ("running", "paused", "succeeded", "failed", "stopped", "ended")
_STEP_STATES = ("running", "succeeded", "cached", "failed", "stopped", "skipped", "ended")
_FINAL = frozenset({"succeeded", "cached", "failed", "stopped", "skipped"})
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class _Duration(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4
    """Seconds, of `90`, `30s`, `10m`, `2h` or `1d`."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Refuses what is no positive duration."""
        text = str(value)
        number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
        if not number.replace(".", "", 1).isdecimal() or float(number) <= 0:
            self.fail(f"{text!r} is no duration: write 30s, 10m or 2h", param, ctx)
        return float(number) * _UNITS[unit]


@dataclass(frozen=True, slots=True)
class _Goal:
    """A state of a run, or of one of its steps."""

    state: str
    step: str = ""

    def __str__(self) -> str:
        return f"{self.state} with step {self.step}" if self.step else self.state

    def decided(self, event: events_pb2.Event) -> bool | None:
        """Whether what is wanted is there; None while it may still come to be.

        A step may begin late, or again in another attempt: it cannot come any more once it, or
        its run, has ended otherwise.
        """
        from weft.cli._runview import run_state, step_state

        kind = event.WhichOneof("resource")
        if kind == "step" and event.step.step_id == self.step:
            return self._of(step_state(event.step).lower())
        if kind == "run" and not self.step:
            return self._of(run_state(event.run).lower())
        return None

    def _of(self, state: str) -> bool | None:
        well = {"succeeded", "cached"} if self.step and self.state == "succeeded" else {self.state}
        if state in (_FINAL if self.state == "ended" else well):
            return True
        return False if state in _FINAL else None


def _read(text: str) -> _Goal | None:
    """What `--for` says; None where it says nothing that could be meant."""
    key, equals, rest = text.partition("=")
    if not equals or key == "status":
        return _Goal(rest or key)
    step, _, state = rest.partition(":")
    return _Goal(state or "succeeded", step) if key == "step" and step else None


class _GoalType(click.ParamType):  # type: ignore[type-arg] # generic since click 8.4
    """`succeeded`, `status=succeeded`, `step=train` or `step=train:failed`."""

    name = "goal"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> _Goal:
        """Refuses states that there are not."""
        if isinstance(value, _Goal):
            return value
        goal = _read(str(value))
        if goal is None:
            self.fail(f"{value!r} is neither STATE, status=STATE nor step=STEP:STATE", param, ctx)
        known = _STEP_STATES if goal.step else _STATES
        if goal.state not in known:
            self.fail(f"{goal.state!r} is none of {', '.join(known)}", param, ctx)
        return goal

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[Any]:
        """Completes the states of runs."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(each) for each in _STATES if each.startswith(incomplete)]


@click.command()
@click.argument("run", nargs=-1, required=True)
@click.option(
    "--for",
    "wanted",
    type=_GoalType(),
    default="succeeded",
    show_default=True,
    metavar=f"[{'|'.join(_STATES)}|step=STEP[:STATE]]",
    help="The state to wait for, of runs or of a step in them; ended is any end.",
)
@click.option("--timeout", "timeout_s", type=_Duration(), help="Give up after: 90s, 30m, 2h.")
@click.option("--fail-fast", is_flag=True, help="Of several: end as soon as one cannot get there.")
@output_option
def wait(
    *, run: tuple[str, ...], wanted: _Goal, timeout_s: float | None, fail_fast: bool, output: str
) -> int:
    """Wait until runs are in a state; exits with 3 where one ended in another, 8 where time is up.

    \b
      weft runs wait @latest --for succeeded --timeout 30m
      weft runs wait @latest --for step=train --timeout 10m
      weft runs wait first second third --fail-fast
    """
    connection, stub = connect()
    names = list(dict.fromkeys(run_name(connection, each) for each in run))
    results: queue.Queue[tuple[str, bool] | Exception] = queue.Queue()
    for name in names:
        work = (connection, name, wanted, results)
        threading.Thread(target=_follow, args=work, daemon=True).start()
    outcomes = _outcomes(results, len(names), timeout_s, fail_fast=fail_fast)
    found = [get_run(connection, stub, name) for name in names]
    print_messages(found, output, header=("RUN", "STATE", "WHY"), row=_row)
    missed = [name for name, is_there in outcomes.items() if not is_there]
    for name in missed:
        note(f"{short(name)} did not get {wanted}: `weft runs diagnose {short(name)}` says why")
    if missed:
        return Exit.RUN_FAILED
    if len(outcomes) == len(names):
        return Exit.DONE
    note(f"time is up: {len(names) - len(outcomes)} of {len(names)} are not {wanted} yet")
    return Exit.TIMED_OUT


def _outcomes(
    results: queue.Queue[tuple[str, bool] | Exception],
    count: int,
    timeout_s: float | None,
    *,
    fail_fast: bool,
) -> dict[str, bool]:
    """Whether each run got there, of those that were decided in time."""
    end = None if timeout_s is None else time.monotonic() + timeout_s
    outcomes: dict[str, bool] = {}
    while len(outcomes) < count and not (fail_fast and False in outcomes.values()):
        try:
            left_s = None if end is None else max(0.0, end - time.monotonic())
            result = results.get(timeout=left_s)
        except queue.Empty:
            break
        if isinstance(result, Exception):
            raise result
        outcomes[result[0]] = result[1]
    return outcomes


def _follow(
    connection: Connection,
    name: str,
    wanted: _Goal,
    results: queue.Queue[tuple[str, bool] | Exception],
) -> None:
    """Says once whether a run got where it is wanted, or ended elsewhere."""
    from weft._streams import watch_run

    try:
        for event in watch_run(connection.workspace, name):
            decided = wanted.decided(event)
            if decided is not None:
                results.put((name, decided))
                return
        results.put((name, wanted == _Goal("ended")))
    except Exception as error:  # noqa: BLE001 - raised again where it is waited
        results.put(error)


def _row(run: run_types_pb2.Run) -> tuple[str, str, str]:
    from weft.cli._runview import run_state

    return short(run.name), run_state(run).lower(), run.state_reason
