"""Audit rows of workspaces: shipped over real links that break, and kept one-to-one."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from controlplane.store.schema import TABLES
from meshkit.authentication import DeniedSerials
from meshkit.caller import Call, Caller, CallerKind, current_call
from meshkit.chain import Position
from meshkit.clock import SystemClock
from meshkit.database import Database, Session
from meshkit.link import Link
from meshkit.membership import Membership, join, load
from meshkit.migrations import migrate
from tests import templates
from tests.controlplane.auditing import HOME, listed, take_triggers_away, verdict
from tests.controlplane.harness import (
    ORGANIZATION,
    WORKLOAD_MANAGER,
    WORKSPACE,
    Client,
    Plane,
    running,
)
from weft._ports import Ports
from weftapi.controlplane.v1 import enrollment_pb2, enrollments_pb2
from workspace.courier import ROWS, AuditCourier
from workspace.store import audit
from workspace.store.base import metadata
from workspace.store.schema import MESH_TABLES
from workspace.upgrade import MIGRATIONS

W1 = f"{ORGANIZATION}/workspaces/w1"
EVENTS = MESH_TABLES.audit_events
PATIENCE_S = 60.0


class Quiet:
    """A member that says only that it is there."""

    def hello(self) -> enrollment_pb2.LinkHello:
        return enrollment_pb2.LinkHello(version="1")

    async def health(self) -> enrollment_pb2.LinkHealth:
        return enrollment_pb2.LinkHealth()

    async def hear(self, message: enrollment_pb2.LinkResponse) -> None:
        pass


async def opened(url: str) -> Database:
    """A workspace's database."""
    await migrate(url, MIGRATIONS, metadata)
    return await Database.open(url, metadata=metadata, encode_event=lambda *_: b"")


async def change(database: Database, number: int) -> None:
    """One audited change, by somebody."""
    caller = Caller(CallerKind.USER, f"users/{number}", "Ada", address="10.0.0.1", user_agent="sdk")
    current_call.set(Call("/S/Do", caller, f"r{number}", "t", "S.Do", "projects/p"))
    await database.write(
        lambda session: session.audited(resource=f"projects/p/runs/{number}", fields=("state",))
    )


async def changes(database: Database, first: int, count: int) -> None:
    await asyncio.gather(
        *(asyncio.create_task(change(database, first + number)) for number in range(count))
    )


@asynccontextmanager
async def linked(membership: Membership, database: Database) -> AsyncIterator[AuditCourier]:
    courier = AuditCourier(database, interval_s=0.01)
    link = Link(
        membership,
        Quiet(),
        denied_serials=DeniedSerials(),
        clock=SystemClock(),
        courier=courier,
    )
    task = asyncio.create_task(link.run())
    try:
        yield courier
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_arrived(courier: AuditCourier, sequence: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (courier.arrived or 0) < sequence:  # noqa: ASYNC110 - as an onlooker would
            await asyncio.sleep(0.01)


async def joined(plane: Plane, admin: Client, directory: Path) -> Membership:
    """Registers w1 and lets a server join as it."""
    await plane.new_workspace(admin, "w1")
    enrollment = enrollments_pb2.Enrollment(
        role=WORKSPACE, workspaces=[W1], host_names=["localhost"]
    )
    request = enrollments_pb2.CreateEnrollmentRequest(parent=ORGANIZATION, enrollment=enrollment)
    token = (await admin.workspaces.CreateEnrollment(request)).token
    return await join(directory, endpoint=f"localhost:{plane.server.ports.edge}", token=token)


def own_rows(session: Session) -> list[Any]:
    """A workspace's rows without chain, number and hash."""
    query = sa.select(EVENTS).order_by(EVENTS.c.sequence)
    return [tuple(row)[2:-1] for row in session.execute(query)]


def shipped_rows(session: Session) -> list[Any]:
    """What arrived of w1, in order, as the workspace has it."""
    events = TABLES.audit_events
    query = sa.select(events).where(events.c.chain == HOME, events.c.workspace == W1)
    rows = session.execute(query.order_by(events.c.sequence))
    return [(*tuple(row)[2:4], "", *tuple(row)[5:-1]) for row in rows]


async def test_rows_arrive_once_and_in_order_however_often_the_link_breaks(
    tmp_path: Path, database_url: str
) -> None:
    chance = random.Random(6)
    written = 0
    async with await opened(f"sqlite:///{tmp_path / 'w.db'}") as database:
        for restart in range(3):
            async with running(tmp_path / "plane", database_url, mesh_address=_mesh()) as plane:
                if restart == 0:
                    admin = await plane.set_up()
                    await joined(plane, admin, tmp_path / "member")
                for _ in range(4):
                    membership = load(tmp_path / "member")
                    async with linked(membership, database) as courier:
                        count = chance.randrange(1, 2 * ROWS)
                        writing = asyncio.create_task(changes(database, written, count))
                        # Cut off in the middle of it, and go on writing.
                        await until_arrived(courier, chance.randrange(written + count) // 2)
                    await writing
                    written += count
        async with running(tmp_path / "plane", database_url, mesh_address=_mesh()) as plane:
            async with linked(load(tmp_path / "member"), database) as courier:
                await until_arrived(courier, written)
            mine = await database.read(own_rows)
            door = await plane.database()
            assert await door.read(shipped_rows) == mine
            assert len(mine) == written
            admin = await plane.sign_in()
            assert (await verdict(admin)).complete
            event = (await listed(admin, f'workspace = "{W1}" resource = "projects/p/runs/7"'))[0]
            assert (event.actor.subject, event.changed_fields) == ("users/7", ["state"])
            assert not await listed(admin, 'action = "Audit.ReceiveBatch"')


@cache
def _mesh() -> str:
    """The control plane comes back where its members look for it: nobody takes it meanwhile."""
    return f"127.0.0.1:{Ports().take({'mesh': 0})['mesh']}"


async def test_a_workspace_restored_from_a_backup_says_so_and_goes_on(
    tmp_path: Path, plane: Plane, admin: Client
) -> None:
    membership = await joined(plane, admin, tmp_path / "member")
    path, backup = tmp_path / "w.db", tmp_path / "backup.db"
    async with await opened(f"sqlite:///{path}") as database:
        await changes(database, 0, 5)
    shutil.copy(path, backup)
    async with await opened(f"sqlite:///{path}") as database:
        await changes(database, 100, 4)
        async with linked(membership, database) as courier:
            await until_arrived(courier, 9)
        before = await database.read(own_rows)
    async with await opened(f"sqlite:///{backup}") as database:
        await changes(database, 200, 6)
        async with linked(membership, database) as courier:
            await until_arrived(courier, 11)
        after = await database.read(own_rows)
    rows = await (await plane.database()).read(shipped_rows)
    assert rows == [*before, *after[5:]]
    (note,) = await listed(admin, 'action = "Audit.ReceiveBatch"')
    assert (note.reason, note.resource) == ("AUDIT_HISTORY_REPLACED", f"{W1}/auditEvents/9")
    assert (await verdict(admin)).complete


async def test_rows_altered_in_the_workspace_before_they_were_shipped_are_noticed(
    tmp_path: Path, plane: Plane, admin: Client
) -> None:
    membership = await joined(plane, admin, tmp_path / "member")
    async with await opened(f"sqlite:///{tmp_path / 'w.db'}") as database:
        await changes(database, 0, 5)

        def forge(session: Session) -> None:
            where = EVENTS.c.sequence == 3
            session.connection().execute(EVENTS.update().where(where).values(actor="users/forged"))

        await database.write(take_triggers_away)
        await database.write(forge)
        async with linked(membership, database) as courier:
            await until_arrived(courier, 5)
    (note,) = await listed(admin, 'action = "Audit.ReceiveBatch"')
    assert (note.reason, note.resource) == ("AUDIT_CHAIN_BROKEN", f"{W1}/auditEvents/3")
    assert len(await listed(admin, f'workspace = "{W1}"')) == 5


def batch(*, after: int = 0, hash_: str = "", **fields: Any) -> enrollment_pb2.LinkRequest:
    record = enrollment_pb2.AuditRecord(
        uid="0190d3c4-7a31-7c3e-8b62-1f0a6f4e2d11", sequence=after + 1, hash="00" * 32
    )
    record.time.GetCurrentTime()
    position = enrollment_pb2.AuditPosition(sequence=after, hash=hash_)
    message = enrollment_pb2.AuditBatch(after=position, records=[record], **fields)
    return enrollment_pb2.LinkRequest(audit=message)


async def test_only_workspaces_ship_rows_and_only_the_next_ones(
    plane: Plane, admin: Client
) -> None:
    await plane.new_workspace(admin, "w1")
    manager = await plane.link(await plane.enroll(admin, WORKLOAD_MANAGER, "w1"))
    await manager.call.write(batch())
    assert await manager.ended() == ("INVALID_ARGUMENT", "MALFORMED_MESSAGE")
    member = await plane.enroll(admin, WORKSPACE, "w1")
    link = await plane.link(member)
    beginning = await link.hear("audit_position")
    assert (beginning.sequence, beginning.hash) == (0, "")
    # Rows that do not stand behind what arrived change nothing; the place is said again.
    await link.call.write(batch(after=5, hash_="ab" * 32))
    assert await link.hear("audit_position") == beginning
    assert not await listed(admin, f'workspace = "{W1}"')
    await link.call.write(batch(after=0, hash_="not hex"))
    assert await link.ended() == ("INVALID_ARGUMENT", "INVALID_FIELDS")


@pytest.mark.parametrize("template", [templates.WORKSPACE], ids=["workspace"])
async def test_a_workspace_deletes_only_old_rows_that_have_arrived(
    database_url: str, template: templates.Template
) -> None:
    async with await opened(database_url) as database:
        await changes(database, 0, 6)
        later = SystemClock().now() + timedelta(days=1)
        first = await database.read(audit.shipment, Position(), 4)
        assert [row.sequence for row in first.rows] == [1, 2, 3, 4]
        old = SystemClock().now() - timedelta(days=1)
        assert await database.write(audit.prune, before=old, arrived=6) == 0
        assert await database.write(audit.prune, before=later, arrived=4) == 4
        assert await database.write(audit.prune, before=later, arrived=4) == 0
        arrived = Position(4, first.rows[-1].hash)
        rest = await database.read(audit.shipment, arrived, 4)
        assert ([row.sequence for row in rest.rows], rest.replaced) == ([5, 6], False)
        # Who knows less than was deleted learns that something is missing.
        missing = await database.read(audit.shipment, Position(), 4)
        assert (missing.after, missing.replaced) == (arrived, True)
        await changes(database, 6, 1)
        newest = await database.read(audit.shipment, Position(6, rest.rows[-1].hash), 4)
        assert [row.sequence for row in newest.rows] == [7]


def test_nothing_shipped_can_hold_a_value() -> None:
    """Ruling 6: who, what, which resource, how it ended, and names of fields."""
    names = {field.name for field in enrollment_pb2.AuditRecord.DESCRIPTOR.fields}
    assert names == {
        *("uid", "time", "sequence", "hash", "method", "action", "resource", "fields"),
        *("actor_kind", "actor", "actor_name", "peer", "address", "user_agent"),
        *("code", "reason", "request_id", "trace_id"),
    }


@pytest.fixture(autouse=True)
def _no_call() -> None:
    """Each test begins outside of any call."""
    current_call.set(Call("/test"))
