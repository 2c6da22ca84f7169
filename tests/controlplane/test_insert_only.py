"""The database itself refuses to alter the audit log, whoever holds a connection to it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from meshkit.database import Database, Session
from tests.controlplane.auditing import HOME, LEASE, busy, listed, notary_of, verdict
from tests.controlplane.harness import Client, Plane
from tests.controlplane.test_shipping import changes, opened
from tests.templates import WORKSPACE, Template

ROWS = (
    "UPDATE audit_events SET actor = 'users/forged'",
    "UPDATE audit_events SET sequence = sequence + 1000",
    "DELETE FROM audit_events",
    "DELETE FROM audit_events WHERE sequence = (SELECT max(sequence) FROM audit_events)",
    "UPDATE audit_chains SET sequence = sequence - 1",
    "UPDATE audit_chains SET anchor_sequence = -1",
    "DELETE FROM audit_chains",
)
CHECKPOINTS = (
    "UPDATE audit_checkpoints SET kid = 'forged'",
    "DELETE FROM audit_checkpoints",
)
EMPTY = tuple(
    f"TRUNCATE {table}" for table in ("audit_events", "audit_chains", "audit_checkpoints")
)
REPLACE = tuple(
    f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
    for table in ("audit_events", "audit_checkpoints")
)


async def refused(door: Database, statement: str) -> bool:
    def run(session: Session) -> None:
        session.connection().execute(sa.text(statement))

    with pytest.raises(sa.exc.DBAPIError) as caught:
        await door.write(run)
    return "is insert-only" in str(caught.value.orig)


async def test_rows_are_neither_altered_nor_deleted(plane: Plane, admin: Client) -> None:
    await busy(plane, admin, 4)
    door = await plane.database()
    await notary_of(plane, door).certify(HOME)
    before = await listed(admin)
    own = REPLACE if plane.settings.database.startswith("sqlite") else EMPTY
    for statement in (*ROWS, *CHECKPOINTS, *own):
        assert await refused(door, statement), statement
    assert await listed(admin) == before
    assert (await verdict(admin)).complete


async def test_what_an_anchor_stands_for_may_go_and_nothing_else(
    plane: Plane, admin: Client
) -> None:
    await busy(plane, admin)
    door = await plane.database()
    plane.clock.advance(days=40)
    admin = await plane.sign_in()
    await notary_of(plane, door, retention=timedelta(days=30)).prune(LEASE)
    assert len(await listed(admin)) == 2
    for statement in (*ROWS, *CHECKPOINTS):
        assert await refused(door, statement), statement
    assert (await verdict(admin)).complete


@pytest.mark.parametrize("template", [WORKSPACE], ids=["workspace"])
async def test_so_is_the_log_of_a_workspace(database_url: str, template: Template) -> None:
    assert template is WORKSPACE
    async with await opened(database_url) as database:
        await changes(database, 0, 3)
        for statement in ROWS:
            assert await refused(database, statement), statement
