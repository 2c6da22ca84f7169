"""What is said of artifacts after they were made, and how they end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from meshkit.errors import FailedPrecondition
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.paging import Window
from meshkit.session import Session
from workspace import names
from workspace.operations import changes
from workspace.operations.changes import check_etag
from workspace.operations.refusals import absent, taken
from workspace.store import artifact_use as use
from workspace.store import artifacts as store
from workspace.store import models as model_store
from workspace.store.lists import Listed
from workspace.store.schema_artifacts import Artifact, ArtifactVersion, ContentRemoval

# Versions that one transaction deletes at most, and users that a refusal names.
MAX_DELETED = 500
_MAX_USERS = 5


def change_artifact(
    session: Session, project: str, artifact: str, values: Mapping[str, Any], *, etag: str
) -> Artifact:
    """Gives fields new values; NotFound, or Aborted where the etag is another one."""
    row = _locked(session, project, artifact, etag)
    changes.apply(session, row, values)
    return row


def change_version(
    session: Session, project: str, artifact: str, key: str, values: Mapping[str, Any], *, etag: str
) -> ArtifactVersion:
    """Gives fields new values; also AlreadyExists where another version has the alias."""
    row = _locked_version(session, project, artifact, key, etag)
    alias = values.get("alias")
    if alias and alias != row.alias and store.find(session, project, artifact, alias):
        raise taken(f"projects/{project}/artifacts/{artifact}/versions/{alias}")
    changes.apply(session, row, values)
    return row


def delete_version(
    session: Session, project: str, artifact: str, key: str, *, etag: str, with_content: bool
) -> None:
    """Deletes a version that nothing uses; FailedPrecondition names the users of one that is."""
    row = _locked_version(session, project, artifact, key, etag)
    _refuse_used(session, row.name, [row.uid])
    _remove(session, [row], with_content=with_content)
    session.audited(resource=row.name)


def delete_artifact(
    session: Session, project: str, artifact: str, *, etag: str, with_content: bool
) -> None:
    """Deletes an artifact and its versions; FailedPrecondition where one of them is used."""
    row = _locked(session, project, artifact, etag)
    versions = store.of_artifact(session, project, artifact, MAX_DELETED + 1)
    if len(versions) > MAX_DELETED:
        raise _in_use(row.name, f"has more than {MAX_DELETED} versions; prune them first", [])
    _refuse_used(session, row.name, [version.uid for version in versions])
    _delete_rows(session, versions, with_content=with_content)
    use.remove_artifact(session, row.uid)
    session.emit(ChangeKind.DELETED, row)


@dataclass(frozen=True, slots=True)
class Pruned:
    """The page that was looked at, and those of it that nothing uses."""

    page: Listed[ArtifactVersion]
    unused: list[ArtifactVersion]


def unused(session: Session, project: str, window: Window, before: datetime) -> Pruned:
    """Looks at a page of versions that are older than a time."""
    page = use.oldest(session, project, window, before)
    return Pruned(page, _unused(session, project, page.rows[: window.size]))


def prune(
    session: Session, project: str, window: Window, before: datetime, *, with_content: bool
) -> Pruned:
    """The same, and deletes them."""
    found = unused(session, project, window, before)
    held = {row.uid: row for row in use.lock(session, [row.uid for row in found.unused])}
    still = [held[row.uid] for row in found.unused if row.uid in held]
    # A step may have taken one in the meantime, on another replica.
    rows = _unused(session, project, still)
    _remove(session, rows, with_content=with_content)
    session.audited(resource=names.project(project))
    return Pruned(found.page, rows)


def _locked(session: Session, project: str, artifact: str, etag: str) -> Artifact:
    row = store.lock_many(session, project, [artifact]).get(artifact)
    if row is None:
        raise absent(f"projects/{project}/artifacts/{artifact}")
    check_etag(row, etag)
    return row


def _locked_version(
    session: Session, project: str, artifact: str, key: str, etag: str
) -> ArtifactVersion:
    # The artifact first, as those who number versions do: no two wait for each other.
    store.lock_many(session, project, [artifact])
    found = store.find(session, project, artifact, key)
    rows = use.lock(session, [found.uid]) if found else []
    if not rows:
        raise absent(f"projects/{project}/artifacts/{artifact}/versions/{key}")
    check_etag(rows[0], etag)
    return rows[0]


def _unused(
    session: Session, project: str, rows: Sequence[ArtifactVersion]
) -> list[ArtifactVersion]:
    plain = [row for row in rows if not (row.alias or row.labels)]
    if not plain:
        return []
    used = use.used(session, [row.uid for row in plain])
    newest = use.latest_numbers(session, project, sorted({row.artifact for row in plain}))
    active = use.active_runs(session, project, sorted({row.producer_run for row in plain}))
    return [
        row
        for row in plain
        if row.uid not in used
        and row.version != newest.get(row.artifact)
        and row.producer_run not in active
    ]


def _refuse_used(session: Session, name: str, versions: Sequence[UUID]) -> None:
    if not versions:
        return
    users = use.takers(session, versions, _MAX_USERS)
    users += model_store.users_of(session, versions, _MAX_USERS)
    if users:
        raise _in_use(name, f"is used by {', '.join(users)}", users)


def _in_use(name: str, why: str, users: Sequence[str]) -> FailedPrecondition:
    return FailedPrecondition(
        "RESOURCE_IN_USE",
        f"{name} {why}.",
        metadata={"resource": name, "dependents": ",".join(users)},
    )


def _remove(session: Session, rows: Sequence[ArtifactVersion], *, with_content: bool) -> None:
    """Deletes versions, and says which are now the newest of their artifacts."""
    if not rows:
        return
    project = rows[0].project
    artifacts = store.lock_many(session, project, {row.artifact for row in rows})
    _delete_rows(session, rows, with_content=with_content)
    gone = {(row.artifact, row.version) for row in rows}
    for artifact in artifacts.values():
        if (artifact.id, artifact.latest_version) in gone:
            last = store.newest(session, project, artifact.id)
            changes.apply(session, artifact, {"latest_version": last.version if last else 0})


def _delete_rows(session: Session, rows: Sequence[ArtifactVersion], *, with_content: bool) -> None:
    use.remove(session, [row.uid for row in rows])
    for row in rows:
        session.emit(ChangeKind.DELETED, row)
    if not (rows and with_content):
        return
    uris = {row.uri for row in rows}
    orphans = sorted(uris - use.held(session, sorted(uris)))
    project, now = rows[0].project, session.now
    use.want_removed(session, [ContentRemoval(new_uid(), project, uri, now) for uri in orphans])
