"""ReportService: what reporters say, unary and streamed, and what they are told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty

from meshkit import status
from meshkit.authentication import Context
from meshkit.caller import Caller
from meshkit.database import Database, Session
from meshkit.errors import InvalidArgument
from meshkit.streams import current_stream
from weftapi.workspace.v1 import (
    reports_pb2,
    reports_pb2_grpc,
    run_types_pb2,
    step_settings_pb2,
)
from workspace import names
from workspace.bells import Bells
from workspace.heartbeats import Heartbeats
from workspace.lifecycle import RunState, StepState
from workspace.operations import conditions, metadata
from workspace.operations import reports as operations
from workspace.operations import runs as run_operations
from workspace.operations import steps as step_operations
from workspace.operations.refusals import absent, fenced
from workspace.operations.wishes import Wishes, wishes
from workspace.run_tokens import RunTokens
from workspace.secrets.masking import Masking
from workspace.secrets.masks import Mask
from workspace.servicers.conditions import condition_to_proto, new_condition
from workspace.servicers.converting import (
    caller,
    failure_to_dict,
    run_attempt,
    short_names,
    stop_to_proto,
    struct_to_dict,
    time_of,
)
from workspace.servicers.runs import pause_to_proto, run_to_proto
from workspace.servicers.stacks import run_stack_to_proto
from workspace.servicers.steps import step_to_proto
from workspace.stacks.orchestrators import limits_of
from workspace.stacks.stores import root_of
from workspace.store import runs as run_store
from workspace.store.schema import Run, Step

HEARTBEAT_INTERVAL_S = 20
# Of one write of a stream: what has arrived beyond it waits for the next one.
_MAX_REPORTS = 1000
_MAX_BYTES = 4 << 20
_RUN_STATES = short_names(run_types_pb2.RunState)
_STEP_STATES = short_names(run_types_pb2.StepState)
_OUTCOMES: dict[str, Any] = {
    name: reports_pb2.ReportOutcome.Value(f"REPORT_OUTCOME_{name}")
    for name in (
        operations.APPLIED,
        operations.DUPLICATE,
        operations.STALE,
        operations.RECORDED,
        operations.REJECTED,
    )
}


class ReportServicer(reports_pb2_grpc.ReportServiceServicer):
    def __init__(
        self,
        database: Database,
        heartbeats: Heartbeats,
        tokens: RunTokens,
        bells: Bells,
        masking: Masking,
        *,
        artifact_store_uri: str,
        allow_pickle: bool,
        trust: Callable[[], bytes],
    ) -> None:
        self._database = database
        self._heartbeats = heartbeats
        self._tokens = tokens
        self._bells = bells
        self._masking = masking
        self._artifact_store_uri = artifact_store_uri
        self._allow_pickle = allow_pickle
        self._trust = trust

    async def ClaimRun(
        self, request: reports_pb2.ClaimRunRequest, _context: Context
    ) -> reports_pb2.RunInstructions:
        project, run = names.ids(request.name)
        claimed = await self._database.write(
            run_operations.claim,
            project,
            run,
            reporter=UUID(request.reporter),
            attempt=run_attempt(caller()),
        )
        self._heartbeats.note(project, run)
        limits = limits_of(claimed.stack.default("orchestrator") if claimed.stack else None)
        return reports_pb2.RunInstructions(
            run=run_to_proto(claimed.run),
            steps=[step_to_proto(step) for step in claimed.steps],
            artifact_store_uri=root_of(claimed.stack, self._artifact_store_uri),
            heartbeat_interval=Duration(seconds=HEARTBEAT_INTERVAL_S),
            acked_sequence=claimed.run.acked_sequence,
            stack=run_stack_to_proto(claimed.stack),
            step_isolation=_isolation(limits.step_isolation),
            max_step_workloads=limits.max_step_workloads,
            pickle_refused=not self._allow_pickle,
        )

    async def BatchCreateSteps(
        self, request: reports_pb2.BatchCreateStepsRequest, _context: Context
    ) -> reports_pb2.BatchCreateStepsResponse:
        project, run = names.ids(request.parent)
        new = [
            step_operations.NewStep(s.step_id, list(s.upstream), s.map_group, s.map_index)
            for s in request.steps
        ]
        item = step_operations.NewSteps(project, run, new, run_attempt(caller()))
        return await self._database.write_grouped(step_operations.add, item, reply=_steps_to_proto)

    async def CreateRunCondition(
        self, request: reports_pb2.CreateRunConditionRequest, _context: Context
    ) -> run_types_pb2.RunCondition:
        return await self._database.write(
            conditions.create, new_condition(request), reply=condition_to_proto
        )

    async def WriteMetadata(
        self, request: reports_pb2.WriteMetadataRequest, _context: Context
    ) -> Empty:
        project, run = names.ids(request.run)
        values = struct_to_dict(request.values)
        if mask := await self._masking.or_withheld(project, run):
            values = mask.document(values)
        new = metadata.Values(project, run, request.step_id, values, run_attempt(caller()))
        await self._database.write(metadata.write, new)
        return Empty()

    async def StreamReports(
        self,
        requests: AsyncIterator[reports_pb2.StreamReportsRequest],
        _context: Context,
    ) -> AsyncIterator[reports_pb2.StreamReportsResponse]:
        first = await anext(requests)
        if first.WhichOneof("message") != "open":
            raise InvalidArgument("MALFORMED_MESSAGE", "A report stream begins with `open`.")
        project, run = names.ids(first.open.run)
        reporter = UUID(first.open.reporter)
        mailbox = _Mailbox(requests)
        try:
            # Hung before the first look: what is wished meanwhile is heard of in either.
            with self._bells.hung(first.open.run, mailbox.knock):
                opened = await self._apply(project, run, reporter, [])
                yield _stream_response(opened, is_first=True)
                async for said in mailbox.take():
                    if said.is_sign_of_life:
                        self._heartbeats.note(project, run)
                    applied = await self._apply(project, run, reporter, said.reports)
                    yield _stream_response(applied)
            if current_stream.get().ending.is_set():
                notice = reports_pb2.Notice(reconnect=True, reason="draining")
                yield reports_pb2.StreamReportsResponse(notice=notice)
        finally:
            await mailbox.close()

    async def BatchReport(
        self, request: reports_pb2.BatchReportRequest, _context: Context
    ) -> reports_pb2.BatchReportResponse:
        project, run = names.ids(request.run)
        applied = await self._apply(project, run, UUID(request.reporter), request.reports)
        self._heartbeats.note(project, run)
        return reports_pb2.BatchReportResponse(
            results=[_result(outcome) for outcome in applied.outcomes],
            directives=_directives(applied.wishes),
        )

    async def Heartbeat(
        self, request: reports_pb2.HeartbeatRequest, _context: Context
    ) -> reports_pb2.HeartbeatResponse:
        project, run_id = names.ids(request.run)
        run = await self._database.read(_heard, project, run_id)
        if run is None:
            raise absent(request.run)
        speaker = caller()
        if _is_fenced(run, UUID(request.reporter), speaker):
            raise fenced(request.run)
        self._heartbeats.note(project, run_id)
        if run.unresponsive_since:
            # It is back: whoever watches learns it now, not at the next flush.
            await self._heartbeats.flush()
        token = self._tokens.issue(run) if self._tokens.is_half_spent(speaker) else ""
        directives = _directives(wishes(run))
        return reports_pb2.HeartbeatResponse(
            directives=directives, run_token=token, trust_bundle_pem=self._trust().decode()
        )

    async def _apply(
        self, project: str, run: str, reporter: UUID, reports: Iterable[reports_pb2.Report]
    ) -> operations.Applied:
        said = [_report(report) for report in reports]
        if any(map(_has_words, said)) and (mask := await self._masking.or_withheld(project, run)):
            said = [_masked(report, mask) for report in said]
        batch = operations.Batch(project, run, reporter, said, run_attempt(caller()))
        return await self._database.write_grouped(operations.apply, batch)


@dataclass(slots=True)
class _Said:
    """What a reporter has said since it was last answered; nothing where somebody knocked."""

    reports: list[reports_pb2.Report] = field(default_factory=list)
    bytes: int = 0
    is_sign_of_life: bool = False

    @property
    def is_full(self) -> bool:
        return len(self.reports) >= _MAX_REPORTS or self.bytes >= _MAX_BYTES


class _Mailbox:
    """Reads a report stream ahead, so that whatever has arrived goes into one write.

    It holds about one full write: who sends faster than the database writes has to wait.
    """

    def __init__(self, requests: AsyncIterator[reports_pb2.StreamReportsRequest]) -> None:
        self._requests = requests
        self._said = _Said()
        self._arrived = asyncio.Event()
        self._emptied = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        self._reading.add_done_callback(lambda _: self._arrived.set())
        current_stream.get().ending.then(self._stop)

    async def take(self) -> AsyncIterator[_Said]:
        """Yields what has arrived, until the reporter ends the stream or the server must."""
        is_over = False
        while not is_over:
            await self._arrived.wait()
            self._arrived.clear()
            is_over = self._reading.done()
            said, self._said = self._said, _Said()
            self._emptied.set()
            if said.reports or not is_over:
                yield said
        self._raise_if_broken()

    def knock(self) -> None:
        """Has the reporter answered now."""
        self._arrived.set()

    async def close(self) -> None:
        self._stop()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        async for request in self._requests:
            if request.WhichOneof("message") not in ("batch", "heartbeat"):
                raise InvalidArgument(
                    "MALFORMED_MESSAGE", "Only the first message of a stream opens it."
                )
            self._said.reports += request.batch.reports
            self._said.bytes += request.ByteSize()
            self._said.is_sign_of_life = True
            self._arrived.set()
            while self._said.is_full:
                self._emptied.clear()
                await self._emptied.wait()

    def _stop(self) -> None:
        self._reading.cancel()

    def _raise_if_broken(self) -> None:
        if not self._reading.cancelled():
            error = self._reading.exception()
            if error:
                raise error


def _heard(session: Session, project: str, run: str) -> Run | None:
    return run_store.get(session, project, run)


def _is_fenced(run: Run, reporter: UUID, speaker: Caller) -> bool:
    return run.reporter not in (None, reporter) or run_attempt(speaker) not in (0, run.attempt)


def _report(report: reports_pb2.Report) -> operations.Report:
    subject = report.WhichOneof("subject")
    if subject is None:
        raise InvalidArgument("INVALID_FIELDS", f"Report {report.sequence} has no subject.")
    said = _run_report(report.run) if subject == "run" else _step_report(report.step)
    return operations.Report(report.sequence, said, time_of(report, "time"))


def _has_words(report: operations.Report) -> bool:
    """Whether it says something that code of users may have put together."""
    said = report.subject
    return bool(
        said.reason
        or said.failure
        or (isinstance(said, operations.StepReport) and (said.metadata or said.cache_reason))
    )


def _masked(report: operations.Report, mask: Mask) -> operations.Report:
    said = report.subject
    hidden: dict[str, Any] = {"reason": mask.text(said.reason)}
    if said.failure:
        hidden["failure"] = mask.failure(said.failure)
    if isinstance(said, operations.StepReport):
        hidden["metadata"] = mask.document(said.metadata)
        hidden["cache_reason"] = mask.text(said.cache_reason)
    return replace(report, subject=replace(said, **hidden))


def _isolation(name: str) -> Any:
    return step_settings_pb2.StepIsolation.Value(f"STEP_ISOLATION_{name or 'UNSPECIFIED'}")


def _run_report(said: reports_pb2.RunReport) -> operations.RunReport:
    failure = failure_to_dict(said.failure) if said.HasField("failure") else None
    return operations.RunReport(_state(RunState, _RUN_STATES, said.state), said.reason, failure)


def _step_report(said: reports_pb2.StepReport) -> operations.StepReport:
    return operations.StepReport(
        step_id=said.step_id,
        attempt=said.attempt,
        state=_state(StepState, _STEP_STATES, said.state),
        reason=said.reason,
        failure=failure_to_dict(said.failure) if said.HasField("failure") else None,
        log_stream=said.log_stream,
        inputs=dict(said.inputs),
        outputs=dict(said.outputs),
        metadata=struct_to_dict(said.metadata) if said.HasField("metadata") else {},
        cache_key=said.cache_key,
        cache_key_parts=dict(said.cache_key_parts),
        cached_from=said.cached_from,
        cache_reason=said.cache_reason,
        host=said.host,
    )


def _state(states: Any, known: dict[int, str], number: int) -> Any:
    name = known.get(number)
    if not name:
        raise InvalidArgument("INVALID_FIELDS", f"{number} is not a state of a {states.__name__}.")
    return states(name)


def _result(outcome: operations.Outcome) -> reports_pb2.ReportResult:
    return reports_pb2.ReportResult(
        sequence=outcome.sequence,
        outcome=_OUTCOMES[outcome.outcome],
        error=status.to_proto(outcome.error) if outcome.error else None,
    )


def _directives(wanted: Wishes) -> list[reports_pb2.Directive]:
    found = []
    if wanted.stop:
        found.append(reports_pb2.Directive(stop=stop_to_proto(wanted.stop)))
    if wanted.pause:
        found.append(reports_pb2.Directive(pause=pause_to_proto(wanted.pause)))
    for step, wish in wanted.steps.items():
        said = reports_pb2.StepStop(step_id=step, request=stop_to_proto(wish))
        found.append(reports_pb2.Directive(step_stop=said))
    return found


def _stream_response(
    applied: operations.Applied, *, is_first: bool = False
) -> reports_pb2.StreamReportsResponse:
    unusual = (o for o in applied.outcomes if o.outcome != operations.APPLIED)
    return reports_pb2.StreamReportsResponse(
        acked_sequence=applied.acked_sequence,
        results=[] if is_first else [_result(outcome) for outcome in unusual],
        directives=_directives(applied.wishes),
    )


def _steps_to_proto(steps: list[Step]) -> reports_pb2.BatchCreateStepsResponse:
    return reports_pb2.BatchCreateStepsResponse(steps=[step_to_proto(step) for step in steps])
