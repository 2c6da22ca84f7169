"""The one way in which runs come to be executed by a workload manager.

A person's RunSnapshot, a retry, a schedule or a trigger: all call `start` inside their own write
transaction. The run, its steps and the intent to launch it are committed together or not at
all; the reconciler submits what stands there, under a name that follows from the run.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from meshkit.errors import FailedPrecondition, FieldViolation, InvalidArgument, MeshError
from meshkit.session import Session
from workspace import names
from workspace.lifecycle import RUN_TERMINAL, RunState
from workspace.operations import parameters
from workspace.operations.admission import waiting
from workspace.operations.launches import INTENDED, QUEUED
from workspace.operations.refusals import absent, illegal
from workspace.operations.retakes import Again, reused
from workspace.operations.runs import NewRun, create
from workspace.store import projects as project_store
from workspace.store import runs as store
from workspace.store import snapshots as snapshot_store
from workspace.store import stacks as stack_store
from workspace.store.base import insert
from workspace.store.schema import Launch, Run
from workspace.store.schema_snapshots import Snapshot


def start(session: Session, new: NewRun, *, misfit: MeshError | None = None) -> Run:
    """Creates one run of a snapshot, and with it the intent that a workload manager executes it.

    The snapshot's own parameters stand in for those that are not given. `misfit` is why nothing
    has room for it: a repeated request, whose run is there, does not hear of it. Raises NotFound
    for the project or the snapshot, FailedPrecondition `SNAPSHOT_WITHOUT_CODE` and `misfit`,
    InvalidArgument `INVALID_PARAMETERS`, AlreadyExists for the run's id.
    """
    snapshot = _to_start(session, new.project, new.snapshot)
    _require_code(snapshot)
    _check_settings(snapshot, new.step_settings)
    if misfit:
        raise misfit
    defaults = snapshot_store.default_parameters(session, snapshot)
    (run,) = create(session, [replace(new, parameters={**defaults, **new.parameters})])
    if isinstance(run, MeshError):
        raise run
    _intend(session, run)
    session.audited(resource=run.name)
    return run


def problems(session: Session, new: NewRun) -> list[MeshError]:
    """Everything that speaks against starting a run, without starting it; NotFound."""
    snapshot = _to_start(session, new.project, new.snapshot)
    defaults = snapshot_store.default_parameters(session, snapshot)
    values = {**defaults, **new.parameters}
    checks: list[Callable[[], None]] = [
        partial(_require_code, snapshot),
        partial(parameters.check, snapshot.parameters_schema, values),
        partial(_check_settings, snapshot, new.step_settings),
        partial(_require_stack, session, new.stack),
    ]
    found = []
    for check in checks:
        try:
            check()
        except MeshError as refusal:
            found.append(refusal)
    return found


def retry(
    session: Session, project: str, origin: str, run_id: str, *, again: Again, creator: str
) -> Run:
    """Runs the snapshot of a run that has ended again; what is not run again is CACHED."""
    run = store.get(session, project, origin)
    if run is None:
        raise absent(names.run(project, origin))
    if run.state not in RUN_TERMINAL:
        raise illegal(run.name, run.state, RunState.PENDING)
    if not run.snapshot:
        raise FailedPrecondition(
            "SNAPSHOT_WITHOUT_CODE",
            "The run has no snapshot: only its maker can execute it again.",
            metadata={"resource": run.name},
        )
    new = NewRun(
        project=project,
        id=run_id,
        creator=creator,
        trigger="RETRY",
        snapshot=run.snapshot,
        origin=run.id,
        labels=run.labels,
        parameters=run.parameters,
        cache_disabled=run.cache_disabled,
        step_settings=run.step_settings,
        stack=run.stack,
        reused=reused(session, run, again),
        only_step=again.only_step,
    )
    return start(session, new)


def workload_name(run: Run) -> str:
    """The name of the workload of a run attempt: submitting it again finds the same one."""
    return f"workloads/run-{run.uid.hex}-{run.attempt}"


def _to_start(session: Session, project: str, id_: str) -> Snapshot:
    snapshot = snapshot_store.to_run(session, project, {id_}).get(id_)
    if snapshot is None:
        raise absent(names.child(names.project(project), "snapshots", id_))
    return snapshot


def _require_code(snapshot: Snapshot) -> None:
    if snapshot.code is None:
        raise FailedPrecondition(
            "SNAPSHOT_WITHOUT_CODE",
            "The snapshot has no code: only its maker can execute it.",
            metadata={"resource": snapshot.name},
        )


def _require_stack(session: Session, stack: str) -> None:
    if stack and stack_store.get(session, stack) is None:
        raise absent(names.stack(stack))


def _check_settings(snapshot: Snapshot, settings: dict[str, Any]) -> None:
    """Raises InvalidArgument for steps that are not in the graph, and for what is Weft's own."""
    known = {step for step, _ in snapshot.graph}
    problems = [
        FieldViolation(f"step_settings.{step}", "is no step of the snapshot")
        for step in settings
        if step not in known
    ]
    problems += [
        FieldViolation(f"step_settings.{step}.environment.{name}", "is for Weft alone to set")
        for step, own in settings.items()
        for name in own.get("environment", ())
        if name.startswith("WEFT_")
    ]
    if problems:
        sentence = f"{problems[0].field} {problems[0].description}."
        raise InvalidArgument("INVALID_FIELDS", sentence, violations=problems)


def _intend(session: Session, run: Run) -> None:
    """Where the project has a limit, the run gets in line; the reconciler says who is next."""
    project = project_store.get(session, run.project)
    limit = project.max_concurrent_runs if project else 0
    run.workload = names.last(workload_name(run))
    run.state_reason = waiting(limit) if limit else ""
    state = QUEUED if limit else INTENDED
    insert(session, [Launch(run.uid, run.project, run.id, run.workload, state)])
    store.set_launched(session, run)
