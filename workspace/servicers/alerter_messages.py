"""Alerters and what they tell, as messages."""

from datetime import datetime, timedelta
from typing import Any

from weftapi.workspace.v1 import alerter_types_pb2 as pb
from workspace import names
from workspace.alerting.post import Attempt
from workspace.servicers.converting import numbers, stamp
from workspace.store.schema_alerters import AlertDelivery, Alerter

_KINDS = numbers(pb.AlerterKind)
_STATES = numbers(pb.AlertDeliveryState)


def alerter_to_proto(row: Alerter) -> pb.Alerter:
    kind: Any = _KINDS[row.kind]
    return pb.Alerter(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        labels=row.labels or None,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        kind=kind,
        origin=row.origin,
        types=row.types,
        filter=row.filter,
        paused=row.paused,
        pause_reason=row.pause_reason,
        failing_since=stamp(row.failing_since),
        old_secret_expire_time=stamp(row.old_secret_until),
    )


def delivery_to_proto(row: AlertDelivery) -> pb.AlertDelivery:
    state: Any = _STATES[row.state]
    return pb.AlertDelivery(
        name=row.name,
        create_time=stamp(row.create_time),
        type=row.type,
        cause=row.cause,
        state=state,
        reason=row.reason,
        payload=row.payload,
        attempts=[_stored_attempt(told) for told in row.attempts],
        attempt_count=row.attempt_count,
        next_attempt_time=stamp(row.next_attempt_time),
        settle_time=stamp(row.settle_time),
    )


def attempt_to_proto(attempt: Attempt) -> pb.AlertAttempt:
    message = pb.AlertAttempt(
        start_time=stamp(attempt.start_time),
        status_code=attempt.status_code,
        error=attempt.error,
        response=attempt.response,
    )
    message.duration.FromTimedelta(attempt.duration)
    return message


def _stored_attempt(told: dict[str, Any]) -> pb.AlertAttempt:
    return attempt_to_proto(
        Attempt(
            start_time=datetime.fromisoformat(told["start_time"]),
            duration=timedelta(milliseconds=told["duration_ms"]),
            status_code=told["status_code"],
            error=told["error"],
            response=told["response"],
        )
    )
