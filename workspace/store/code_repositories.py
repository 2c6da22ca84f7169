"""Queries of code repositories, and of what was fetched of them."""

from collections.abc import Iterator
from uuid import UUID

import sqlalchemy as sa

from meshkit.filters import Choices, Field, Fields, Filter, Kind
from meshkit.paging import OrderKey, Orders, Window
from meshkit.session import Session
from workspace.store.base import Rows, columns, every, ignore_conflicts, insert_or, update
from workspace.store.lists import Listed, listed, matching
from workspace.store.schema_code_repositories import CodeArchive, CodeRepository
from workspace.store.schema_schedules import Schedule
from workspace.store.schema_snapshots import Snapshot
from workspace.store.schema_triggers import Trigger

_C = columns(CodeRepository)
_A = columns(CodeArchive)
_S = columns(Snapshot)
KINDS = ("GIT", "GITHUB", "GITLAB")

ORDERS = Orders(
    (OrderKey("name", _C.id, value=lambda row: row.id), OrderKey("create_time", _C.create_time)),
    OrderKey("uid", _C.uid),
    default="name",
)
FIELDS = Fields(
    Field("create_time", Kind.TIMESTAMP, _C.create_time),
    Field(
        "kind",
        Kind.ENUM,
        _C.kind,
        choices=Choices({kind: n for n, kind in enumerate(KINDS, 1)}, "CODE_REPOSITORY_KIND_"),
    ),
    Field("url", Kind.STRING, _C.url),
)

_BY_ID = every(CodeRepository).where(
    _C.project == sa.bindparam("in_project"), _C.id == sa.bindparam("id_")
)
_GET = Rows(CodeRepository, _BY_ID, "in_project", "id_")
_LOCK = Rows(CodeRepository, _BY_ID.with_for_update(), "in_project", "id_")
_ARCHIVE = Rows(
    CodeArchive,
    every(CodeArchive).where(
        _A.repository_uid == sa.bindparam("of"),
        _A.commit_id == sa.bindparam("at"),
        _A.directory == sa.bindparam("below"),
    ),
    "of",
    "at",
    "below",
)


def get(session: Session, project: str, repository: str) -> CodeRepository | None:
    return _GET.first(session, project, repository)


def lock(session: Session, project: str, repository: str) -> CodeRepository | None:
    """The code repository, held until the commit."""
    return _LOCK.first(session, project, repository)


def list_page(
    session: Session, project: str, window: Window, filter_: Filter | None
) -> Listed[CodeRepository]:
    return listed(session, CodeRepository, window, _C.project == project, *matching(filter_))


def of_secret(session: Session, secret: str, limit: int) -> list[str]:
    """Names of code repositories whose token is in a secret."""
    query = sa.select(_C.project, _C.id).where(_C.secret == secret).order_by(_C.uid).limit(limit)
    found = session.connection().execute(query)
    return [f"projects/{project}/codeRepositories/{id_}" for project, id_ in found]


def users(session: Session, row: CodeRepository, limit: int) -> list[str]:
    """Names of published snapshots of its commits, and of what runs snapshots of them."""
    own = (_S.project == row.project, _S.code_repository == row.id)
    published = sa.select(_S.id).where(*own, _S.template.is_not(None)).order_by(_S.uid)
    found = session.connection().execute(published.limit(limit)).scalars()
    names = [f"projects/{row.project}/snapshots/{id_}" for id_ in found]
    for collection, cls in (("schedules", Schedule), ("triggers", Trigger)):
        names += _runners(session, row, collection, cls, limit - len(names))
    return names


def _runners(
    session: Session,
    row: CodeRepository,
    collection: str,
    cls: type[Schedule | Trigger],
    limit: int,
) -> Iterator[str]:
    runner = columns(cls)
    is_its = sa.and_(runner.project == _S.project, runner.snapshot == _S.id)
    query = (
        sa.select(runner.id)
        .join_from(Snapshot.__table__, cls.__table__, is_its)
        .where(_S.project == row.project, _S.code_repository == row.id)
        .order_by(runner.uid)
        .limit(limit)
    )
    for id_ in session.connection().execute(query).scalars():
        yield f"projects/{row.project}/{collection}/{id_}"


def delete(session: Session, row: CodeRepository) -> None:
    """Takes the row away; archives stay where they are, for the snapshots that name them."""
    forget_archives(session, row)
    table = CodeRepository.__table__
    session.connection().execute(table.delete().where(_C.uid == row.uid))


def archive(session: Session, repository: UUID, commit: str, directory: str) -> CodeArchive | None:
    """What was fetched of a commit before."""
    return _ARCHIVE.first(session, repository, commit, directory)


def keep_archive(session: Session, fetched: CodeArchive) -> None:
    """Remembers an archive; somebody else may have been quicker with the same one."""
    insert_or(session, [fetched], ignore_conflicts)


def steer(session: Session, row: CodeRepository) -> None:
    """Writes down as whom its token is read; what was fetched from elsewhere is forgotten."""
    update(session, [row], ("secret_reader",))
    forget_archives(session, row)


def forget_archives(session: Session, row: CodeRepository) -> None:
    """The next snapshot of a commit has it fetched again."""
    table = CodeArchive.__table__
    session.connection().execute(table.delete().where(_A.repository_uid == row.uid))
