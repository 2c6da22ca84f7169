"""Audit rows of workspaces, as their links bring them."""

from uuid import UUID

from controlplane.operations.audit import Shipped
from controlplane.servicers.conversions import datetime_of
from meshkit.audit import THE_CHAIN
from meshkit.chain import Position, Record, Row
from meshkit.errors import InvalidArgument
from weftapi.controlplane.v1 import enrollment_pb2


def read_batch(batch: enrollment_pb2.AuditBatch) -> Shipped:
    """Rows from the wire; raises InvalidArgument where a hash is none."""
    try:
        return Shipped(
            Position(batch.after.sequence, bytes.fromhex(batch.after.hash)),
            [_row(record) for record in batch.records],
            batch.replaced,
        )
    except ValueError as error:
        raise InvalidArgument("INVALID_FIELDS", "A hash must be in hex.") from error


def position_to_proto(position: Position) -> enrollment_pb2.AuditPosition:
    return enrollment_pb2.AuditPosition(sequence=position.sequence, hash=position.hash.hex())


def _row(record: enrollment_pb2.AuditRecord) -> Row:
    values = Record(
        uid=UUID(record.uid),
        time=datetime_of(record.time),
        workspace="",
        method=record.method,
        action=record.action,
        actor_kind=record.actor_kind,
        actor=record.actor,
        actor_name=record.actor_name,
        peer=record.peer,
        address=record.address,
        user_agent=record.user_agent,
        resource=record.resource,
        fields=list(record.fields),
        code=record.code,
        reason=record.reason,
        request_id=record.request_id,
        trace_id=record.trace_id,
    )
    return Row(THE_CHAIN, record.sequence, values, bytes.fromhex(record.hash))
