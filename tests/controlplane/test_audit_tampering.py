"""Every way of tampering with a chain is found; what retention and restores leave is not one."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest
import sqlalchemy as sa

from controlplane.store.schema_audit import AuditCheckpoint
from meshkit.database import Session
from tests.controlplane.auditing import (
    CHAINS,
    EVENTS,
    HOME,
    LEASE,
    busy,
    exported,
    forger,
    keys,
    listed,
    notary_of,
    verdict,
)
from tests.controlplane.harness import (
    ORGANIZATION,
    Client,
    Plane,
    reason_of,
    running,
)
from weft._audit import AuditBrokenError, verify_export
from weftapi.controlplane.v1 import audit_pb2

FORGED: dict[str, Any] = {
    "uid": UUID(int=1),
    "time": datetime(2020, 1, 1, tzinfo=UTC),
    "fields": ["forged"],
    "code": 5,
    "hash": b"\0" * 32,
}


async def test_any_altered_column_is_found(plane: Plane, admin: Client) -> None:
    await busy(plane, admin, 4)
    door = await forger(plane)
    where = (EVENTS.c.chain == HOME) & (EVENTS.c.sequence == 3)

    def set_columns(session: Session, values: dict[str, Any]) -> None:
        session.connection().execute(EVENTS.update().where(where).values(values))

    def row(session: Session) -> dict[str, Any]:
        return dict(session.connection().execute(sa.select(EVENTS).where(where)).mappings().one())

    true = await door.read(row)
    for column in true.keys() - {"chain", "sequence"}:
        await door.write(set_columns, {column: FORGED.get(column, "forged")})
        found = await verdict(admin)
        assert (column, found.broken.sequence, found.complete) == (column, 3, False)
        with pytest.raises(AuditBrokenError) as caught:
            verify_export(await exported(admin), await keys(admin))
        assert (column, caught.value.sequence) == (column, 3)
        await door.write(set_columns, {column: true[column]})
    assert (await verdict(admin)).complete
    await door.write(set_columns, {"sequence": 1_000})
    assert (await verdict(admin)).broken.sequence == 4


async def test_removed_rows_are_found_wherever_they_stood(plane: Plane, admin: Client) -> None:
    await busy(plane, admin)
    door = await forger(plane)
    last = (await listed(admin))[0].sequence
    await notary_of(plane, door).certify(HOME)

    async def broken_without(*sequences: int, is_head_moved: bool = False) -> int:
        where = (EVENTS.c.chain == HOME) & EVENTS.c.sequence.in_(sequences)

        def remove(session: Session) -> list[Any]:
            connection = session.connection()
            kept = connection.execute(sa.select(EVENTS).where(where)).all()
            connection.execute(EVENTS.delete().where(where))
            if is_head_moved:
                _move_head(session, min(sequences) - 1)
            return [tuple(row) for row in kept]

        def restore(session: Session, rows: list[Any]) -> None:
            session.connection().execute(
                EVENTS.insert(), [dict(zip(EVENTS.c.keys(), row, strict=True)) for row in rows]
            )
            _move_head(session, last)

        rows = await door.write(remove)
        found = await verdict(admin)
        await door.write(restore, rows)
        assert (await verdict(admin)).complete
        return found.broken.sequence

    assert await broken_without(1) == 2
    assert await broken_without(4) == 5
    assert await broken_without(last) == last
    # Who also forgets the head is contradicted by the checkpoint; who deletes that, by the witness.
    assert await broken_without(last - 1, last, is_head_moved=True) == last - 1
    await door.write(_forget_checkpoints)
    assert await broken_without(last - 1, last, is_head_moved=True) == last - 1


def _move_head(session: Session, sequence: int) -> None:
    where = (EVENTS.c.chain == HOME) & (EVENTS.c.sequence == sequence)
    hash_ = session.connection().execute(sa.select(EVENTS.c.hash).where(where)).scalar_one()
    move = CHAINS.update().where(CHAINS.c.chain == HOME)
    session.connection().execute(move.values(sequence=sequence, hash=hash_))


def _forget_checkpoints(session: Session) -> None:
    session.execute(sa.delete(AuditCheckpoint))


async def test_what_was_tampered_with_gets_no_signature(plane: Plane, admin: Client) -> None:
    door = await forger(plane)
    await plane.new_workspace(admin, "w1")

    def forge(session: Session) -> None:
        where = (EVENTS.c.chain == HOME) & (EVENTS.c.sequence == 2)
        session.connection().execute(EVENTS.update().where(where).values(actor="users/forged"))

    await door.write(forge)
    assert await notary_of(plane, door).certify(HOME) is None
    request = audit_pb2.ListAuditCheckpointsRequest(parent=ORGANIZATION)
    assert not (await admin.audit.ListAuditCheckpoints(request)).audit_checkpoints


async def test_retention_leaves_a_signed_anchor_and_the_rest_verifies(
    plane: Plane, admin: Client
) -> None:
    await busy(plane, admin)
    door = await forger(plane)
    old = (await listed(admin))[0].sequence
    plane.clock.advance(days=40)
    admin = await plane.sign_in()
    notary = notary_of(plane, door, retention=timedelta(days=30))
    await notary.prune(LEASE)
    kept = await listed(admin)
    assert [event.action for event in kept] == ["Audit.Prune", "AuthService.SignIn"]
    assert kept[-1].sequence == old + 1
    assert kept[0].actor.kind == audit_pb2.ACTOR_KIND_SYSTEM
    whole = await verdict(admin)
    assert (whole.complete, whole.verified_count) == (True, 2)
    found = verify_export(await exported(admin), await keys(admin))
    assert (found.after, found.is_anchored) == (old, True)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await exported(admin, after_sequence=1)
    assert reason_of(caught.value) == "AUDIT_COMPACTED"
    await notary.prune(LEASE)
    assert (await verdict(admin)).complete
    # Without the anchor's signature rows cut off in front would pass for pruned ones.
    await door.write(_forget_checkpoints)
    assert (await verdict(admin)).broken.sequence == old + 1


async def test_a_backup_that_was_restored_shows_as_a_gap(tmp_path: Any, database_url: str) -> None:
    async with running(tmp_path, database_url) as plane:
        admin = await plane.set_up()
        await busy(plane, admin)
        door = await forger(plane)
        await notary_of(plane, door).certify(HOME)
        last = (await listed(admin))[0].sequence
        await door.write(_restore_before, last - 3)
    async with running(tmp_path, database_url) as plane:
        admin = await plane.sign_in()
        (gap,) = await listed(admin, 'action = "Audit.HistoryLost"')
        assert gap.sequence == last - 3
        assert (gap.outcome, gap.reason) == ("DATA_LOSS", "AUDIT_HISTORY_LOST")
        assert gap.resource == f"{HOME}/auditCheckpoints/{last}"
        assert (await verdict(admin)).complete
    # It is said once.
    async with running(tmp_path, database_url) as plane:
        admin = await plane.sign_in()
        assert len(await listed(admin, 'action = "Audit.HistoryLost"')) == 1


def _restore_before(session: Session, sequence: int) -> None:
    """As if the database were that of a moment before a row was written."""
    _move_head(session, sequence - 1)
    where = (EVENTS.c.chain == HOME) & (EVENTS.c.sequence >= sequence)
    session.connection().execute(EVENTS.delete().where(where))
    _forget_checkpoints(session)
