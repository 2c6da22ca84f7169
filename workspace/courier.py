"""Ships the workspace's audit rows to the control plane over the link.

The chain itself is the outbox: what was acknowledged last says where to go on, so that nothing
is kept in memory and nothing is lost, however long the control plane is away. One batch is
under way at a time: the next one waits for the acknowledgement, which is the back-pressure.
"""

import asyncio
from collections.abc import AsyncIterator

import structlog

from meshkit.chain import Position, Row
from meshkit.database import Database
from meshkit.errors import MeshError
from weftapi.controlplane.v1 import enrollment_pb2
from workspace.store import audit

log = structlog.get_logger()

ROWS = 200
"""Rows of a batch at most, as the contract says."""


class AuditCourier:
    """What a link ships (protocol: meshkit.link.Courier)."""

    def __init__(self, database: Database, *, interval_s: float) -> None:
        self._database = database
        self._interval_s = interval_s
        self._heard: asyncio.Queue[Position] = asyncio.Queue()
        # The newest row of which this process knows that it arrived; None before it was told.
        self.arrived: int | None = None

    def acknowledge(self, position: enrollment_pb2.AuditPosition) -> None:
        """Takes note of how far the rows have arrived."""
        place = Position(position.sequence, bytes.fromhex(position.hash))
        self.arrived = place.sequence
        self._heard.put_nowait(place)

    async def batches(self) -> AsyncIterator[enrollment_pb2.AuditBatch]:
        """One batch after the other, for one link; each waits until the last has arrived."""
        self._heard = asyncio.Queue()
        while True:
            yield await self._next(await self._heard.get())

    async def _next(self, arrived: Position) -> enrollment_pb2.AuditBatch:
        """The rows behind a place, as soon as there are any."""
        while True:
            try:
                shipment = await self._database.read(audit.shipment, arrived, ROWS)
            except (MeshError, OSError) as error:
                log.warning("audit_not_shipped", error=repr(error))
            else:
                if shipment.rows:
                    return batch_to_proto(shipment)
            await asyncio.sleep(self._interval_s)


def batch_to_proto(shipment: audit.Shipment) -> enrollment_pb2.AuditBatch:
    return enrollment_pb2.AuditBatch(
        after=enrollment_pb2.AuditPosition(
            sequence=shipment.after.sequence, hash=shipment.after.hash.hex()
        ),
        records=[_record_to_proto(row) for row in shipment.rows],
        replaced=shipment.replaced,
    )


def _record_to_proto(row: Row) -> enrollment_pb2.AuditRecord:
    record = row.record
    message = enrollment_pb2.AuditRecord(
        sequence=row.sequence,
        uid=str(record.uid),
        method=record.method,
        action=record.action,
        actor_kind=record.actor_kind,
        actor=record.actor,
        actor_name=record.actor_name,
        peer=record.peer,
        address=record.address,
        user_agent=record.user_agent,
        resource=record.resource,
        fields=record.fields,
        code=record.code,
        reason=record.reason,
        request_id=record.request_id,
        trace_id=record.trace_id,
        hash=row.hash.hex(),
    )
    message.time.FromDatetime(record.time)
    return message
