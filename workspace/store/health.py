"""Queries of how a workspace is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from meshkit.audit import THE_CHAIN
from meshkit.session import Session
from workspace.lifecycle import RUN_ACTIVE
from workspace.store import replicas
from workspace.store.base import columns
from workspace.store.schema import MESH_TABLES, Launch, Run
from workspace.store.schema_build_launches import BuildLaunch
from workspace.store.schema_replicas import Replica
from workspace.store.schema_snapshots import Build

_L, _R = columns(Launch), columns(Run)
_I, _B = columns(BuildLaunch), columns(Build)
# Of SQLite and of PostgreSQL.
_VERSIONS = {"sqlite": "SELECT sqlite_version()", "postgresql": "SHOW server_version"}


class Line(NamedTuple):
    """How many wait, and since when the first of them has."""

    length: int
    oldest: datetime | None


class Liveness(NamedTuple):
    """Runs under way, those whose runner fell silent, and the oldest sign of life (ms, or None)."""

    active: int
    unresponsive: int
    oldest_ms: int | None


class Kind(NamedTuple):
    """Which database it is, and of which schema."""

    name: str
    version: str
    schema: str


@dataclass(frozen=True, slots=True)
class Facts:
    """How the workspace is, of one moment; `audit_end` numbers its newest audit row, 0 for none."""

    database: Kind
    replicas: Sequence[Replica]
    waiting_runs: Line
    waiting_builds: Line
    liveness: Liveness
    audit_end: int


def facts(session: Session, alive_since: datetime) -> Facts:
    return Facts(
        database=_kind(session),
        replicas=replicas.seen_since(session, alive_since),
        waiting_runs=_waiting_runs(session),
        waiting_builds=_waiting_builds(session),
        liveness=_liveness(session),
        audit_end=_audit_end(session),
    )


def _kind(session: Session) -> Kind:
    name = session.get_bind().dialect.name
    version, schema = (
        str(session.connection().execute(sa.text(text)).scalar_one())
        for text in (_VERSIONS[name], "SELECT version_num FROM alembic_version")
    )
    return Kind(name, version, schema)


def _waiting_runs(session: Session) -> Line:
    """Runs that are to be executed and have not begun, whether or not a manager has them."""
    query = (
        sa.select(sa.func.count(), sa.func.min(_R.create_time))
        .select_from(Launch.__table__)
        .join(Run.__table__, _R.uid == _L.run_uid)
        .where(_L.state.in_(("QUEUED", "INTENDED", "SUBMITTED")))
        .where(_R.state.in_(("PENDING", "PROVISIONING")))
    )
    return Line(*session.connection().execute(query).one())


def _waiting_builds(session: Session) -> Line:
    """Images that no manager has been given yet."""
    query = (
        sa.select(sa.func.count(), sa.func.min(_B.create_time))
        .select_from(BuildLaunch.__table__)
        .join(Build.__table__, _B.uid == _I.build_uid)
        .where(_I.state == "INTENDED")
    )
    return Line(*session.connection().execute(query).one())


def _liveness(session: Session) -> Liveness:
    """How the runs under way are."""
    speaking = sa.case((_R.heartbeat_ms > 0, _R.heartbeat_ms))
    query = sa.select(
        sa.func.count(), sa.func.count(_R.unresponsive_since), sa.func.min(speaking)
    ).where(session.among(_R.state, sorted(str(state) for state in RUN_ACTIVE)))
    return Liveness(*session.connection().execute(query).one())


def _audit_end(session: Session) -> int:
    """The number of the newest row of the workspace's own audit log; 0 where there is none."""
    chains = MESH_TABLES.audit_chains.c
    query = sa.select(chains.sequence).where(chains.chain == THE_CHAIN)
    return int(session.connection().execute(query).scalar() or 0)
