"""Why somebody may do something: which grants give it, through which teams, until when."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from controlplane import store
from controlplane.operations.refusals import absent
from controlplane.permissions import Scope, given_on
from controlplane.store.bindings import Held
from controlplane.subjects import Subject
from meshkit.session import Session


@dataclass(frozen=True, slots=True)
class Explanation:
    """The grants that count on a resource, and each permission with those that give it."""

    grants: Sequence[Held]
    permissions: Mapping[str, Sequence[Held]]


def of_named(session: Session, name: str, scope: Scope, *, only: Collection[str]) -> Explanation:
    """As `of_subject`, for a name in the scope's organization; raises NotFound."""
    subject = store.subjects.find(session, scope.organization, name, keep=False)
    if subject is None:
        raise absent(name)
    return of_subject(session, subject, scope, only=only)


def of_subject(
    session: Session, subject: Subject, scope: Scope, *, only: Collection[str]
) -> Explanation:
    """What a subject holds on a scope, limited to some permissions where these are named.

    And to what the token of a caller may do of it.
    """
    permissions = defaultdict[str, list[Held]](list)
    grants = []
    for held in store.bindings.held_by(session, subject):
        shown = given_on(held.grant, scope)
        for limit in (only or None, subject.scope):
            shown = shown if limit is None else shown.intersection(limit)
        if shown:
            grants.append(held)
        for permission in shown:
            permissions[permission].append(held)
    return Explanation(grants, permissions)
