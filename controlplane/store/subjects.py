"""Who a name stands for: the one place that knows every kind of subject."""

from collections.abc import Callable, Mapping
from uuid import UUID

from controlplane.store import organizations, service_accounts, teams
from controlplane.subjects import Subject, user
from meshkit.session import Session


def find(session: Session, organization: str, name: str) -> Subject | None:
    """The subject of a name, if it belongs to the organization; None otherwise.

    Names are "users/<uuid>", "organizations/<o>/teams/<id>" and
    "organizations/<o>/serviceAccounts/<id>". What is found cannot be deleted before the
    transaction ends.
    """
    parent, _, last = name.rpartition("/")
    owner, _, collection = parent.rpartition("/")
    finder = _FINDERS.get(collection)
    expected = "" if collection == "users" else f"organizations/{organization}"
    return finder(session, organization, last) if finder and owner == expected else None


def _user(session: Session, organization: str, id_: str) -> Subject | None:
    try:
        uid = UUID(id_)
    except ValueError:
        return None
    return user(uid) if organizations.keep_member(session, organization, uid) else None


def _service_account(session: Session, organization: str, id_: str) -> Subject | None:
    row = service_accounts.lock(session, organization, id_)
    return row.subject if row else None


def _team(session: Session, organization: str, id_: str) -> Subject | None:
    row = teams.lock(session, organization, id_)
    return row.subject if row else None


_FINDERS: Mapping[str, Callable[[Session, str, str], Subject | None]] = {
    "serviceAccounts": _service_account,
    "teams": _team,
    "users": _user,
}
