"""What writes of code repositories mean."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names
from workspace.operations import changes
from workspace.operations.authors import Author, hold_secret
from workspace.operations.refusals import MOST_USERS, absent, in_use, invalid, taken
from workspace.store import code_repositories as store
from workspace.store import projects as project_store
from workspace.store.base import insert
from workspace.store.schema_code_repositories import CodeArchive, CodeRepository

# What decides which token goes where: whoever changes it may read the token.
_STEERING = frozenset({"url", "api_url", "secret", "secret_key", "username"})
_URL = re.compile(
    r"(https|http|git)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9.-]*)(:[0-9]{1,5})?"
    r"/[A-Za-z0-9._~+%@/-]+"
)
# Kind -> schemes, and how many parts a path has at least and at most.
_SHAPES = {
    "GIT": (("https", "http", "git"), 1, 64),
    "GITHUB": (("https", "http"), 2, 2),
    "GITLAB": (("https", "http"), 2, 64),
}
_MAX_PORT = 65_535


def create(
    session: Session, project: str, repository: str, values: Mapping[str, Any], *, author: Author
) -> CodeRepository:
    """Creates a code repository; AlreadyExists, NotFound for its project or secret.

    `values` are the fields by name, `secret` an id. InvalidArgument for a URL of no repository.
    """
    if not project_store.existing(session, {project}):
        raise absent(names.project(project))
    _check(values)
    row = CodeRepository(
        uid=new_uid(),
        project=project,
        id=repository,
        creator=author.subject,
        create_time=session.now,
        update_time=session.now,
        secret_reader=author.subject,
        **values,
    )
    if store.get(session, project, repository):
        raise taken(row.name)
    if row.secret:
        hold_secret(session, row.secret, author)
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def change(
    session: Session,
    project: str,
    repository: str,
    values: Mapping[str, Any],
    *,
    etag: str,
    author: Author,
) -> CodeRepository:
    """Gives fields new values; NotFound, Aborted, InvalidArgument, or PermissionDenied."""
    row = _locked(session, project, repository, etag)
    steered = {name for name in _STEERING & values.keys() if values[name] != getattr(row, name)}
    if steered:
        after = {"kind": row.kind, "url": row.url, "api_url": row.api_url, **values}
        _check(after)
        if secret := values.get("secret", row.secret):
            hold_secret(session, secret, author)
        # Read as whoever steers it from now on.
        row.secret_reader = author.subject
        store.steer(session, row)
    changes.apply(session, row, values)
    return row


def delete(session: Session, project: str, repository: str, *, etag: str) -> None:
    """Deletes a code repository whose commits nobody is about to run again."""
    row = _locked(session, project, repository, etag)
    users = store.users(session, row, MOST_USERS + 1)
    if users:
        raise in_use(row.name, users)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def require(session: Session, project: str, repository: str) -> CodeRepository:
    """A code repository to be asked; NotFound."""
    row = store.get(session, project, repository)
    if row is None:
        raise absent(_name(project, repository))
    return row


def hold(session: Session, project: str, repository: str) -> None:
    """Nobody deletes it before the commit; NotFound."""
    if store.lock(session, project, repository) is None:
        raise absent(_name(project, repository))


def keep_archive(session: Session, fetched: CodeArchive, project: str, repository: str) -> None:
    """Remembers what was fetched, unless the code repository is another one by now."""
    row = store.lock(session, project, repository)
    if row and row.uid == fetched.repository_uid:
        store.keep_archive(session, fetched)


def record_use(session: Session, name: str) -> None:
    """Records that somebody had a code repository asked."""
    session.audited(resource=name)


def _check(values: Mapping[str, Any]) -> None:
    if values["kind"] not in _SHAPES:
        raise invalid("code_repository.kind", "must be said")
    schemes, least, most = _SHAPES[values["kind"]]
    url = _checked("url", values["url"])
    parts = urlsplit(url).path.strip("/").split("/")
    if urlsplit(url).scheme not in schemes or not least <= len(parts) <= most:
        raise invalid("code_repository.url", f"is not one of a {values['kind']} repository")
    if not values["api_url"]:
        return
    if values["kind"] == "GIT":
        raise invalid("code_repository.api_url", "is for kinds that have a REST API")
    if urlsplit(_checked("api_url", values["api_url"])).scheme == "git":
        raise invalid("code_repository.api_url", "must be an https URL")


def _checked(field: str, url: str) -> str:
    found = _URL.fullmatch(url)
    port = int((found[3] or ":0")[1:]) if found else 0
    parts = url.split("/")[3:]
    if not found or port > _MAX_PORT or ".." in parts or "" in parts[:-1]:
        raise invalid(
            f"code_repository.{field}",
            "must be an https URL of a host and a path, without user, query or fragment",
        )
    return url


def _locked(session: Session, project: str, repository: str, etag: str) -> CodeRepository:
    row = store.lock(session, project, repository)
    if row is None:
        raise absent(_name(project, repository))
    changes.check_etag(row, etag)
    return row


def _name(project: str, repository: str) -> str:
    return names.child(names.project(project), "codeRepositories", repository)
