"""What must hold in every database, whatever happened: read in one snapshot, changed by nothing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import sqlalchemy as sa

from meshkit.audit import row_of
from meshkit.backup.databases import snapshot
from meshkit.chain import Broken, Position, follow
from meshkit.feed import read_head
from workspace.quotas import scope_name
from workspace.store import quotas, statistics
from workspace.store.base import columns, metadata
from workspace.store.schema import MESH_TABLES, Run, RunCounter, Step
from workspace.store.schema_artifacts import Artifact, ArtifactVersion
from workspace.tally import day_of

# Findings of one kind that are told; a broken table would fill screens.
_MAX_TOLD = 20


# What to do, by what was looked at.
_ADVICE = {
    "file": "the disk loses what it is given: restore the newest backup elsewhere",
    "references": "nothing that Weft does leaves such rows: report it, and restore a backup",
    "counters": "`weft admin check --repair` counts anew",
    "artifacts": "nothing that Weft does leaves such a row: report it, and restore a backup",
    "feed": "watches may have missed changes: restore a backup, which begins a new feed",
    "audit": "keep this database as it is, and compare it with what the control plane was shipped",
    "logs": "lines are lost here: the newest backup may still hold the file",
    "content": "it was changed behind Weft's back: the backup of the store may hold it",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, as a sentence; `area` says what was looked at."""

    area: str
    problem: str

    @property
    def advice(self) -> str:
        """What to do about it."""
        return _ADVICE[self.area]

    @property
    def is_repairable(self) -> bool:
        return self.area == "counters"

    def __str__(self) -> str:
        return f"{self.problem} ({self.advice})"


Look = Callable[[sa.Connection], Iterator[str]]


async def check(url: str) -> list[Finding]:
    """What is wrong in a database; nothing where all is well."""
    return await snapshot(url, look_at_all)


def look_at_all(connection: sa.Connection) -> list[Finding]:
    """Every look at the database, one after another."""
    looks: tuple[tuple[str, Look], ...] = (
        ("file", _file),
        ("references", _references),
        *(("counters", look) for look in COUNTERS),
        ("artifacts", _newest_versions),
        ("feed", _feed),
        ("audit", _audit),
    )
    return [finding for area, look in looks for finding in findings(area, look(connection))]


def findings(area: str, problems: Iterable[str]) -> list[Finding]:
    """The first problems of a kind, and how many more there are."""
    rest = iter(problems)
    told = [Finding(area, problem) for problem in islice(rest, _MAX_TOLD)]
    more = sum(1 for _ in rest)
    return [*told, Finding(area, f"{more} more of this kind")] if more else told


def _file(connection: sa.Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for (told,) in connection.exec_driver_sql("PRAGMA integrity_check"):
            if told != "ok":
                yield f"the database file is damaged: {told}"


def _references(connection: sa.Connection) -> Iterator[str]:
    """Rows that refer to nothing; asked of the tables, as SQLite may have been told not to look."""
    for table in metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            parent = key.referred_table.alias("parent")
            pairs = [(e.parent, parent.c[e.column.name]) for e in key.elements]
            query = (
                sa.select(sa.func.count())
                .select_from(table)
                .where(*(own.is_not(None) for own, _ in pairs))
                .where(~sa.exists().where(*(own == other for own, other in pairs)))
            )
            if count := connection.execute(query).scalar_one():
                yield f"{count} rows of {table.name} refer to nothing in {key.referred_table.name}"


def _run_counters(connection: sa.Connection) -> Iterator[str]:
    runs, counters = columns(Run), columns(RunCounter)
    query = sa.select(runs.project, runs.state, sa.func.count()).group_by(runs.project, runs.state)
    real = {(project, state): count for project, state, count in connection.execute(query)}
    said = {
        (project, state): count
        for project, state, count in connection.execute(
            sa.select(counters.project, counters.state, counters.count).where(counters.count != 0)
        )
    }
    for project, state in sorted(real.keys() | said.keys()):
        if real.get((project, state), 0) != said.get((project, state), 0):
            yield (
                f"projects/{project} counts {said.get((project, state), 0)} runs {state}, "
                f"and has {real.get((project, state), 0)}"
            )


def _step_counts(connection: sa.Connection) -> Iterator[str]:
    runs, steps = columns(Run), columns(Step)
    query = sa.select(runs.uid, runs.project, runs.id, runs.step_counts).order_by(runs.uid)
    counted = (
        sa.select(steps.run_uid, steps.state, sa.func.count())
        .group_by(steps.run_uid, steps.state)
        .order_by(steps.run_uid)
    )
    real: dict[object, dict[str, int]] = {}
    for uid, state, count in connection.execute(counted):
        real.setdefault(uid, {})[state] = count
    for uid, project, run, said in connection.execute(query):
        plain = {state: count for state, count in (said or {}).items() if count}
        if plain != real.get(uid, {}):
            yield f"projects/{project}/runs/{run} counts other steps than it has"


def _statistics(connection: sa.Connection) -> Iterator[str]:
    said = {key: _some(counts) for key, counts in statistics.counted(connection)}
    real = {key: _some(counts) for key, counts in statistics.recount(connection).days.items()}
    for key in sorted(said.keys() | real.keys()):
        if said.get(key, {}) != real.get(key, {}):
            project, day, pipeline = key
            yield (
                f"projects/{project}/pipelines/{pipeline} has other statistics of "
                f"{day_of(day)} than its runs add up to"
            )


def _uses(connection: sa.Connection) -> Iterator[str]:
    said, real = quotas.counted(connection), quotas.recount(connection)
    for project, quota in sorted(said.keys() | real.keys()):
        key = (project, quota)
        if said[key] != real[key]:
            yield f"{scope_name(project)} says that it has {said[key]} {quota}, and has {real[key]}"


def _some(counts: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


# What `repairs` can count anew.
COUNTERS: tuple[Look, ...] = (_run_counters, _step_counts, _statistics, _uses)


def _newest_versions(connection: sa.Connection) -> Iterator[str]:
    artifacts, versions = columns(Artifact), columns(ArtifactVersion)
    newest = (
        sa.select(
            versions.project, versions.artifact, sa.func.max(versions.version).label("newest")
        )
        .group_by(versions.project, versions.artifact)
        .subquery()
    )
    is_same = sa.and_(newest.c.project == artifacts.project, newest.c.artifact == artifacts.id)
    query = (
        sa.select(artifacts.project, artifacts.id)
        .select_from(Artifact.__table__.outerjoin(newest, is_same))
        .where(artifacts.latest_version != sa.func.coalesce(newest.c.newest, 0))
    )
    for project, artifact in connection.execute(query):
        yield f"projects/{project}/artifacts/{artifact} names another newest version than it has"


def _feed(connection: sa.Connection) -> Iterator[str]:
    events = MESH_TABLES.feed_events.c
    head = read_head(connection, MESH_TABLES)
    oldest, newest = connection.execute(
        sa.select(sa.func.min(events.revision), sa.func.max(events.revision))
    ).one()
    if newest is not None and newest > head.revision:
        yield f"the feed has events of revision {newest}, and says that it is at {head.revision}"
    if oldest is not None and oldest <= head.compact_revision:
        yield f"the feed holds revision {oldest}, and says that {head.compact_revision} is gone"


def _audit(connection: sa.Connection) -> Iterator[str]:
    """Each chain of the audit log, from what retention left of it to its end."""
    chains, events = MESH_TABLES.audit_chains.c, MESH_TABLES.audit_events
    for chain, *place in connection.execute(
        sa.select(
            chains.chain, chains.anchor_sequence, chains.anchor_hash, chains.sequence, chains.hash
        )
    ).all():
        query = (
            sa.select(events)
            .where(events.c.chain == chain, events.c.sequence > place[0])
            .order_by(events.c.sequence)
        )
        rows = connection.execute(query, execution_options={"yield_per": 1000})
        end = follow(chain, Position(*place[:2]), map(row_of, rows))
        if isinstance(end, Broken):
            yield f"the audit log {chain!r} breaks at row {end.sequence}: {end.problem.name}"
        elif end != Position(*place[2:]):
            yield f"the audit log {chain!r} ends at row {end.sequence}, and says {place[2]}"
