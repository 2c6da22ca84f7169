"""The state machines of runs and steps: pure tables and functions.

The same tables make the databases' CHECK constraints and the property tests. Terminal states
absorb: nothing leads out of them.
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar


class RunState(enum.StrEnum):
    """States of a run; the values stand in the database and, with a prefix, on the wire."""

    PENDING = "PENDING"
    PROVISIONING = "PROVISIONING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPING = "STOPPING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


class StepState(enum.StrEnum):
    """States of a step; see RunState."""

    PENDING = "PENDING"
    PROVISIONING = "PROVISIONING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    RETRYING = "RETRYING"
    STOPPING = "STOPPING"
    SUCCEEDED = "SUCCEEDED"
    CACHED = "CACHED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


S = TypeVar("S", RunState, StepState)
Edges = Mapping[S, frozenset[S]]

_R, _S = RunState, StepState

RUN_EDGES: Edges[RunState] = MappingProxyType(
    {
        _R.PENDING: frozenset({_R.PROVISIONING, _R.RUNNING, _R.STOPPING, _R.STOPPED, _R.FAILED}),
        _R.PROVISIONING: frozenset({_R.RUNNING, _R.STOPPING, _R.FAILED}),
        _R.RUNNING: frozenset({_R.PAUSED, _R.STOPPING, _R.SUCCEEDED, _R.FAILED}),
        _R.PAUSED: frozenset({_R.RUNNING, _R.STOPPING, _R.FAILED}),
        _R.STOPPING: frozenset({_R.STOPPED, _R.SUCCEEDED, _R.FAILED}),
        _R.SUCCEEDED: frozenset(),
        _R.FAILED: frozenset(),
        _R.STOPPED: frozenset(),
    }
)

STEP_EDGES: Edges[StepState] = MappingProxyType(
    {
        _S.PENDING: frozenset(
            {_S.PROVISIONING, _S.RUNNING, _S.CACHED, _S.SKIPPED, _S.STOPPED, _S.FAILED}
        ),
        _S.PROVISIONING: frozenset({_S.RUNNING, _S.RETRYING, _S.STOPPING, _S.FAILED}),
        _S.RUNNING: frozenset({_S.PAUSED, _S.RETRYING, _S.STOPPING, _S.SUCCEEDED, _S.FAILED}),
        _S.PAUSED: frozenset({_S.RUNNING, _S.STOPPING, _S.FAILED}),
        _S.RETRYING: frozenset({_S.PROVISIONING, _S.RUNNING, _S.STOPPING, _S.FAILED}),
        _S.STOPPING: frozenset({_S.STOPPED, _S.SUCCEEDED, _S.FAILED}),
        _S.SUCCEEDED: frozenset(),
        _S.CACHED: frozenset(),
        _S.SKIPPED: frozenset(),
        _S.FAILED: frozenset(),
        _S.STOPPED: frozenset(),
    }
)

RUN_TERMINAL = frozenset(state for state, edges in RUN_EDGES.items() if not edges)
STEP_TERMINAL = frozenset(state for state, edges in STEP_EDGES.items() if not edges)
RUN_ACTIVE = tuple(state for state in RunState if state not in RUN_TERMINAL)
STEP_ACTIVE = tuple(state for state in StepState if state not in STEP_TERMINAL)

# What a new attempt interrupts: the attempt before it has failed, whether or not that was said.
_INTERRUPTED = frozenset({_S.PROVISIONING, _S.RUNNING})


def may_move(edges: Edges[S], current: S, target: S) -> bool:
    """Whether the edge exists; staying where one is is no edge, and always allowed."""
    return current == target or target in edges[current]


def before_attempt(current: StepState) -> StepState:
    """The state from which a new attempt is judged."""
    return StepState.RETRYING if current in _INTERRUPTED else current


def settled(step: StepState, run: RunState, outcome: str = "") -> StepState:
    """What becomes of a step whose run has ended as `run` without a word about it.

    A step that never ran is STOPPED where the run was, and SKIPPED else. One that ran shares
    the fate of its runner: nobody saw it end well; unless its own workload said so, by `outcome`.
    """
    if step in STEP_TERMINAL:
        return step
    if outcome == StepState.SUCCEEDED:
        return StepState.SUCCEEDED
    if run is RunState.STOPPED:
        return StepState.STOPPED
    if step is StepState.PENDING:
        return StepState.SKIPPED
    return StepState.FAILED if run is RunState.FAILED else StepState.STOPPED
