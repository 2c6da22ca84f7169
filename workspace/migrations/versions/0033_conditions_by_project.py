"""Conditions of all runs of a project: what waits is found without reading the rest."""

from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    for columns in (["project", "create_time", "uid"], ["project", "state", "create_time", "uid"]):
        op.create_index(op.f(f"ix_run_conditions_{'_'.join(columns)}"), "run_conditions", columns)
