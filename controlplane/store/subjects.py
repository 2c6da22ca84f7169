"""Who a name stands for: the one place that knows every kind of subject."""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from controlplane.store import organizations, service_accounts, teams
from controlplane.store.schema import User
from controlplane.subjects import Subject, SubjectKind, user
from meshkit.session import Session


class _Finder(Protocol):
    """Finds a subject of one kind by the last id of its name."""

    def __call__(
        self, session: Session, organization: str, id_: str, /, *, keep: bool
    ) -> Subject | None: ...


def find(session: Session, organization: str, name: str, *, keep: bool = True) -> Subject | None:
    """The subject of a name, if it belongs to the organization; None otherwise.

    Names are "users/<uuid>", "organizations/<o>/teams/<id>" and
    "organizations/<o>/serviceAccounts/<id>". What is found cannot be deleted before the
    transaction ends, unless a mere reader does not `keep` it.
    """
    parent, _, last = name.rpartition("/")
    owner, _, collection = parent.rpartition("/")
    finder = _FINDERS.get(collection)
    expected = "" if collection == "users" else f"organizations/{organization}"
    return finder(session, organization, last, keep=keep) if finder and owner == expected else None


def is_active(session: Session, subject: Subject) -> bool:
    """Whether a person or program may act at all: not shut, disabled or deleted."""
    if subject.kind is SubjectKind.USER:
        person = session.get(User, subject.uid)
        return person is not None and person.is_active
    account = service_accounts.find(session, subject.uid)
    return account is not None and account.disable_time is None


def _user(session: Session, organization: str, id_: str, *, keep: bool) -> Subject | None:
    try:
        uid = UUID(id_)
    except ValueError:
        return None
    is_member = organizations.keep_member if keep else organizations.is_member
    return user(uid) if is_member(session, organization, uid) else None


def _program(session: Session, organization: str, id_: str, *, keep: bool) -> Subject | None:
    row = (service_accounts.lock if keep else service_accounts.get)(session, organization, id_)
    return row.subject if row else None


def _team(session: Session, organization: str, id_: str, *, keep: bool) -> Subject | None:
    row = (teams.lock if keep else teams.get)(session, organization, id_)
    return row.subject if row else None


_FINDERS: Mapping[str, _Finder] = {
    "serviceAccounts": _program,
    "teams": _team,
    "users": _user,
}
