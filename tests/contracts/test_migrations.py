"""Migrations expand: the servers of the version before work on beside them (docs/upgrade.md)."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from controlplane.store.schema import Base
from controlplane.upgrade import MIGRATIONS as CONTROL_PLANE
from tests.contracts.expanding import steps
from workspace.store.base import metadata
from workspace.upgrade import MIGRATIONS as WORKSPACE

# The first version that may be upgraded while it runs; those before it were never released.
_BASELINES = {"workspace": "0027", "controlplane": "0010"}
# What contracts nevertheless: for a service and a revision each problem, and why no server of the
# version before minds it.
_EXCEPTIONS: dict[tuple[str, str], dict[str, str]] = {}

_HEAD = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "{0}", {1}, None, None

def upgrade():
"""
_FIRST = """
    op.create_table(
        "notes",
        sa.Column("uid", sa.Integer, primary_key=True),
        sa.Column("text", sa.Text),
        sa.Column("count", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_table("old", sa.Column("uid", sa.Integer, primary_key=True))
"""
_EXPANDING = """
    op.add_column("notes", sa.Column("next", sa.Text))
    op.add_column("notes", sa.Column("more", sa.Text, nullable=False, server_default=""))
    op.create_index("ix_notes_text", "notes", ["text"])
    op.create_table("new", sa.Column("uid", sa.Integer, primary_key=True))
    op.execute("INSERT INTO new (uid) VALUES (1)")
"""
_NOTES = 'with op.batch_alter_table("notes") as table: table.'
_CONTRACTING = {
    'op.drop_table("old")': "old is gone",
    'op.rename_table("old", "older")': "old is gone",
    'op.drop_column("notes", "text")': "notes.text is gone",
    'op.execute("UPDATE notes SET count = 1")': "rows of notes are changed",
    'op.execute("DELETE FROM notes")': "rows of notes are changed",
    'op.create_index("uq", "notes", ["text"], unique=True)': "notes requires: UNIQUE ['text']",
    _NOTES + 'alter_column("text", nullable=False)': "notes.text must not be empty any more",
    _NOTES + 'alter_column("count", server_default=None)': "notes.count has no default any more",
    _NOTES + 'alter_column("text", type_=sa.Integer)': "notes.text was TEXT and is INTEGER",
    _NOTES + 'create_check_constraint("few", "count < 3")': "notes requires: CHECK count < 3",
    _NOTES + 'add_column(sa.Column("n", sa.Text, nullable=False))': (
        "notes.n is new and must not be empty: give it a server default, and keep it"
    ),
}


@pytest.mark.parametrize(
    ("service", "scripts", "tables"),
    [("workspace", WORKSPACE, metadata), ("controlplane", CONTROL_PLANE, Base.metadata)],
)
async def test_every_migration_since_the_baseline_expands(
    tmp_path: Path, service: str, scripts: Path, tables: sa.MetaData
) -> None:
    found = await steps(scripts, _BASELINES[service], tables, tmp_path)
    excused = {revision: sorted(_EXCEPTIONS.get((service, revision), {})) for revision in found}
    assert {revision: sorted(words) for revision, words in found.items()} == excused


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    (tmp_path / "toy" / "versions").mkdir(parents=True)
    _add(tmp_path / "toy", "0001", None, _FIRST)
    return tmp_path / "toy"


def _add(scripts: Path, revision: str, before: str | None, body: str) -> None:
    text = _HEAD.format(revision, repr(before)) + body
    (scripts / "versions" / f"{revision}_toy.py").write_text(text)


async def test_what_expands_is_let_through(tmp_path: Path, scripts: Path) -> None:
    _add(scripts, "0002", "0001", _EXPANDING)
    assert await steps(scripts, "0001", sa.MetaData(), tmp_path) == {"0002": []}


@pytest.mark.parametrize("statement", _CONTRACTING)
async def test_what_contracts_is_found(tmp_path: Path, scripts: Path, statement: str) -> None:
    _add(scripts, "0002", "0001", f"    {statement}\n")
    found = await steps(scripts, "0001", sa.MetaData(), tmp_path)
    assert found == {"0002": [_CONTRACTING[statement]]}
