"""What writes of runs mean."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from meshkit.errors import FailedPrecondition, MeshError
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import ids, names
from workspace.lifecycle import RUN_TERMINAL, RunState
from workspace.operations import cache_uses, changes, parameters, pipelines
from workspace.operations.launches import INTENDED, QUEUED
from workspace.operations.moves import Moves
from workspace.operations.quotas import book_of
from workspace.operations.refusals import absent, illegal, in_use, invalid, taken
from workspace.operations.reports import admit
from workspace.operations.retakes import with_reused
from workspace.quotas import Quota
from workspace.store import launches as launch_store
from workspace.store import projects as project_store
from workspace.store import runs as store
from workspace.store import snapshots as snapshot_store
from workspace.store import stacks as stack_store
from workspace.store import statistics
from workspace.store import steps as step_store
from workspace.store import values as value_store
from workspace.store.base import insert
from workspace.store.schema import Run, Step
from workspace.store.schema_logs import LogRemoval, LogStream
from workspace.store.schema_snapshots import Snapshot
from workspace.tally import Tally

FORCE, GRACEFUL = "FORCE", "GRACEFUL"
# How many users a refusal names.
_NAMED = 10


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to create; without an id it gets a memorable one."""

    project: str
    id: str
    creator: str
    trigger: str = "SDK"
    pipeline: str = ""
    snapshot: str = ""
    origin: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] | None = None
    cache_disabled: bool = False
    step_settings: dict[str, Any] = field(default_factory=dict)
    display_name: str = ""
    description: str = ""
    stack: str = ""
    started_by: str = ""
    cause: str = ""
    trigger_chain: list[str] = field(default_factory=list)
    # Steps of an earlier run that stand in for their like, in the order of its graph.
    reused: Sequence[Step] = ()
    only_step: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a runner that was let in gets to know; without a stack the workspace itself serves."""

    run: Run
    steps: list[Step]
    stack: stack_store.Resolved | None


def create(session: Session, items: list[NewRun]) -> list[Run | MeshError]:
    """Creates runs with a PENDING step for each step of their snapshots; grouped."""
    makers = _Makers(session, items)
    results = [makers.make(item) for item in items]
    makers.save(results)
    return results


def stop(
    session: Session,
    project: str,
    run_id: str,
    *,
    mode: str,
    reason: str,
    etag: str,
    requester: str,
) -> Run:
    """Asks a run to stop, or stops it at once where nothing runs yet."""
    run = held(session, project, run_id, etag)
    if run.state in RUN_TERMINAL:
        raise illegal(run.name, run.state, RunState.STOPPING)
    if run.stop_request and (mode == GRACEFUL or run.stop_request["mode"] == FORCE):
        return run
    moves = Moves(session)
    run.stop_request = {
        "requester": requester,
        "mode": mode,
        "reason": reason,
        "time": session.now.isoformat(),
    }
    moves.change_run(run, "stop_request")
    sentence = reason or "Somebody asked the run to stop."
    if _runs_nothing(session, run):
        steps = step_store.unsettled(session, [run.uid])
        moves.end_run(run, RunState.STOPPED, steps, reason=sentence)
        launch_store.leave_line(session, run.uid)
    elif run.state != RunState.STOPPING:
        moves.move_run(run, RunState.STOPPING, reason=sentence)
    moves.save()
    session.audited(resource=run.name, fields=("stop_request",))
    return run


def pause(
    session: Session, project: str, run_id: str, *, reason: str, etag: str, requester: str
) -> Run:
    """Keeps a run from starting further steps; one that is paused stays so."""
    run = held(session, project, run_id, etag)
    if run.state == RunState.PAUSED:
        return run
    if run.state != RunState.RUNNING:
        raise illegal(run.name, run.state, RunState.PAUSED)
    moves = Moves(session)
    moves.move_run(run, RunState.PAUSED, reason=reason or "Somebody paused the run.")
    time = session.now.isoformat()
    run.pause_request = {"requester": requester, "reason": reason, "time": time}
    moves.change_run(run, "pause_request")
    moves.save()
    session.audited(resource=run.name, fields=("state",))
    return run


def resume(session: Session, project: str, run_id: str, *, etag: str) -> Run:
    """Lets a paused run go on; one that runs does so already."""
    run = held(session, project, run_id, etag)
    if run.state == RunState.RUNNING:
        return run
    if run.state != RunState.PAUSED:
        raise illegal(run.name, run.state, RunState.RUNNING)
    moves = Moves(session)
    moves.move_run(run, RunState.RUNNING)
    moves.change_run(run, "pause_request")
    moves.save()
    session.audited(resource=run.name, fields=("state",))
    return run


def change(
    session: Session, project: str, run_id: str, values: Mapping[str, Any], *, etag: str
) -> Run:
    """Gives fields that people write new values; NotFound, Aborted."""
    run = held(session, project, run_id, etag)
    changes.apply(session, run, values)
    return run


def delete(session: Session, project: str, run_id: str, *, etag: str) -> list[LogStream]:
    """Deletes a run that has ended; answers its logs, whose lines are elsewhere."""
    run = held(session, project, run_id, etag)
    if run.state not in RUN_TERMINAL or launch_store.not_ended(session, [run.uid]):
        raise FailedPrecondition(
            "RUN_NOT_ENDED",
            f"{run.name} is {run.state}, or a workload of it has not ended: stop it first.",
            metadata={"resource": run.name},
        )
    users = store.takers(session, [run], _NAMED)
    if users:
        raise in_use(run.name, users[run.uid])
    logs = remove(session, run)
    insert(session, [LogRemoval(row.uid, row.project, session.now) for row in logs])
    session.audited(resource=run.name)
    return logs


def remove(session: Session, run: Run) -> list[LogStream]:
    """Removes a held run that may go, and answers its logs; what it did stays in the statistics."""
    statistics.keep_of_deleted(session, run)
    logs = store.delete(session, run)
    book_of(session).add(run.project, Quota.LOG_BYTES, -sum(log.charged_bytes for log in logs))
    store.count(session, {(run.project, run.state): -1})
    session.emit(ChangeKind.DELETED, run)
    return logs


def held(session: Session, project: str, run_id: str, etag: str = "") -> Run:
    """The run, held until the commit; NotFound, or Aborted where the etag is another one."""
    run = store.lock(session, project, run_id)
    if run is None:
        raise absent(names.run(project, run_id))
    changes.check_etag(run, etag)
    return run


def claim(session: Session, project: str, run_id: str, *, reporter: UUID, attempt: int) -> Claimed:
    """Lets a runner in; Aborted `ATTEMPT_FENCED` where another one holds the attempt."""
    run = store.lock(session, project, run_id)
    if run is None:
        raise absent(names.run(project, run_id))
    if run.state in RUN_TERMINAL:
        raise illegal(run.name, run.state, RunState.RUNNING)
    refusal = admit(run, reporter, attempt)
    if refusal:
        raise refusal
    moves = Moves(session)
    moves.note_run(run)
    moves.save()
    stack = stack_store.resolved(session, run.stack) if run.stack else None
    return Claimed(run, step_store.of_run(session, run.uid), stack)


def _runs_nothing(session: Session, run: Run) -> bool:
    if run.state != RunState.PENDING or run.reporter:
        return False
    launch = launch_store.get(session, run.uid)
    # One that is being submitted this moment is cancelled by the reconciler afterwards.
    return launch is None or launch.state in (QUEUED, INTENDED)


class _Makers:
    """Makes the runs of one transaction: reads everything first, writes everything last."""

    def __init__(self, session: Session, items: Sequence[NewRun]) -> None:
        self._session = session
        self._items = items
        self._book = book_of(session)
        self._defaults = project_store.default_stacks(session, {item.project for item in items})
        self._stacks = stack_store.hold(session, {item.stack for item in items if item.stack})
        self._workspace_default = stack_store.default_id(session)
        self._snapshots: dict[tuple[str, str], Snapshot] = {}
        self._taken: set[tuple[str, str]] = set()
        self._steps: dict[UUID, list[Step]] = {}
        self._pipelines: dict[tuple[str, str], str] = {}
        self._made: Counter[str] = Counter()
        for project in self._defaults:
            self._read(project, [item for item in items if item.project == project])

    def make(self, item: NewRun) -> Run | MeshError:
        """The run, which nobody has written yet; or why it cannot be."""
        try:
            snapshot = self._check(item)
            parameters.check(snapshot.parameters_schema if snapshot else None, item.parameters)
        except MeshError as refusal:
            return refusal
        if full := self._book.refusal_of_runs(item.project, self._made[item.project] + 1):
            return full
        run = self._run(item, snapshot)
        self._made[run.project] += 1
        self._taken.add((run.project, run.id))
        self._pipelines.setdefault((run.project, run.pipeline), run.creator)
        graph = snapshot.graph if snapshot else []
        steps = [
            self._step(run, ordinal, step, upstream)
            for ordinal, (step, upstream) in enumerate(graph)
        ]
        if item.reused:
            steps = with_reused(steps, item.reused, lambda n, id_: self._step(run, n, id_, []))
        run.step_counts = dict(Counter(step.state for step in steps))
        self._steps[run.uid] = steps
        return run

    def save(self, results: Sequence[Run | MeshError]) -> None:
        session = self._session
        runs = [result for result in results if isinstance(result, Run)]
        pipelines.ensure(session, self._pipelines)
        insert(session, runs)
        value_store.add(session, runs)
        steps = [step for run in runs for step in self._steps[run.uid]]
        insert(session, steps)
        cache_uses.note(session, steps)
        counters: dict[tuple[str, str], int] = defaultdict(int)
        tally = Tally()
        for item, run in enumerate(results):
            if isinstance(run, Run):
                counters[run.project, run.state] += 1
                tally.run(run)
                tally.steps(self._steps[run.uid])
                session.emit(ChangeKind.CREATED, run, item=item)
                for step in self._steps[run.uid]:
                    session.emit(ChangeKind.CREATED, step, item=item)
                session.audited(resource=run.name, item=item)
        store.count(session, counters)
        statistics.add(session, tally)

    def _read(self, project: str, items: Sequence[NewRun]) -> None:
        snapshots = {item.snapshot for item in items if item.snapshot}
        if snapshots:
            found = snapshot_store.to_run(self._session, project, snapshots)
            self._snapshots.update({(project, id_): row for id_, row in found.items()})
        wanted = [item.id for item in items if item.id]
        if wanted:
            taken_ids = store.existing(self._session, project, wanted)
            self._taken.update((project, id_) for id_ in taken_ids)

    def _check(self, item: NewRun) -> Snapshot | None:
        if item.project not in self._defaults:
            raise absent(names.project(item.project))
        if (item.project, item.id) in self._taken:
            raise taken(names.run(item.project, item.id))
        if item.stack and item.stack not in self._stacks:
            raise absent(names.stack(item.stack))
        if not item.snapshot:
            if not item.pipeline:
                raise invalid("run.pipeline", "must be set where no snapshot is")
            return None
        snapshot = self._snapshots.get((item.project, item.snapshot))
        if snapshot is None:
            raise absent(names.child(names.project(item.project), "snapshots", item.snapshot))
        if item.pipeline and item.pipeline != snapshot.pipeline:
            raise invalid("run.pipeline", "is another one than the snapshot's")
        return snapshot

    def _run(self, item: NewRun, snapshot: Snapshot | None) -> Run:
        now = self._session.now
        return Run(
            uid=new_uid(),
            project=item.project,
            id=item.id or ids.memorable(),
            pipeline=snapshot.pipeline if snapshot else item.pipeline,
            snapshot=item.snapshot,
            creator=item.creator,
            trigger=item.trigger,
            create_time=now,
            update_time=now,
            labels=item.labels,
            origin=item.origin,
            parameters=item.parameters,
            environment=item.environment,
            cache_disabled=item.cache_disabled,
            step_settings=item.step_settings,
            display_name=item.display_name,
            description=item.description,
            stack=self._stack(item, snapshot),
            started_by=item.started_by,
            cause=item.cause,
            trigger_chain=item.trigger_chain,
            only_step=item.only_step,
        )

    def _stack(self, item: NewRun, snapshot: Snapshot | None) -> str:
        """Its own, its snapshot's, or the nearest default, which is for those that are launched."""
        chosen = item.stack or (snapshot.stack if snapshot else "")
        # Whoever executes a run keeps its artifacts where they please, unless they name a stack.
        if chosen or item.trigger == "SDK":
            return chosen
        return self._defaults[item.project] or self._workspace_default

    def _step(self, run: Run, ordinal: int, step: str, upstream: list[str]) -> Step:
        return Step(
            uid=new_uid(),
            run_uid=run.uid,
            project=run.project,
            run=run.id,
            pipeline=run.pipeline,
            id=step,
            ordinal=ordinal,
            create_time=run.create_time,
            update_time=run.create_time,
            upstream=upstream,
        )
