"""Counters that are wrong, counted anew from what they count."""

from collections import Counter, defaultdict
from uuid import UUID

import sqlalchemy as sa

from meshkit.backup.databases import transaction
from workspace.backup.checks import COUNTERS, Finding, findings
from workspace.store import quotas, statistics
from workspace.store.base import Row, columns, columns_of
from workspace.store.schema import Run, RunCounter, Step
from workspace.store.schema_quotas import Use
from workspace.store.schema_statistics import DayOfPipeline

_ROWS = (Run, Step, *(table for table in quotas.TABLES if table is not Run))
_TABLES: tuple[type[Row], ...] = (*_ROWS, RunCounter, DayOfPipeline, Use)
# In the order in which writers come to them. Who writes now is waited for; the next ones wait.
_LOCKED = ", ".join(cls.__table__.name for cls in _TABLES)


async def repair(url: str) -> list[Finding]:
    """Puts all counters right, in one transaction; answers what was wrong with them."""
    return await transaction(url, _repair)


def _repair(connection: sa.Connection) -> list[Finding]:
    if connection.dialect.name == "postgresql":
        # Before anything is read: what it shows is as of then.
        connection.exec_driver_sql(f"LOCK TABLE {_LOCKED} IN SHARE ROW EXCLUSIVE MODE")
    wrong = [finding for look in COUNTERS for finding in findings("counters", look(connection))]
    if wrong:
        _count_runs(connection)
        _count_steps(connection)
        _count_days(connection)
        _count_uses(connection)
    return wrong


def _count_runs(connection: sa.Connection) -> None:
    runs, table = columns(Run), RunCounter.__table__
    real = sa.select(runs.project, runs.state, sa.func.count()).group_by(runs.project, runs.state)
    connection.execute(table.delete())
    connection.execute(table.insert().from_select(["project", "state", "count"], real))


def _count_steps(connection: sa.Connection) -> None:
    runs, steps = columns(Run), columns(Step)
    real: dict[UUID, Counter[str]] = defaultdict(Counter)
    counted = sa.select(steps.run_uid, steps.state, sa.func.count())
    for uid, state, count in connection.execute(counted.group_by(steps.run_uid, steps.state)):
        real[uid][state] = count
    for uid, said in connection.execute(sa.select(runs.uid, runs.step_counts)).all():
        if said != real[uid]:
            right = Run.__table__.update().where(runs.uid == uid)
            connection.execute(right.values(step_counts=dict(real[uid])))


def _count_days(connection: sa.Connection) -> None:
    table = DayOfPipeline.__table__
    rows = list(statistics.rows(statistics.recount(connection), sign=1, of_deleted=False))
    connection.execute(table.delete().where(~columns(DayOfPipeline).of_deleted))
    if rows:
        names = tuple(table.c.keys())
        values = [dict(zip(names, found, strict=True)) for found in map(columns_of(names), rows)]
        connection.execute(table.insert(), values)


def _count_uses(connection: sa.Connection) -> None:
    table, real = Use.__table__, quotas.recount(connection)
    connection.execute(table.delete())
    if real:
        values = [{"project": p, "quota": quota, "amount": n} for (p, quota), n in real.items()]
        connection.execute(table.insert(), values)
