"""What becomes of a firing: a run, or the reason why there is none."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from meshkit.feed import ChangeKind
from meshkit.session import Session
from workspace import names
from workspace.operations import deliveries, starts, triggers
from workspace.operations.references import UnknownReferenceError, fill, references
from workspace.operations.runs import NewRun
from workspace.store import runs as run_store
from workspace.store import triggers as store
from workspace.store.base import update
from workspace.store.schema_triggers import FiringState, Trigger, TriggerFiring

# Whether somebody (a subject) may run a snapshot (a name) now.
MayRun = Callable[[str, str], bool]


class Skipped(Exception):  # noqa: N818 - it ends a firing, and nothing went wrong
    """The firing starts no run, on purpose; says why."""


def fire(session: Session, uid: UUID, may_run: MayRun) -> None:
    """Starts the run of a pending firing, in one transaction with what that makes of it.

    Raises what starting the run raises, `UnknownReferenceError`, and `Skipped`.
    """
    firing = store.lock_firing(session, uid)
    if firing is None or firing.state != FiringState.PENDING:
        return
    trigger = store.lock_uid(session, firing.trigger_uid)
    assert trigger, "a trigger's firings are deleted with it"
    if trigger.paused:
        raise Skipped("The trigger was paused before its turn came.")
    chain = _chain(session, firing)
    if str(trigger.uid) in chain:
        raise Skipped("The trigger is among the causes of what happened: it would go on for ever.")
    snapshot = triggers.snapshot_of(session, trigger)
    if not may_run(trigger.runs_as, snapshot):
        raise Skipped(f"{trigger.runs_as}, for whom the trigger acts, may not run {snapshot} now.")
    parameters = _parameters(session, trigger, firing)
    wanted = _run_of(trigger, firing, snapshot, [*chain, str(trigger.uid)], parameters)
    run = starts.start(session, wanted)
    firing.run = run.id
    _settle(session, trigger, firing, FiringState.FIRED)


def settle(session: Session, uid: UUID, state: FiringState, reason: str) -> None:
    """Writes down why a firing started no run."""
    firing = store.lock_firing(session, uid)
    if firing and firing.state == FiringState.PENDING:
        trigger = store.lock_uid(session, firing.trigger_uid)
        assert trigger, "a trigger's firings are deleted with it"
        firing.reason = reason
        _settle(session, trigger, firing, state)


def _parameters(session: Session, trigger: Trigger, firing: TriggerFiring) -> dict[str, Any]:
    """What the run is given: what happened, in the places that refer to it."""
    if not references(trigger.parameters):
        return trigger.parameters
    event = firing.event if firing.cause_revision else deliveries.kept(session, firing)
    if event is None:
        raise UnknownReferenceError(f"{firing.cause} is kept no more, to which parameters refer.")
    filled: dict[str, Any] = fill(trigger.parameters, {"event": event})
    return filled


def _run_of(
    trigger: Trigger,
    firing: TriggerFiring,
    snapshot: str,
    chain: list[str],
    parameters: dict[str, Any],
) -> NewRun:
    return NewRun(
        project=trigger.project,
        # Of the same firing there is one run, whatever happens.
        id=f"trigger-{firing.uid.hex[:20]}",
        creator=trigger.runs_as,
        trigger="EVENT",
        snapshot=names.last(snapshot),
        parameters=parameters,
        started_by=trigger.name,
        cause=firing.cause,
        trigger_chain=chain,
    )


def _chain(session: Session, firing: TriggerFiring) -> list[str]:
    """The triggers that had a hand in what happened, by their uids."""
    if not firing.cause_run:
        return []
    run = run_store.get(session, firing.project, firing.cause_run)
    return run.trigger_chain if run else []


def _settle(session: Session, trigger: Trigger, firing: TriggerFiring, state: FiringState) -> None:
    firing.state, firing.settle_time = state.value, session.now
    store.settle(session, firing)
    trigger.last_firing = summary(firing)
    update(session, [trigger], ("last_firing",))
    session.emit(ChangeKind.UPDATED, trigger, fields=("last_firing",))


def summary(firing: TriggerFiring) -> dict[str, Any]:
    """What a trigger repeats of its last firing."""
    return {
        "uid": str(firing.uid),
        "create_time": firing.create_time.isoformat(),
        "settle_time": firing.settle_time.isoformat() if firing.settle_time else "",
        "state": firing.state,
        "reason": firing.reason,
        "run": firing.run,
        "cause": firing.cause,
        "cause_revision": firing.cause_revision,
    }
