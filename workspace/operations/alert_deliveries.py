"""What becomes of what alerters tell."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid5

from meshkit.errors import FailedPrecondition
from meshkit.feed import ChangeKind
from meshkit.session import Session
from workspace import names
from workspace.alerting.messages import payload_of
from workspace.alerting.notices import Notice, predicate
from workspace.alerting.patience import PATIENCE, next_time
from workspace.alerting.post import Attempt
from workspace.operations.alerters import PAUSED
from workspace.operations.refusals import absent
from workspace.store import alert_deliveries as store
from workspace.store import alerters as alerter_store
from workspace.store.base import update
from workspace.store.schema_alerters import AlertDelivery, Alerter, DeliveryState

_MOST_ATTEMPTS = 20


def delivery_of(
    alerter: Alerter, notice: Notice, key: str, *, workspace: str, browser_url: str
) -> AlertDelivery:
    """What an alerter is to tell; of the same key always the same."""
    uid = uuid5(alerter.uid, key)
    return AlertDelivery(
        uid=uid,
        alerter_uid=alerter.uid,
        project=alerter.project,
        alerter=alerter.id,
        create_time=notice.time,
        type=notice.type,
        cause=notice.cause,
        payload=payload_of(notice, uid, workspace=workspace, browser_url=browser_url),
        give_up_time=notice.time + PATIENCE,
        next_attempt_time=notice.time,
    )


def wants(alerter: Alerter, notice: Notice) -> bool:
    """Whether an alerter tells this."""
    return notice.type in alerter.types and predicate(alerter.filter)(notice)


def settle(session: Session, uid: UUID, attempt: Attempt, random: Callable[[], float]) -> None:
    """Writes an attempt down, and what follows from it; nothing where it was settled meanwhile."""
    alerter, row = _held(session, uid)
    if alerter is None or row is None or row.state != DeliveryState.PENDING:
        return
    _count(row, attempt)
    if attempt.is_delivered:
        _end(session, row, DeliveryState.DELIVERED, "")
    elif attempt.is_gone:
        _end(session, row, DeliveryState.FAILED, attempt.error)
    else:
        _retry(session, row, attempt, random)
    store.save(session, row)
    _note_health(session, alerter, attempt)
    if attempt.is_gone:
        _disable(session, alerter, attempt.error)


def skip(session: Session, uid: UUID) -> None:
    """Settles what was kept for an alerter that was paused at the same time."""
    alerter, row = _held(session, uid)
    if alerter and alerter.paused and row and row.state == DeliveryState.PENDING:
        _end(session, row, DeliveryState.FAILED, PAUSED)
        store.save(session, row)


def fail(session: Session, uid: UUID, reason: str) -> None:
    """Settles what cannot be sent at all."""
    _alerter, row = _held(session, uid)
    if row and row.state == DeliveryState.PENDING:
        _end(session, row, DeliveryState.FAILED, reason)
        store.save(session, row)


def redeliver(session: Session, project: str, alerter: str, uid: UUID) -> AlertDelivery:
    """Has a delivery sent again; NotFound, or FailedPrecondition for a paused alerter."""
    owner, row = _held(session, uid)
    if owner is None or row is None or (row.project, row.alerter) != (project, alerter):
        parent = names.child(names.project(project), "alerters", alerter)
        raise absent(names.child(parent, "deliveries", str(uid)))
    require_active(owner)
    row.state, row.reason, row.settle_time, row.tries = DeliveryState.PENDING.value, "", None, 0
    row.next_attempt_time, row.give_up_time = session.now, session.now + PATIENCE
    store.save(session, row)
    session.audited(resource=row.name)
    return row


def require_active(alerter: Alerter) -> None:
    """Raises FailedPrecondition `ALERTER_PAUSED`."""
    if alerter.paused:
        raise FailedPrecondition(
            "ALERTER_PAUSED",
            f"{alerter.name} is paused. {alerter.pause_reason or 'Resume it first.'}",
            metadata={"resource": alerter.name},
        )


def _held(session: Session, uid: UUID) -> tuple[Alerter | None, AlertDelivery | None]:
    """A delivery and its alerter, held until the commit: the alerter first, as others do."""
    seen = store.get(session, uid)
    alerter = alerter_store.lock_uid(session, seen.alerter_uid) if seen else None
    return alerter, store.lock(session, uid)


def _count(row: AlertDelivery, attempt: Attempt) -> None:
    told: dict[str, Any] = {
        "start_time": attempt.start_time.isoformat(),
        "duration_ms": round(attempt.duration.total_seconds() * 1000),
        "status_code": attempt.status_code,
        "error": attempt.error,
        "response": attempt.response,
    }
    row.attempts = [*row.attempts, told][-_MOST_ATTEMPTS:]
    row.attempt_count, row.tries = row.attempt_count + 1, row.tries + 1


def _retry(
    session: Session, row: AlertDelivery, attempt: Attempt, random: Callable[[], float]
) -> None:
    row.next_attempt_time = next_time(
        session.now,
        row.tries,
        asked=attempt.retry_after,
        give_up=row.give_up_time,
        random=random,
    )
    if row.next_attempt_time is None:
        _end(session, row, DeliveryState.EXHAUSTED, attempt.error)


def _end(session: Session, row: AlertDelivery, state: DeliveryState, reason: str) -> None:
    row.state, row.reason = state.value, reason
    row.next_attempt_time, row.settle_time = None, session.now


def _disable(session: Session, alerter: Alerter, reason: str) -> None:
    """A target that says it is gone is not bothered again."""
    store.give_up(session, alerter.uid, reason)
    if not alerter.paused:
        alerter.paused, alerter.pause_reason = True, reason
        _save(session, alerter, ("paused", "pause_reason"))


def _note_health(session: Session, alerter: Alerter, attempt: Attempt) -> None:
    """Only where it changes: a healthy alerter is not written to for everything that it tells."""
    if attempt.is_delivered == (alerter.failing_since is None):
        return
    alerter.failing_since = None if attempt.is_delivered else attempt.start_time
    _save(session, alerter, ("failing_since",))


def _save(session: Session, alerter: Alerter, fields: Sequence[str]) -> None:
    update(session, [alerter], tuple(fields))
    session.emit(ChangeKind.UPDATED, alerter, fields=tuple(fields))
