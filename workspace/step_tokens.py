"""What a token opens that is for one attempt at a step: less than that of its run.

It is checked after everything that holds for run tokens, so nothing here can open more than that.
"""

from google.protobuf.message import Message

from meshkit.access import MethodPolicy
from meshkit.caller import Caller
from weftapi.workspace.v1 import reports_pb2
from workspace import names

# Narrows a run token to one attempt at a step: the attempt's name.
STEP_ATTEMPT_CLAIM = "step_attempt"
_ANY_STEP = frozenset(
    {
        "artifacts.create",
        "artifacts.get",
        "connectors.issue",
        "logs.append",
        "models.get",
        "models.list",
        "runs.alert",
        "runs.get",
        "secrets.access",
        "snapshots.get",
    }
)
_OF_THE_ATTEMPT = frozenset(
    {
        "StepAttemptService.ClaimStepAttempt",
        "StepAttemptService.HeartbeatStepAttempt",
        "StepAttemptService.CompleteStepAttempt",
    }
)


def attempt_of(caller: Caller) -> str:
    """The name of the attempt that a token is for; empty for all other callers."""
    return str(caller.claims.get(STEP_ATTEMPT_CLAIM, ""))


def step_of(caller: Caller) -> str:
    """The name of the step that a token is for an attempt at; empty for all other callers."""
    return attempt_of(caller).partition("/attempts/")[0]


def opens(caller: Caller, policy: MethodPolicy, resource: str, request: Message | None) -> bool:
    """Whether the attempt's token is good for a call; true for all other callers."""
    attempt = attempt_of(caller)
    if not attempt or not policy.permission or policy.permission in _ANY_STEP:
        return True
    if policy.action in _OF_THE_ATTEMPT:
        return resource == attempt
    return _step_id(request) == names.last(step_of(caller))


def _step_id(request: Message | None) -> str | None:
    """The step that values or a question are about; None for any other request."""
    if isinstance(request, reports_pb2.WriteMetadataRequest):
        return request.step_id
    if isinstance(request, reports_pb2.CreateRunConditionRequest):
        return request.run_condition.step_id
    return None
