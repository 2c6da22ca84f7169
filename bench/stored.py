"""A workspace's database that holds many runs already, made by the database itself.

Each run has five steps and one artifact version; runs and versions have labels and metadata. How
many runs share a pipeline, a snapshot or a creator does not depend on how many there are, so that a
filter finds as much in each. What one run in a hundred has is there ever more often.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from bench.site import PROJECT, USER
from meshkit.database import Database
from meshkit.migrations import migrate
from meshkit.postgres import async_engine
from workspace.lifecycle import RunState, StepState
from workspace.store.base import Row, metadata
from workspace.store.schema import Project, Run, Step
from workspace.store.schema_artifacts import Artifact, ArtifactVersion
from workspace.store.schema_snapshots import Pipeline
from workspace.store.schema_values import ListedValue
from workspace.upgrade import MIGRATIONS

STEPS = 5
_PROJECT = PROJECT.partition("/")[2]
_UID = UUID(int=0)
_START = datetime(2026, 1, 1, tzinfo=UTC)
# How many runs there are to each pipeline, snapshot and creator, and versions to each artifact.
_SHARED = 100
_FAILURE = {"kind": "USER", "code": "STEP_FAILED", "message": "step train failed", "step": "train"}

_LOADED: tuple[type[Row], ...] = (Run, Step, ArtifactVersion, ListedValue)

Values = Mapping[str, Any]


async def fill(url: str, runs: int) -> None:
    """Migrates a new database, and stores so many runs (at least a hundred) in it."""
    await migrate(url, MIGRATIONS, metadata)
    async with await Database.open(url, metadata=metadata, encode_event=lambda *_: b""):
        pass
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(parsed)
        with engine.begin() as connection:
            # What breaks off here is made anew: nothing need be kept twice, or safely.
            for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -500000"):
                connection.execute(sa.text(f"PRAGMA {setting}"))
            _load(connection, runs)
        engine.dispose()
        return
    server = async_engine(parsed)
    async with server.begin() as connection:
        # No need to look up what a row refers to: its number says that it is there.
        await connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        await connection.run_sync(_load, runs)
    async with server.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        # As the server's own upkeep would have done by the time that so much is there; like it,
        # without workers, which need more shared memory than containers give.
        await alone.execute(sa.text("VACUUM (ANALYZE, PARALLEL 0)"))
    await server.dispose()


@dataclass(frozen=True, slots=True)
class _Rows:
    """Expressions over the number of a row, from 0."""

    number: sa.ColumnElement[int]
    dialect: str

    def id(self, prefix: str, number: Any = None) -> sa.ColumnElement[str]:
        counted = self.number if number is None else number
        return sa.literal(prefix) + sa.cast(counted, sa.Text)

    def uid(self, number: Any = None) -> sa.ColumnElement[UUID]:
        counted = self.number if number is None else number
        if self.dialect == "sqlite":
            return sa.func.printf("%032x", counted)
        return sa.cast(sa.func.lpad(sa.func.to_hex(counted), 32, "0"), sa.Uuid)

    def time(self, number: Any = None) -> sa.ColumnElement[datetime]:
        """A second later for each row, so that neighbours in time are so in the index."""
        counted = self.number if number is None else number
        if self.dialect == "sqlite":
            later = sa.cast(counted, sa.Text) + " seconds"
            start = _START.strftime("%Y-%m-%d %H:%M:%S")
            return sa.func.strftime("%Y-%m-%d %H:%M:%S.000000", start, later)
        return sa.literal(_START) + counted * sa.literal(timedelta(seconds=1), sa.Interval)

    def place(self, number: Any) -> sa.ColumnElement[str]:
        """The same as what orders values."""
        if self.dialect == "sqlite":
            return self.time(number)
        utc = sa.func.timezone("UTC", self.time(number))
        return sa.func.to_char(utc, "YYYY-MM-DD HH24:MI:SS.US")

    def share(self) -> sa.ColumnElement[float]:
        """A number from 0 to 0.999, as often each, without order."""
        return (self.number * 7919 % 1000) / sa.literal(1000.0, sa.Double)

    def measured(self) -> sa.ColumnElement[Any]:
        """The same as metadata: {"accuracy": 0.93}."""
        if self.dialect == "sqlite":
            return sa.func.json_object("accuracy", self.share())
        return sa.func.jsonb_build_object("accuracy", self.share())

    def each(self, every: int, value: Any, otherwise: Any) -> sa.ColumnElement[Any]:
        """One value for one row of so many, another one for the rest."""
        return sa.case((self.number % every == 0, value), else_=otherwise)


def _load(connection: sa.Connection, runs: int) -> None:
    shared = runs // _SHARED
    now = _START
    indexes = [index for row in _LOADED for index in row.__table__.indexes]
    for index in indexes:
        index.drop(connection)
    _insert(connection, Project(_UID, _PROJECT, "", "", {}, USER, now, now), 1, lambda _: {})
    _insert(connection, Pipeline(_UID, _PROJECT, "", USER, now, now), shared, _pipeline)
    _insert(connection, _run(), runs, lambda rows: _changing_run(rows, shared))
    _insert(connection, _step(), runs * STEPS, lambda rows: _changing_step(rows, shared))
    _insert(connection, Artifact(_UID, _PROJECT, "", USER, now, now, 1), shared, _artifact)
    _insert(connection, _version(), runs, lambda rows: _changing_version(rows, shared))
    _load_values(connection, runs, shared)
    # Sorted once, rather than searched for a place for each row.
    for index in indexes:
        index.create(connection)


def _load_values(connection: sa.Connection, runs: int, shared: int) -> None:
    """What `workspace.store.values` would have kept of all these."""
    in_runs = sa.literal(f"{_PROJECT}/runs")
    in_versions = sa.literal(f"{_PROJECT}/artifacts/-/versions")
    _load_collection(connection, runs, lambda _: in_runs)
    _load_collection(connection, runs, lambda _: in_versions)
    own = f"{_PROJECT}/artifacts/artifact-"
    _load_collection(
        connection, runs, lambda rows: rows.id(own, rows.number % shared) + "/versions"
    )
    rare = ListedValue(_UID, "labels.team", "", "", "vision", None)
    _insert(connection, rare, shared, lambda rows: _placed(rows, rows.number * _SHARED, in_runs))


def _of_one(artifact: Any, rows: _Rows) -> sa.ColumnElement[str]:
    return rows.id(f"{_PROJECT}/artifacts/artifact-", artifact) + "/versions"


def _load_collection(
    connection: sa.Connection, count: int, collection: Callable[[_Rows], Any]
) -> None:
    """The label and the number that each has."""
    label = ListedValue(_UID, "labels.tier", "", "", "gold", None)
    _insert(connection, label, count, lambda rows: _placed(rows, rows.number, collection(rows)))
    number = ListedValue(_UID, "metadata.accuracy", "", "", None, None)
    _insert(
        connection,
        number,
        count,
        lambda rows: {
            **_placed(rows, rows.number, collection(rows)),
            "number": rows.share(),
        },
    )


def _placed(rows: _Rows, number: Any, collection: Any) -> Values:
    """Values of the rows with these numbers."""
    return {"uid": rows.uid(number), "collection": collection, "place": rows.place(number)}


def _insert(connection: sa.Connection, like: Row, count: int, changing: Any) -> None:
    """Rows like one, but for the columns that `changing` gives."""
    numbers = sa.select(sa.literal(0, sa.BigInteger).label("number")).cte(recursive=True)
    later = sa.select(numbers.c.number + 1).where(numbers.c.number < count - 1)
    numbers = numbers.union_all(later)
    rows = _Rows(numbers.c.number, connection.dialect.name)
    changed: Values = changing(rows)
    table = like.__table__
    names = [field.name for field in fields(like)]  # type: ignore[arg-type]
    values = [
        changed[name] if name in changed else sa.literal(getattr(like, name), table.c[name].type)
        for name in names
    ]
    connection.execute(table.insert().from_select(names, sa.select(*values)))


def _pipeline(rows: _Rows) -> Values:
    time = rows.time()
    return {
        "uid": rows.uid(),
        "id": rows.id("pipeline-"),
        "create_time": time,
        "update_time": time,
    }


def _run() -> Run:
    run = Run(_UID, _PROJECT, "", "", "", USER, "SDK", _START, _START)
    run.state, run.step_counts = RunState.SUCCEEDED.value, {"SUCCEEDED": STEPS}
    return run


def _changing_run(rows: _Rows, shared: int) -> Values:
    time, json = rows.time(), Run.__table__.c.labels.type
    often = sa.literal({"tier": "gold"}, json)
    rare = sa.literal({"tier": "gold", "team": "vision"}, json)
    return {
        "uid": rows.uid(),
        "id": rows.id("run-"),
        "pipeline": rows.id("pipeline-", rows.number % shared),
        "snapshot": rows.id("snapshot-", rows.number % shared),
        "creator": rows.id("users/", rows.number % shared),
        "trigger": rows.each(10, "SCHEDULE", "SDK"),
        "state": rows.each(_SHARED, RunState.FAILED.value, RunState.SUCCEEDED.value),
        "failure": rows.each(_SHARED, sa.literal(_FAILURE, Run.__table__.c.failure.type), None),
        "labels": rows.each(_SHARED, rare, often),
        "metadata": rows.measured(),
        **dict.fromkeys(("create_time", "update_time", "start_time", "end_time"), time),
    }


def _step() -> Step:
    step = Step(_UID, _UID, _PROJECT, "", "", "", 0, _START, _START)
    step.state, step.attempt_count = StepState.SUCCEEDED.value, 1
    return step


def _changing_step(rows: _Rows, shared: int) -> Values:
    run, ordinal = rows.number // STEPS, rows.number % STEPS
    time = rows.time(run)
    return {
        "uid": rows.uid(),
        "run_uid": rows.uid(run),
        "run": rows.id("run-", run),
        "pipeline": rows.id("pipeline-", run % shared),
        "id": rows.id("step-", ordinal),
        "ordinal": ordinal,
        "map_group": sa.case((ordinal == 1, "step-0"), else_=""),
        "cache_key": rows.id("key-", rows.number % shared),
        **dict.fromkeys(("create_time", "update_time", "start_time", "end_time"), time),
    }


def _artifact(rows: _Rows) -> Values:
    time = rows.time()
    return {
        "uid": rows.uid(),
        "id": rows.id("artifact-"),
        "display_name": rows.id("Artifact "),
        "create_time": time,
        "update_time": time,
    }


def _version() -> ArtifactVersion:
    version = ArtifactVersion(
        _UID, _PROJECT, "", 1, "", "", "", "", "", 1, *[""] * 3, {}, False, {}, USER, _START
    )
    version.data_type, version.producer_step, version.producer_output = "Table", "step-4", "table"
    return version


def _changing_version(rows: _Rows, shared: int) -> Values:
    time, number = rows.time(), rows.number // shared + 1
    return {
        "uid": rows.uid(),
        "artifact": rows.id("artifact-", rows.number % shared),
        "version": number,
        "type": rows.each(_SHARED, "MODEL", "DATA"),
        "uri": rows.id("s3://bucket/"),
        "producer_run": rows.id("run-"),
        "alias": sa.case((number == 1, "best"), else_=None),
        "labels": sa.literal({"tier": "gold"}, ArtifactVersion.__table__.c.labels.type),
        "metadata": rows.measured(),
        "create_time": time,
        "update_time": time,
    }
