"""Alerters and what they told, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft._enums import word
from weft.cli._names import short
from weft.cli._output import by_id, print_fields

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import alerter_types_pb2, alerters_pb2_grpc


def connect() -> tuple[Connection, alerters_pb2_grpc.AlerterServiceStub]:
    """The workspace in use, and its alerters."""
    from weft._connection import Connection
    from weftapi.workspace.v1 import alerters_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(alerters_pb2_grpc.AlerterServiceStub)


def name_of(connection: Connection, text: str) -> str:
    """The name of an alerter that is given by its name or its id."""
    return text if text.startswith("projects/") else f"{connection.project}/alerters/{text}"


def draw(alerter: alerter_types_pb2.Alerter) -> None:
    """Prints an alerter for people."""
    failing, old = alerter.failing_since, alerter.old_secret_expire_time
    print_fields(
        (
            by_id("alerter", alerter.name),
            ("name", alerter.display_name),
            ("about", alerter.description),
            ("kind", _kind(alerter.kind)),
            ("sends to", alerter.origin),
            ("tells", " ".join(alerter.types)),
            ("only", alerter.filter),
            ("paused", "yes" if alerter.paused else ""),
            ("because", alerter.pause_reason),
            ("failing since", failing.ToJsonString() if failing.seconds else ""),
            ("old secret", f"signs until {old.ToJsonString()}" if old.seconds else ""),
        )
    )


def draw_delivery(delivery: alerter_types_pb2.AlertDelivery) -> None:
    """Prints a delivery with its attempts for people."""
    click.echo(f"{short(delivery.name)}  {delivery.type}  {_state(delivery.state)}")
    for attempt in delivery.attempts:
        print_fields([("  at", attempt.start_time.ToJsonString()), *attempt_rows(attempt, "  ")])


def attempt_rows(
    attempt: alerter_types_pb2.AlertAttempt, indent: str = ""
) -> list[tuple[str, str]]:
    """What came of an attempt, as fields."""
    took_ms = attempt.duration.ToMilliseconds()
    return [
        (f"{indent}status", str(attempt.status_code or "")),
        (f"{indent}took", f"{took_ms} ms"),
        (f"{indent}problem", attempt.error),
        (f"{indent}answer", attempt.response),
    ]


def delivery_row(delivery: alerter_types_pb2.AlertDelivery) -> tuple[str, ...]:
    """A delivery as a row of a table."""
    return (
        delivery.create_time.ToJsonString(),
        delivery.name.split("/")[3],
        short(delivery.name),
        delivery.type,
        delivery.cause.split("/", 2)[-1],
        _state(delivery.state),
        str(delivery.attempt_count),
        delivery.reason or (delivery.attempts[-1].error if delivery.attempts else ""),
    )


def _kind(number: int) -> str:
    from weftapi.workspace.v1 import alerter_types_pb2

    return word(alerter_types_pb2.AlerterKind, number).lower()


def _state(number: int) -> str:
    from weftapi.workspace.v1 import alerter_types_pb2

    return word(alerter_types_pb2.AlertDeliveryState, number)
