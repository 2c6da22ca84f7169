"""States of runs and steps, and their legal changes; the same tables as the workspace's."""

from __future__ import annotations

from enum import StrEnum


class RunState(StrEnum):
    """Where a run is. SUCCEEDED, FAILED and STOPPED never change again."""

    PENDING = "PENDING"
    PROVISIONING = "PROVISIONING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPING = "STOPPING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"

    @property
    def is_final(self) -> bool:
        """Whether the run is over."""
        return not RUN_TRANSITIONS[self]


class StepState(StrEnum):
    """Where a step is. Final states never change again: a retry is a new attempt."""

    PENDING = "PENDING"
    PROVISIONING = "PROVISIONING"
    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    PAUSED = "PAUSED"
    STOPPING = "STOPPING"
    SUCCEEDED = "SUCCEEDED"
    CACHED = "CACHED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"

    @property
    def is_final(self) -> bool:
        """Whether the step is over."""
        return not STEP_TRANSITIONS[self]

    @property
    def has_outputs(self) -> bool:
        """Whether steps that wait for this one may start."""
        return self in {StepState.SUCCEEDED, StepState.CACHED}


class ExecutionMode(StrEnum):
    """What becomes of other steps when one fails."""

    FAIL_FAST = "FAIL_FAST"
    """Running steps are stopped, nothing new starts."""
    STOP_ON_FAILURE = "STOP_ON_FAILURE"
    """Running steps finish, nothing new starts."""
    CONTINUE = "CONTINUE"
    """Every step that does not need the failed one still runs."""


class StopMode(StrEnum):
    """How a run is stopped."""

    GRACEFUL = "GRACEFUL"
    """Running steps are told and get time to end."""
    FORCE = "FORCE"
    """Running steps are ended or left behind at once."""


_RUN = {
    RunState.PENDING: "PROVISIONING RUNNING STOPPING STOPPED FAILED",
    RunState.PROVISIONING: "RUNNING STOPPING FAILED",
    RunState.RUNNING: "PAUSED STOPPING SUCCEEDED FAILED",
    RunState.PAUSED: "RUNNING STOPPING FAILED",
    RunState.STOPPING: "STOPPED SUCCEEDED FAILED",
}
_STEP = {
    StepState.PENDING: "PROVISIONING RUNNING CACHED SKIPPED STOPPED FAILED",
    StepState.PROVISIONING: "RUNNING RETRYING STOPPING FAILED",
    StepState.RUNNING: "PAUSED RETRYING STOPPING SUCCEEDED FAILED",
    StepState.RETRYING: "PROVISIONING RUNNING STOPPING FAILED",
    StepState.PAUSED: "RUNNING STOPPING FAILED",
    StepState.STOPPING: "STOPPED SUCCEEDED FAILED",
}
RUN_TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    state: frozenset(map(RunState, _RUN.get(state, "").split())) for state in RunState
}
STEP_TRANSITIONS: dict[StepState, frozenset[StepState]] = {
    state: frozenset(map(StepState, _STEP.get(state, "").split())) for state in StepState
}
