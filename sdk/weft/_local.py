"""Runs a graph in this process, recorded where the settings say."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from weft import _arguments
from weft._approval import asks
from weft._artifact import Artifact
from weft._cache import CacheOutcome
from weft._describe import run_record, step_record
from weft._engine import Engine
from weft._forks import ForkSafeRun
from weft._graph import Graph
from weft._hooks import happening_of
from weft._interrupts import Interrupts, exit_plainly
from weft._options import Options
from weft._recording import choose_recorder
from weft._records import Recorder, RunRecord, RunRecorder
from weft._run import Run, StepRun, explain_failure
from weft._settings import Settings, settings
from weft._states import RunState, StopMode
from weft._store import open_store
from weft._units import Unit
from weft.errors import (
    RunFailedError,
    RunInterruptedError,
    RunStoppedError,
    UnaskableWarning,
    UncacheableWarning,
)


def run_graph(
    graph: Graph,
    *,
    recorder: Recorder | None = None,
    record: RunRecord | None = None,
    cache: bool = True,
    max_workers: int | None = None,
    raise_on_failure: bool = True,
) -> Run[Any]:
    """Execute a graph here and give the finished run.

    Args:
        graph: The traced pipeline.
        recorder: Where the run is recorded; None takes `choose_recorder`.
        record: The run, where somebody has created it already.
        cache: Whether earlier results may stand in.
        max_workers: Most attempts at a time.
        raise_on_failure: Whether a run that does not succeed raises.

    Raises:
        RunFailedError: A step failed.
        RunStoppedError: Somebody stopped the run; RunInterruptedError where it was Ctrl-C.
    """
    local = settings()
    if recorder is None:
        recorder, local = choose_recorder(local)
    record = record or run_record(graph, local.project)
    options = Options(cache=cache, allow_pickle=local.allow_pickle, echo=local.echo)
    if max_workers is not None:
        options = replace(options, max_workers=max_workers)
    interrupts = Interrupts()
    engine = execute(graph, record, recorder, local, options, interrupts=interrupts)
    run = finished_run(engine, local)
    if raise_on_failure and interrupts.count and run.state is RunState.STOPPED:
        exit_plainly()
        raise RunInterruptedError(f"interrupted: run {run.name} was stopped", run)
    if raise_on_failure:
        raise_failure(run)
    return run


def raise_failure(run: Run[Any]) -> None:
    """Raise for a run that did not succeed, with what its step raised as the cause.

    Raises:
        RunFailedError: A step failed.
        RunStoppedError: Somebody stopped the run.
    """
    if run.state is RunState.FAILED:
        raise RunFailedError(explain_failure(run), run) from run.error
    if run.state is RunState.STOPPED:
        raise RunStoppedError(f"run {run.name} was stopped", run)


def execute(
    graph: Graph,
    record: RunRecord,
    recorder: Recorder,
    local: Settings,
    options: Options,
    *,
    interrupts: Interrupts | None = None,
) -> Engine:
    """Run the engine with its recorder open, and Ctrl-C wired to stop it."""
    wishes = _ForEngine()
    interrupts = interrupts or Interrupts()
    recording: RunRecorder | None = None
    try:
        # From before the run is on record, so that none is left there that nobody ends.
        with interrupts.stopping(wishes.stop):
            recording = ForkSafeRun(recorder.begin(record, wishes))
            interrupts.has_begun = True
            engine = _execute(graph, record, recording, local, options, wishes=wishes)
        _call_hooks(engine)
    finally:
        if recording is not None:
            recording.close()
    _warn(engine)
    return engine


def _execute(
    graph: Graph,
    record: RunRecord,
    recording: RunRecorder,
    local: Settings,
    options: Options,
    *,
    wishes: _ForEngine,
) -> Engine:
    if recording.ask is None:
        _warn_of_questions(graph)
    store = open_store(local.artifact_store, local.store_access)
    engine = Engine(graph, record, recorder=recording, store=store, options=options)
    wishes.hand_to(engine)
    recording.add_steps([step_record(node) for node in engine.graph.in_order()])
    graph.hooks.call("on_start", happening_of(record))
    engine.run()
    return engine


def _call_hooks(engine: Engine) -> None:
    told = happening_of(engine.record, failure=engine.failure)
    if engine.state is not RunState.STOPPED:
        is_well = engine.state is RunState.SUCCEEDED
        engine.graph.hooks.call("on_success" if is_well else "on_failure", told)


class _ForEngine:
    """Hands wishes to the engine; those that come before there is one wait for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._waiting: list[Callable[[Engine], None]] = []

    def hand_to(self, engine: Engine) -> None:
        """From now on this engine hears what people want."""
        with self._lock:
            self._engine = engine
            for wish in self._waiting:
                wish(engine)

    def stop(self, mode: StopMode, reason: str) -> None:
        """Stops the run."""
        self._tell(lambda engine: engine.stop(mode, reason))

    def stop_step(self, step: str, mode: StopMode, reason: str, *, grace_s: float) -> None:
        """Stops one step."""
        self._tell(lambda engine: engine.stop_step(step, mode, reason, grace_s=grace_s))

    def pause(self, *, is_paused: bool) -> None:
        """Starts nothing new, or goes on."""
        self._tell(lambda engine: engine.pause(is_paused=is_paused))

    def _tell(self, wish: Callable[[Engine], None]) -> None:
        with self._lock:
            if self._engine is None:
                self._waiting.append(wish)
            else:
                wish(self._engine)


def finished_run(engine: Engine, local: Settings) -> Run[Any]:
    """Give what the user sees of an engine that has ended."""
    units = engine.units.values()
    steps = {unit.id: _step_run(unit, local) for unit in units if unit.parent is None}
    result = None
    if engine.state is RunState.SUCCEEDED:
        result = _arguments.resolve(engine.graph.result, engine.result_of)
    return Run(
        engine.record.name,
        engine.record.uid,
        engine.state,
        steps,
        failure=engine.failure,
        error=_error_of(engine),
        result=result,
        store=engine.store,
        allow_pickle=local.allow_pickle,
        upstream={id_: node.upstream for id_, node in engine.graph.nodes.items()},
    )


def _error_of(engine: Engine) -> BaseException | None:
    failure = engine.failure
    if failure is None or not failure.step:
        return engine.error if failure else None
    unit = engine.units.get(failure.step)
    return unit.error if unit else None


def _step_run(unit: Unit, local: Settings) -> StepRun:
    store, allow_pickle = local.artifact_store, local.allow_pickle
    outputs = unit.outputs.items()
    return StepRun(
        unit.id,
        unit.state,
        unit.attempt,
        {n: Artifact(version, allow_pickle=allow_pickle, store=store) for n, version in outputs},
        unit.failure,
        unit.decision,
        {name: _arguments.show(argument) for name, argument in unit.arguments.items()},
        tuple(_step_run(child, local) for child in unit.children),
        tuple(unit.waits),
    )


def _warn_of_questions(graph: Graph) -> None:
    """Hours may pass before a step asks: that it will be in vain is said when the run begins."""
    for node in graph.in_order():
        if asks(node.step.function):
            warnings.warn(
                f"step {node.id} asks people, and nobody can be asked: this run is recorded on "
                "this machine only",
                UnaskableWarning,
                stacklevel=2,
            )


def _warn(engine: Engine) -> None:
    for unit in engine.units.values():
        decision = unit.decision
        if decision is not None and decision.outcome is CacheOutcome.UNCACHEABLE:
            warnings.warn(f"step {unit.id}: {decision.reason}", UncacheableWarning, stacklevel=2)
