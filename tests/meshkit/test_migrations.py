import asyncio
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa

from meshkit.database import Session
from meshkit.migrations import DatabaseTooNewError, drift, migrate
from tests.forks import forks
from tests.meshkit import notes
from tests.meshkit.notes import Base

_FIRST = """
import sqlalchemy as sa
from alembic import op
from meshkit.migrations import create_mesh_tables
from meshkit.schema import BigInt
revision, down_revision, branch_labels, depends_on = "0001", None, None, None

def upgrade():
    create_mesh_tables(op)
    op.create_table(
        "notes",
        sa.Column("uid", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("count", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("uid", name="pk_notes"),
        sa.UniqueConstraint("name", name="uq_notes_name"),
    )
"""
_SECOND = """
import sqlalchemy as sa
from alembic import op
from meshkit.schema import BigInt
revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None

def upgrade():
    with op.batch_alter_table("notes") as table:
        table.add_column(sa.Column("revision", BigInt, nullable=False, server_default="0"))
    with op.batch_alter_table("notes") as table:
        table.alter_column("revision", server_default=None)
"""
_FAILING = """
from alembic import op
revision, down_revision, branch_labels, depends_on = "0003", "0002", None, None

def upgrade():
    op.drop_table("notes")
    op.execute("INSERT INTO nowhere VALUES (1)")
"""
_IS_WAITED_FOR = """
    SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'notes'::regclass
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "scripts" / "versions").mkdir(parents=True)
    return tmp_path / "scripts"


def add(scripts: Path, revision: str, text: str) -> None:
    (scripts / "versions" / f"{revision}.py").write_text(text)


def backups(directory: Path, prefix: str = "") -> list[Path]:
    return list(directory.glob(f"{prefix}*.backup"))


async def test_a_new_database_gets_every_table_of_the_code(
    database_url: str, scripts: Path
) -> None:
    add(scripts, "0001", _FIRST)
    add(scripts, "0002", _SECOND)
    await migrate(database_url, scripts, Base.metadata)
    assert await drift(database_url, Base.metadata) == []
    async with await notes.open_notes(database_url) as database:
        assert (await database.write(notes.create, "a")).revision == 1


async def test_an_upgrade_keeps_the_rows_and_copies_the_file_before(
    database_url: str, scripts: Path, tmp_path: Path
) -> None:
    add(scripts, "0001", _FIRST)
    await migrate(database_url, scripts, Base.metadata)
    await migrate(database_url, scripts, Base.metadata)
    assert backups(tmp_path) == []

    def insert(session: Session) -> None:
        table = sa.table(
            "notes", *(sa.column(n) for n in ("uid", "name", "project", "text", "count"))
        )
        uid = sa.literal("0" * 32) if "sqlite" in database_url else sa.text("gen_random_uuid()")
        values = sa.select(uid, *(sa.literal(v) for v in ("a", "p", "")), sa.literal(7))
        session.execute(table.insert().from_select([c.name for c in table.columns], values))

    async with await notes.open_notes(database_url) as database:
        await database.write(insert)
    add(scripts, "0002", _SECOND)
    await migrate(database_url, scripts, Base.metadata)
    async with await notes.open_notes(database_url) as database:
        note = (await database.read(notes.all_notes))["a"]
        assert (note.count, note.revision) == (7, 0)
    copies = backups(tmp_path, "test.db.0001-")
    assert len(copies) == (1 if "sqlite" in database_url else 0)


async def test_a_failed_upgrade_changes_nothing(database_url: str, scripts: Path) -> None:
    add(scripts, "0001", _FIRST)
    add(scripts, "0002", _SECOND)
    await migrate(database_url, scripts, Base.metadata)
    add(scripts, "0003", _FAILING)
    with pytest.raises(sa.exc.DBAPIError):
        await migrate(database_url, scripts, Base.metadata)
    assert await drift(database_url, Base.metadata) == []


async def test_a_database_newer_than_the_code_is_refused(database_url: str, scripts: Path) -> None:
    add(scripts, "0001", _FIRST)
    add(scripts, "0002", _SECOND)
    await migrate(database_url, scripts, Base.metadata)
    (scripts / "versions" / "0002.py").unlink()
    with pytest.raises(DatabaseTooNewError, match=r"0002.*newer version"):
        await migrate(database_url, scripts, Base.metadata)


def _migrate(url: str, scripts: Path) -> None:
    asyncio.run(migrate(url, scripts, Base.metadata))


async def test_two_migrators_at_once_agree(database_url: str, scripts: Path) -> None:
    add(scripts, "0001", _FIRST)
    add(scripts, "0002", _SECOND)
    processes = [forks.Process(target=_migrate, args=(database_url, scripts)) for _ in range(2)]
    for process in processes:
        process.start()
    await asyncio.gather(
        *(migrate(database_url, scripts, Base.metadata) for _ in range(2)),
        *(asyncio.to_thread(process.join) for process in processes),
    )
    assert [process.exitcode for process in processes] == [0, 0]
    assert await drift(database_url, Base.metadata) == []


async def test_servers_go_on_while_an_upgrade_waits_for_a_table(
    postgres_url: str, scripts: Path
) -> None:
    """Somebody reads for long, a dump say: others are not kept waiting behind the upgrade."""
    add(scripts, "0001", _FIRST)
    await migrate(postgres_url, scripts, Base.metadata)
    add(scripts, "0002", _SECOND)
    dump, reader = [await asyncpg.connect(postgres_url) for _ in range(2)]
    reading = dump.transaction()
    await reading.start()
    await dump.fetch("SELECT name FROM notes")
    upgrade = asyncio.create_task(migrate(postgres_url, scripts, Base.metadata))
    while not await reader.fetchval(_IS_WAITED_FOR):
        assert not upgrade.done(), upgrade.exception()
        await asyncio.sleep(0.01)
    async with asyncio.timeout(30):
        await reader.fetch("SELECT name FROM notes")
    assert not upgrade.done()
    await reading.rollback()
    await upgrade
    assert await drift(postgres_url, Base.metadata) == []
    await asyncio.gather(dump.close(), reader.close())
