"""StepAttemptService."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from meshkit.authentication import Context
from meshkit.caller import Caller, CallerKind
from meshkit.database import Database, Session
from meshkit.scopes import ExtraCheck
from weftapi.workspace.v1 import (
    run_types_pb2,
    step_attempts_pb2,
    step_attempts_pb2_grpc,
    step_settings_pb2,
)
from workspace import names
from workspace.access import Access
from workspace.heartbeats import Heartbeats
from workspace.launching.ports import WorkloadManagers
from workspace.launching.reconciler import Reconciler
from workspace.lifecycle import StepState
from workspace.operations import step_attempts as operations
from workspace.operations.refusals import absent, invalid
from workspace.operations.step_attempts import AttemptKey, Claimed, Ending
from workspace.run_tokens import RunTokens
from workspace.secrets.masking import Masking
from workspace.servicers.converting import (
    caller,
    failure_to_dict,
    message_to_dict,
    run_attempt,
    short_names,
    struct_to_dict,
)
from workspace.servicers.reports import HEARTBEAT_INTERVAL_S
from workspace.servicers.runs import run_to_proto
from workspace.servicers.stacks import run_stack_to_proto
from workspace.servicers.steps import attempt_to_proto, step_to_proto
from workspace.stacks.stores import root_of
from workspace.step_tokens import attempt_of
from workspace.store import steps as store
from workspace.store.schema import StepAttempt
from workspace.store.schema_step_launches import StepLaunch

_STATES = short_names(run_types_pb2.StepState)


class StepAttemptServicer(step_attempts_pb2_grpc.StepAttemptServiceServicer):
    def __init__(
        self,
        database: Database,
        tokens: RunTokens,
        masking: Masking,
        managers: WorkloadManagers,
        reconciler: Reconciler,
        *,
        heartbeats: Heartbeats,
        artifact_store_uri: str,
        allow_pickle: bool,
        trust: Callable[[], bytes],
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._masking = masking
        self._heartbeats = heartbeats
        self._managers = managers
        self._reconciler = reconciler
        self._artifact_store_uri = artifact_store_uri
        self._allow_pickle = allow_pickle
        self._trust = trust

    async def LaunchStepAttempt(
        self, request: step_attempts_pb2.LaunchStepAttemptRequest, _context: Context
    ) -> run_types_pb2.StepAttempt:
        self._managers.require()
        key = _key(names.attempt(request.step, request.attempt))
        row = await self._database.write(
            operations.launch,
            key,
            arguments=request.arguments,
            resources=_resources(request.resources),
            pod=message_to_dict(request.pod) if request.HasField("pod") else None,
            patience=request.queue_timeout.ToTimedelta() or None,
        )
        self._reconciler.wake()
        return await self._attempt(row)

    async def ClaimStepAttempt(
        self, request: step_attempts_pb2.ClaimStepAttemptRequest, _context: Context
    ) -> step_attempts_pb2.StepInstructions:
        claimed: Claimed = await self._database.write(
            operations.claim,
            _key(request.name),
            reporter=UUID(request.reporter),
            host=request.host,
            log_stream=request.log_stream,
        )
        self._heartbeats.note_attempt(claimed.step.uid, claimed.launch.attempt)
        return step_attempts_pb2.StepInstructions(
            run=run_to_proto(claimed.run),
            step=step_to_proto(claimed.step),
            arguments=claimed.launch.arguments,
            artifact_store_uri=root_of(claimed.stack, self._artifact_store_uri),
            heartbeat_interval=Duration(seconds=HEARTBEAT_INTERVAL_S),
            stack=run_stack_to_proto(claimed.stack),
            pickle_refused=not self._allow_pickle,
        )

    async def HeartbeatStepAttempt(
        self, request: step_attempts_pb2.HeartbeatStepAttemptRequest, _context: Context
    ) -> step_attempts_pb2.HeartbeatStepAttemptResponse:
        key = _key(request.name)
        run, step = await self._database.read(operations.hear, key, UUID(request.reporter))
        self._heartbeats.note_attempt(step.uid, key.number)
        if step.unresponsive_since:
            # It is back: whoever watches learns it now, not at the next flush.
            await self._heartbeats.flush()
        speaker, token = caller(), ""
        if self._tokens.is_half_spent(speaker):
            token = self._tokens.issue(run, attempt=attempt_of(speaker))
        return step_attempts_pb2.HeartbeatStepAttemptResponse(
            run_token=token, trust_bundle_pem=self._trust().decode()
        )

    async def CompleteStepAttempt(
        self, request: step_attempts_pb2.CompleteStepAttemptRequest, _context: Context
    ) -> run_types_pb2.StepAttempt:
        key, ending = _key(request.name), _ending(request)
        if mask := await self._masking.or_withheld(key.project, key.run):
            ending = replace(
                ending,
                failure=mask.failure(ending.failure) if ending.failure else None,
                metadata=mask.document(dict(ending.metadata)),
            )
        row = await self._database.write(operations.complete, key, UUID(request.reporter), ending)
        return await self._attempt(row)

    async def _attempt(self, launch: StepLaunch) -> run_types_pb2.StepAttempt:
        row = await self._database.read(_attempt, launch)
        step, _, _ = launch.name.partition("/attempts/")
        return attempt_to_proto(step, row) if row else run_types_pb2.StepAttempt(name=launch.name)


def launching_rule(access: Access) -> ExtraCheck:
    """The extra check of that name: a runner was started already, people need the right to."""

    allowed = access.require("snapshots.run")

    async def check(caller: Caller, request: Message) -> None:
        assert isinstance(request, step_attempts_pb2.LaunchStepAttemptRequest)
        if caller.kind is not CallerKind.RUN:
            await allowed(caller, request.step)

    return check


def _attempt(session: Session, launch: StepLaunch) -> StepAttempt | None:
    rows = store.attempts(session, launch.step_uid)
    return next((row for row in rows if row.number == launch.attempt), None)


def _key(name: str) -> AttemptKey:
    project, run, step, number = names.ids(name)
    if not number.isdecimal():
        raise absent(name)
    return AttemptKey(project, run, step, int(number), run_attempt(caller()))


def _resources(said: step_settings_pb2.ResourceSpec) -> dict[str, Any]:
    return {field.name: value for field, value in said.ListFields()}


def _ending(request: step_attempts_pb2.CompleteStepAttemptRequest) -> Ending:
    outcome = _STATES.get(request.outcome)
    if outcome not in operations.OUTCOMES:
        raise invalid("outcome", "is no end of an attempt")
    is_failed = outcome in (StepState.FAILED, StepState.RETRYING)
    if is_failed is not request.HasField("failure"):
        raise invalid("failure", "goes with FAILED and RETRYING, and with nothing else")
    return Ending(
        StepState(outcome),
        failure_to_dict(request.failure) if is_failed else None,
        dict(request.outputs),
        struct_to_dict(request.metadata) if request.HasField("metadata") else {},
    )
