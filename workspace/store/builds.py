"""Queries of builds."""

import sqlalchemy as sa

from meshkit.filters import Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.store import build_launches
from workspace.store.base import columns, every, first, update
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema_snapshots import Build, Snapshot

_C = columns(Build)
_S = columns(Snapshot)
_CHANGING = ("state", "state_reason", "end_time", "image", "step_images")

ORDERS = Orders((OrderKey("create_time", _C.create_time),), OrderKey("uid", _C.uid))
FIELDS = Fields(
    Field("checksum", Kind.STRING, _C.checksum),
    Field("id", Kind.STRING, _C.id),
    Field("pipeline", Kind.STRING, _C.pipeline),
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
)


def get(session: Session, project: str, build: str) -> Build | None:
    return first(session, Build, every(Build).where(_C.project == project, _C.id == build))


def image_of(session: Session, project: str, build: str, step: str = "") -> str:
    """The image that a runner, or a step, runs in: pinned; empty where no build has one for it.

    The build must have succeeded: until then there may be nothing to pin.
    """
    found = get(session, project, build) if build else None
    image = (found.step_images.get(step) or found.image) if found else {}
    return f"{image['uri']}@{image['digest']}" if image else ""


def save(session: Session, build: Build) -> None:
    """Writes down where a build stands, and the digests of its images."""
    update(session, [build], _CHANGING)


def lock(session: Session, project: str, build: str) -> Build | None:
    """The build, held until the commit."""
    query = every(Build).where(_C.project == project, _C.id == build)
    return first(session, Build, query.with_for_update())


def list_page(
    session: Session, project: str, window: Window, filter_: Filter | None
) -> Listed[Build]:
    return listed(session, Build, window, _C.project == project, *matching(filter_))


def users(session: Session, build: Build, limit: int) -> list[str]:
    """Names of snapshots that use a build, newest first."""
    query = (
        sa.select(_S.id)
        .where(_S.project == build.project, _S.build == build.id)
        .order_by(_S.create_time.desc())
        .limit(limit)
    )
    found = session.connection().execute(query).scalars()
    return [f"projects/{build.project}/snapshots/{id_}" for id_ in found]


def delete(session: Session, build: Build) -> None:
    build_launches.delete(session, [build.uid])
    session.connection().execute(Build.__table__.delete().where(_C.uid == build.uid))
