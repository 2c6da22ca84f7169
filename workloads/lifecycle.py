"""The life of a workload: one table, from which checks, docs and property tests follow.

QUEUED -> SUBMITTING -> PENDING -> RUNNING -> SUCCEEDED | FAILED | LOST, and CANCELLING on the
way to CANCELLED. Terminal states absorb.
"""

import enum
from collections import deque


class WorkloadState(enum.Enum):
    """What a workload is doing; the values stand in the manager's files."""

    QUEUED = "QUEUED"
    SUBMITTING = "SUBMITTING"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    LOST = "LOST"

    @property
    def is_terminal(self) -> bool:
        return not TRANSITIONS[self]


_S = WorkloadState
TRANSITIONS: dict[WorkloadState, frozenset[WorkloadState]] = {
    _S.QUEUED: frozenset({_S.SUBMITTING, _S.CANCELLED, _S.FAILED}),
    _S.SUBMITTING: frozenset({_S.PENDING, _S.QUEUED, _S.FAILED, _S.CANCELLING}),
    _S.PENDING: frozenset({_S.RUNNING, _S.FAILED, _S.LOST, _S.CANCELLING}),
    _S.RUNNING: frozenset({_S.SUCCEEDED, _S.FAILED, _S.LOST, _S.CANCELLING}),
    _S.CANCELLING: frozenset({_S.CANCELLED, _S.SUCCEEDED, _S.FAILED, _S.LOST}),
    _S.SUCCEEDED: frozenset(),
    _S.FAILED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.LOST: frozenset(),
}


def path(current: WorkloadState, target: WorkloadState) -> list[WorkloadState] | None:
    """The shortest legal way from one state to another, without the first; None if there is none.

    Whoever observes an engine may have slept through a state; nobody should see an edge that
    the table does not have.
    """
    # Nobody was cancelled on the way to anything else, however short that way may be.
    is_cancel = target in (WorkloadState.CANCELLING, WorkloadState.CANCELLED)
    detours = set() if is_cancel else {WorkloadState.CANCELLING}
    came_from: dict[WorkloadState, WorkloadState | None] = {current: None}
    waiting = deque([current])
    while waiting and target not in came_from:
        state = waiting.popleft()
        for following in TRANSITIONS[state] - came_from.keys() - detours:
            came_from[following] = state
            waiting.append(following)
    if target not in came_from:
        return None
    way: list[WorkloadState] = []
    step: WorkloadState | None = target
    while step is not None and step is not current:
        way.append(step)
        step = came_from[step]
    return way[::-1]
