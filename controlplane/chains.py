"""Which audit chains a call is recorded in: those of the organizations that it concerns.

An organization is concerned by what happens to anything in it, and by its people and programs; who
belongs to several is the business of each. What concerns none, such as a sign-in to an account
that does not exist, stands in the platform's own chain.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from controlplane import store
from meshkit.audit import AuditEntry
from meshkit.session import Session

PLATFORM = "platform"


def chain_of(organization: str) -> str:
    """The chain of an organization, by its id."""
    return f"organizations/{organization}"


def chains_of(session: Session, entries: Sequence[AuditEntry]) -> Sequence[Iterable[str]]:
    """For the write door; a name that somebody made up gets no chain of its own."""
    found = _Concerned(session, entries)
    return [found.chains(entry) for entry in entries]


class _Concerned:
    """Looks up, for all entries at once, what their names refer to."""

    def __init__(self, session: Session, entries: Sequence[AuditEntry]) -> None:
        named = {_part(entry.note.resource, "organizations") for entry in entries}
        self._existing = store.audit.existing(session, sorted(named - {""}))
        people = {person for entry in entries for person in _people(entry)}
        self._memberships = store.audit.memberships(session, sorted(people)) if people else {}
        peers = {_peer(entry) for entry in entries} - {None}
        self._owners = store.audit.owners(session, [uid for uid in peers if uid]) if peers else {}

    def chains(self, entry: AuditEntry) -> list[str]:
        named = _part(entry.note.resource, "organizations")
        if named in self._existing:
            return [chain_of(named)]
        for person in _people(entry):
            if organizations := self._memberships.get(person):
                return [chain_of(organization) for organization in organizations]
        if owner := self._owners.get(_peer(entry)):
            return [chain_of(owner)]
        return [PLATFORM]


def _people(entry: AuditEntry) -> list[UUID]:
    """Whom it happened to, and who did it."""
    named = (entry.note.resource, entry.call.caller.subject)
    ids = (_part(name, kind) for name in named for kind in ("users", "serviceAccounts"))
    return [uid for uid in map(_uuid, ids) if uid]


def _peer(entry: AuditEntry) -> UUID | None:
    """The organization in the identity of the service that called."""
    peer = entry.call.caller.peer
    return peer.organization if peer else None


def _part(name: str, collection: str) -> str:
    """ "organizations/o/teams/t" -> "o" for organizations, "" for any other collection."""
    first, _, rest = name.partition("/")
    return rest.partition("/")[0] if first == collection else ""


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
