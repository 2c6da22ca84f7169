"""A small schema with operations on it, for the tests of the write door."""

import contextlib
import uuid
from collections.abc import Iterator

import sqlalchemy as sa
from google.protobuf.wrappers_pb2 import StringValue
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from meshkit.caller import Call, Caller, CallerKind, current_call
from meshkit.database import Database, DatabaseSettings, Session
from meshkit.errors import AlreadyExists, MeshError, NotFound
from meshkit.feed import Change, ChangeKind
from meshkit.ids import new_uid
from meshkit.schema import TYPE_ANNOTATIONS, among, mesh_tables, new_metadata


class Base(DeclarativeBase):
    metadata = new_metadata()
    type_annotation_map = TYPE_ANNOTATIONS


class Note(Base):
    __tablename__ = "notes"
    resource_type = "weft.dev/Note"

    uid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    project: Mapped[str]
    text: Mapped[str]
    count: Mapped[int]
    revision: Mapped[int]


TABLES = mesh_tables(Base.metadata)


def encode_event(change: Change, revision: int, index: int) -> bytes:
    return f"{revision}.{index} {change.kind.value} {change.row.name} {change.actor}".encode()


def create(session: Session, name: str, text: str = "") -> Note:
    note = Note(uid=new_uid(), name=name, project="demo", text=text, count=0, revision=0)
    session.add(note)
    session.flush()
    session.emit(ChangeKind.CREATED, note)
    return note


def increment(session: Session, name: str) -> Note:
    note = session.scalars(sa.select(Note).where(Note.name == name).with_for_update()).one()
    note.count += 1
    session.emit(ChangeKind.UPDATED, note, fields=("count",))
    session.audited(resource=f"notes/{name}", fields=("count",))
    return note


def create_or_refuse(session: Session, name: str) -> Note:
    if session.scalars(sa.select(Note).where(Note.name == name)).first():
        raise AlreadyExists("NAME_TAKEN", f"{name} exists.")
    return create(session, name)


def create_then_fail(session: Session, name: str) -> None:
    create(session, name)
    raise NotFound("NO_SUCH_NOTE", "after having written")


def touch_without_change(session: Session) -> int:
    return len(session.scalars(sa.select(Note)).all())


def append_texts(session: Session, items: list[tuple[str, str]]) -> list[str | MeshError]:
    """Grouped: for each (name, letter) the text so far, in the order of the items."""
    names = sorted({name for name, _ in items})
    notes = {
        note.name: note for note in session.scalars(sa.select(Note).where(among(Note.name, names)))
    }
    results: list[str | MeshError] = []
    for item, (name, letter) in enumerate(items):
        note = notes.get(name)
        if note is None:
            results.append(NotFound("NO_SUCH_NOTE", name))
            continue
        note.text += letter
        session.emit(ChangeKind.UPDATED, note, fields=("text",), item=item)
        results.append(note.text)
    return results


def all_notes(session: Session) -> dict[str, Note]:
    return {note.name: note for note in session.scalars(sa.select(Note))}


def count_rows(session: Session, table: sa.Table) -> int:
    return session.scalars(sa.select(sa.func.count()).select_from(table)).one()


def note_reply(note: Note) -> StringValue:
    return StringValue(value=f"{note.name}@{note.revision}")


def call(subject: str = "users/1", *, action: str = "", request_id: str = "") -> Call:
    caller = Caller(CallerKind.USER, subject, display_name="Ada")
    return Call("/weft.Notes/Do", caller, request_id, "trace", action, "notes/-")


@contextlib.contextmanager
def calling(call: Call) -> Iterator[Call]:
    """Within it, `call` is under way."""
    token = current_call.set(call)
    try:
        yield call
    finally:
        current_call.reset(token)


async def create_tables(url: str) -> None:
    """What a migration would do, without one."""
    if url.startswith("sqlite"):
        engine = sa.create_engine(url)
        Base.metadata.create_all(engine)
        engine.dispose()
        return
    postgres = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    async with postgres.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await postgres.dispose()


async def open_notes(url: str, settings: DatabaseSettings | None = None) -> Database:
    return await Database.open(
        url, metadata=Base.metadata, encode_event=encode_event, settings=settings
    )
