"""Keeps values of labels and metadata where lists find them; see `schema_values`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from meshkit.bulk import Bulk
from meshkit.filters import MAX_KEY, Beside, Opaque, scalar
from meshkit.session import Session
from workspace.store.base import Row, columns, insert, insert_or
from workspace.store.schema import Run
from workspace.store.schema_artifacts import Artifact, ArtifactVersion
from workspace.store.schema_models import ModelVersion
from workspace.store.schema_snapshots import Snapshot
from workspace.store.schema_values import ListedValue

_C = columns(ListedValue)
_TABLE = ListedValue.__table__
PLACED = (datetime, str)

Collections = Callable[[Any], tuple[str, ...]]

# Where the rows of a class are listed; who is listed by name has its id for a place.
_COLLECTIONS: dict[type[Row], Collections] = {
    Run: lambda row: (runs_of(row.project),),
    Snapshot: lambda row: (snapshots_of(row.project),),
    Artifact: lambda row: (artifacts_of(row.project),),
    ArtifactVersion: lambda row: (
        versions_of(row.project, None),
        versions_of(row.project, row.artifact),
    ),
    ModelVersion: lambda row: (
        model_versions_of(row.project, None),
        model_versions_of(row.project, row.model),
    ),
}
_MAPS = {
    cls: tuple(name for name in ("labels", "metadata") if name in cls.__table__.c)
    for cls in _COLLECTIONS
}


def runs_of(project: str) -> str:
    """The collection of a project's runs."""
    return f"{project}/runs"


def snapshots_of(project: str) -> str:
    """The collection of a project's snapshots."""
    return f"{project}/snapshots"


def artifacts_of(project: str) -> str:
    """The collection of a project's artifacts."""
    return f"{project}/artifacts"


def versions_of(project: str, artifact: str | None) -> str:
    """The collection of the versions of an artifact, or of all in the project."""
    return f"{project}/artifacts/{artifact or '-'}/versions"


def model_versions_of(project: str, model: str | None) -> str:
    """The collection of the versions of a model, or of all in the project."""
    return f"{project}/models/{model or '-'}/versions"


def beside(cls: type[Row], name: str) -> Beside:
    """A map of a class as a filter's field finds it."""
    return Beside(columns(cls).uid, _C.uid, _C.key, _C.text, _C.number, f"{name}.")


def add(session: Session, rows: Iterable[Row]) -> None:
    """Keeps the values of new rows."""
    insert(
        session, [value for row in rows for name in _MAPS[type(row)] for value in _of(row, name)]
    )


def follow(session: Session, row: Row, before: Mapping[str, Any]) -> None:
    """Keeps what changed: `before` holds the columns that the row had another value of."""
    follow_all(session, [(row, before)])


def follow_all(session: Session, changes: Iterable[tuple[Row, Mapping[str, Any]]]) -> None:
    """The same for many rows."""
    gone: list[tuple[UUID, str]] = []
    kept: list[ListedValue] = []
    for row, before in changes:
        for name in _MAPS.get(type(row), ()):
            if name in before:
                _differ(row, name, before[name], gone, kept)
    _FORGET.run(session.connection(), gone)
    insert_or(session, kept, _replace)


def forget(session: Session, uids: Sequence[UUID]) -> None:
    """Forgets the values of rows that go."""
    session.connection().execute(_TABLE.delete().where(session.among(_C.uid, uids)))


def place(value: datetime | str) -> str:
    """What orders a list, as a text that sorts alike."""
    if isinstance(value, str):
        return value
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _differ(
    row: Any,
    name: str,
    before: Mapping[str, Any],
    gone: list[tuple[UUID, str]],
    kept: list[ListedValue],
) -> None:
    after: dict[str, Any] = getattr(row, name)
    known = {key: scalar(value) for key, value in before.items()}
    gone += [(row.uid, f"{name}.{key}") for key in known if scalar(after.get(key)) is None]
    new = {key: value for key, value in after.items() if known.get(key) != scalar(value)}
    kept += _of(row, name, new)


def _of(row: Any, name: str, some: Mapping[str, Any] | None = None) -> Iterator[ListedValue]:
    values = getattr(row, name) if some is None else some
    if not values:
        return
    at = place(row.id if isinstance(row, Artifact) else row.create_time)
    for collection in _COLLECTIONS[type(row)](row):
        for key, value in values.items():
            plain = scalar(value)
            if plain is not None and len(key) <= MAX_KEY:
                yield _value(row.uid, f"{name}.{key}", collection, at, plain)


def _value(
    uid: UUID, key: str, collection: str, at: str, plain: str | float | Opaque
) -> ListedValue:
    text = plain if isinstance(plain, str) else None
    number = plain if isinstance(plain, float) else None
    return ListedValue(uid, key, collection, at, text, number)


def _replace(statement: Any) -> Any:
    key = [_C.uid, _C.key, _C.collection]
    new = {"text": statement.excluded.text, "number": statement.excluded.number}
    return statement.on_conflict_do_update(index_elements=key, set_=new)


_FORGET = Bulk(
    _TABLE.delete().where(
        _C.uid == sa.bindparam("which_uid", type_=_C.uid.type), _C.key == sa.bindparam("which_key")
    ),
    ("which_uid", "which_key"),
)
