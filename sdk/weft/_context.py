"""What a running step may know and tell: its run, its attempt, metrics and metadata."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from weft import _json
from weft._records import Alert, Metadata, Metric, now
from weft.errors import NoActiveStepError, StepStoppedError

if TYPE_CHECKING:
    from weft._approval import Asked, Question, Verdict

    Ask = Callable[[Question, threading.Event], Verdict]

_log = logging.getLogger("weft")
_MAX_METADATA_BYTES = 64 << 10


class Notes(Protocol):
    """Takes metrics and metadata; a `RunRecorder` is one."""

    def write_metadata(self, metadata: Metadata) -> None:
        """Keep values about a step or an output."""

    def write_metrics(self, metrics: Sequence[Metric]) -> None:
        """Keep points of curves."""

    def write_alert(self, alert: Alert) -> None:
        """Have people told something."""


@dataclass(slots=True)
class Described:
    """What an attempt says of itself: servers keep 64 KiB of it.

    A report that holds more would be refused, and the end of the step with it.
    """

    total: int = 0
    sizes: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, values: Mapping[str, Any]) -> None:
        """Counts values; raises ValueError for what has no room."""
        new = {name: len(json.dumps([name, value])) for name, value in values.items()}
        with self.lock:
            total = self.total + sum(new.values()) - sum(self.sizes.get(name, 0) for name in new)
            if total > _MAX_METADATA_BYTES:
                raise ValueError(
                    f"a step has at most {_MAX_METADATA_BYTES >> 10} KiB of metadata, and "
                    f"{', '.join(new)} would be too much: return it as an output of the step"
                )
            self.sizes.update(new)
            self.total = total


def _no_questions() -> Asked:
    from weft._approval import Asked

    return Asked()


@dataclass(frozen=True, slots=True)
class StepContext:
    """The running attempt of a step.

    Attributes:
        project, pipeline, run: Ids; `run` is the readable name.
        step: Id of the step in the run.
        attempt: 1 for the first.
        index: Position of the item, in a fan-out.
    """

    project: str
    pipeline: str
    run: str
    step: str
    attempt: int
    index: int | None
    notes: Notes = field(repr=False)
    stop_event: threading.Event = field(repr=False, default_factory=threading.Event)
    # Asks people and waits; None where nobody can be asked.
    ask: Ask | None = field(repr=False, default=None)
    asked: Asked = field(repr=False, default_factory=_no_questions)
    described: Described = field(repr=False, default_factory=Described)

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked the run to stop. Long steps look now and then, save, and end."""
        return self.stop_event.is_set()

    def check_stop(self) -> None:
        """End the step here if somebody asked the run to stop.

        Raises:
            StepStoppedError: Somebody did; let it pass.
        """
        if self.stop_requested:
            raise StepStoppedError(f"step {self.step} was asked to stop")


active: ContextVar[StepContext | None] = ContextVar("weft_step", default=None)


def context() -> StepContext:
    """Give the running step.

    Raises:
        NoActiveStepError: No step runs here: a unit test calls the function, or a thread that the
            step started, which does not inherit its context.
    """
    found = active.get()
    if found is None:
        raise NoActiveStepError("no step is running here; context() works inside a running step")
    return found


def log_metric(name: str, value: float, *, x: float | None = None) -> None:
    """Record a figure of the running step; outside a run it is only logged.

    Args:
        name: Name of the figure, such as `accuracy`.
        value: Anything that `float()` takes.
        x: Place on the curve, such as the epoch; None for a final figure.
    """
    log_metrics({name: value}, x=x)


def log_metrics(values: Mapping[str, float], *, x: float | None = None) -> None:
    """Record several figures at the same `x`; see `log_metric`.

    Raises:
        TypeError, ValueError: A value is no number, or the step would have more than 64 KiB of
            metadata.
    """
    numbers = {name: float(value) for name, value in values.items()}
    here = active.get()
    if here is None:
        _log.info("metrics outside a run: %s", numbers)
        return
    here.described.add(numbers)
    time = now()
    points = [Metric(here.step, here.attempt, n, v, time, x) for n, v in numbers.items()]
    here.notes.write_metrics(points)


def log_metadata(values: Mapping[str, Any], *, output: str = "") -> None:
    """Record plain values about the running step, or about one of its outputs.

    Args:
        values: Plain data by name.
        output: Name of the output they are about; "" means the step.

    Raises:
        TypeError: A value is no plain data.
        ValueError: The step would have more than 64 KiB of metadata.
    """
    data = {str(name): _json.encode(value) for name, value in values.items()}
    here = active.get()
    if here is None:
        _log.info("metadata outside a run: %s", data)
        return
    metadata = Metadata(here.step, here.attempt, data, now(), output)
    here.described.add(metadata.by_name)
    here.notes.write_metadata(metadata)
