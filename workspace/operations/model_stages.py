"""How versions of models move between stages, and who decides.

Everything here begins by holding the model's row, so that of two who move, ask or decide at once
one comes second and sees what the first has done; the tables' partial unique indexes say the
same once more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from meshkit.errors import FailedPrecondition, PermissionDenied
from meshkit.feed import ChangeKind, Transition
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace.operations import models
from workspace.operations.changes import check_etag
from workspace.operations.model_versions import VersionKey, held, save
from workspace.operations.models import locked
from workspace.operations.refusals import absent, illegal, taken
from workspace.store import model_versions as store
from workspace.store.base import insert, update
from workspace.store.schema_models import (
    HELD,
    Model,
    ModelStage,
    ModelVersion,
    RequestState,
    StageRequest,
    StageTransition,
)


@dataclass(frozen=True, slots=True)
class Move:
    """Where a version is to go, who says so, and why."""

    stage: str
    demote_existing: bool
    comment: str
    actor: str
    request: UUID | None = None


def transition(session: Session, key: VersionKey, move: Move, *, etag: str) -> ModelVersion:
    """Moves a version to a stage that the model does not guard."""
    model, version = held(session, key)
    check_etag(version, etag)
    if version.stage == move.stage:
        return version
    if move.stage in model.approval_stages:
        raise FailedPrecondition(
            "APPROVAL_REQUIRED",
            f"Versions of {model.name} enter {move.stage} by an approved request: make one.",
            metadata={"resource": model.name, "stage": move.stage},
        )
    _move(session, model, version, move)
    session.audited(resource=version.name, fields=("stage",))
    return version


def _move(session: Session, model: Model, version: ModelVersion, move: Move) -> None:
    _make_room(session, model, version, move)
    _enter(session, version, move.stage, move)
    for stage in HELD:
        number = model.holder(stage)
        if stage == move.stage:
            _hold(model, stage, version.number)
        elif number == version.number:
            _hold(model, stage, 0)
    models.save(session, model, ("staging", "production"))


def _make_room(session: Session, model: Model, version: ModelVersion, move: Move) -> None:
    """Demotes whoever holds the stage."""
    number = model.holder(move.stage)
    if not number:
        return
    holder = store.find(session, model.project, model.id, str(number))
    assert holder
    if not move.demote_existing:
        raise FailedPrecondition(
            "STAGE_HELD",
            f"{holder.name} is in {move.stage}: say that it gives way.",
            metadata={"resource": version.name, "stage": move.stage, "holder": holder.name},
        )
    _enter(session, holder, ModelStage.ARCHIVED, move, successor=version.number)


def _enter(
    session: Session, version: ModelVersion, stage: str, move: Move, *, successor: int = 0
) -> None:
    """One version's own part of a move, with its line of history."""
    before, version.stage = version.stage, str(stage)
    transition = Transition(before, version.stage, move.comment)
    save(session, version, ("stage",), transition=transition)
    line = StageTransition(
        new_uid(),
        version.model_uid,
        version.project,
        version.model,
        version.number,
        before,
        version.stage,
        move.comment,
        move.request,
        successor,
        move.actor,
        session.now,
    )
    insert(session, [line])


def _hold(model: Model, stage: ModelStage, number: int) -> None:
    setattr(model, stage.lower(), number)


def request(session: Session, key: VersionKey, move: Move) -> StageRequest:
    """Asks that a version enter a stage; it may wait in one request for each stage."""
    model, version = held(session, key)
    if version.stage == move.stage:
        raise illegal(version.name, version.stage, move.stage)
    for waiting in store.pending(session, model.uid, version.number):
        if waiting.stage == move.stage:
            raise taken(waiting.name)
    now = session.now
    row = StageRequest(
        new_uid(),
        model.uid,
        model.project,
        model.id,
        version.number,
        move.stage,
        move.demote_existing,
        move.comment,
        move.actor,
        now,
        now,
    )
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


@dataclass(frozen=True, slots=True)
class RequestKey:
    """A request as a name says it; `uid` is None where it is none."""

    project: str
    model: str
    uid: UUID | None
    name: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides, and why."""

    decider: str
    comment: str


Resolution = Callable[[Session, RequestKey, Decision], StageRequest]


def approve(session: Session, key: RequestKey, decision: Decision) -> StageRequest:
    """Lets the version enter the stage; never by whoever asked."""
    model, row = _pending(session, key, RequestState.APPROVED)
    if row.creator == decision.decider:
        raise PermissionDenied(
            "OWN_REQUEST",
            "You made this request: somebody else decides on it.",
            metadata={"resource": row.name},
        )
    version = store.find(session, model.project, model.id, str(row.number))
    # A version that somebody asks for is not deleted.
    assert version
    if version.stage == row.stage:
        raise illegal(version.name, version.stage, row.stage)
    comment = decision.comment or row.comment
    move = Move(row.stage, row.demote_existing, comment, decision.decider, row.uid)
    _move(session, model, version, move)
    return _decide(session, row, RequestState.APPROVED, decision)


def deny(session: Session, key: RequestKey, decision: Decision) -> StageRequest:
    """Leaves the version where it is."""
    _, row = _pending(session, key, RequestState.DENIED)
    return _decide(session, row, RequestState.DENIED, decision)


def withdraw(session: Session, key: RequestKey, decision: Decision) -> StageRequest:
    """Takes one's own request back."""
    _, row = _pending(session, key, RequestState.WITHDRAWN)
    if row.creator != decision.decider:
        raise PermissionDenied(
            "NOT_OWN_REQUEST",
            "Somebody else made this request: they take it back, or it is denied.",
            metadata={"resource": row.name},
        )
    return _decide(session, row, RequestState.WITHDRAWN, decision)


def _pending(session: Session, key: RequestKey, target: RequestState) -> tuple[Model, StageRequest]:
    """A request that nobody has decided, and its model held."""
    model = locked(session, key.project, key.model)
    row = store.request(session, key.project, key.model, key.uid) if key.uid else None
    if row is None:
        raise absent(key.name)
    if row.state != RequestState.PENDING:
        raise illegal(row.name, row.state, target)
    return model, row


def _decide(
    session: Session, row: StageRequest, state: RequestState, decision: Decision
) -> StageRequest:
    before, row.state = row.state, state.value
    row.decider, row.decision_comment = decision.decider, decision.comment
    row.update_time = session.now
    fields = ("state", "decider", "decision_comment")
    update(session, [row], (*fields, "update_time"))
    transition = Transition(before, row.state, decision.comment)
    session.emit(ChangeKind.UPDATED, row, fields=fields, transition=transition)
    session.audited(resource=row.name, fields=("state",))
    return row
