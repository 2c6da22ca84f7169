"""What every change of access must respect: nobody gives more than they hold, and somebody
always remains in charge."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from controlplane import store
from controlplane.permissions import ADMIN, Grant, Scope, held_on
from controlplane.store.bindings import Held
from controlplane.subjects import Subject
from controlplane.subjects import user as subject_of_user
from meshkit.errors import FailedPrecondition, PermissionDenied
from meshkit.session import Session


def grants_of(session: Session, subject: Subject) -> list[Grant]:
    """What a subject holds now, and where: by itself and through its teams.

    A caller whose token is limited to a scope holds no more than that, to give it away either.
    """
    grants = [held.grant for held in store.bindings.held_by(session, subject)]
    if subject.scope is None:
        return grants
    return [replace(grant, permissions=grant.permissions & subject.scope) for grant in grants]


def require_held(session: Session, caller: Subject, given: Sequence[Grant]) -> None:
    """Raises PRIVILEGE_ESCALATION unless the caller holds all that is given, for as long.

    Whoever holds something for an hour cannot give it away for ever.
    """
    grants = grants_of(session, caller)
    for grant in given:
        lasting = [own for own in grants if own.outlasts(grant.expire_time)]
        _require_from_above(lasting, grant)


def require_held_now(session: Session, caller: Subject, taken: Sequence[Grant]) -> None:
    """As `require_held`, for taking away: who could not have given it cannot take it."""
    grants = grants_of(session, caller)
    for grant in taken:
        _require_from_above(grants, grant)


def require_covers(
    session: Session, caller: Subject, subject: Subject, organization: str = ""
) -> None:
    """Raises PRIVILEGE_ESCALATION where the subject may do more than the caller.

    In one organization, or wherever the subject may do anything at all. Whoever can act as
    somebody, or shut them out, must hold what they hold.
    """
    held = [] if subject == caller else grants_of(session, subject)
    inside = [grant for grant in held if organization in ("", grant.scope.organization)]
    require_held_now(session, caller, inside)


def require_may_become(session: Session, caller: Subject, subject: Subject) -> None:
    """As `require_covers` everywhere, and for as long: whoever can act as somebody goes on so."""
    if subject != caller:
        require_held(session, caller, grants_of(session, subject))


def require_in_charge(
    session: Session, caller: Subject, user_uid: UUID, permission: str, *, resource: str
) -> None:
    """Raises SHARED_ACCOUNT or PRIVILEGE_ESCALATION unless the caller may do this to an account.

    To all of it: in every organization that it belongs to, and to somebody who holds no more.
    """
    grants = grants_of(session, caller)
    for organization in store.organizations.of_user(session, user_uid):
        if permission not in held_on(grants, Scope(organization)):
            raise FailedPrecondition(
                "SHARED_ACCOUNT",
                "This account belongs to other organizations too; remove the member instead.",
                metadata={"resource": resource},
            )
    require_covers(session, caller, subject_of_user(user_uid))


def is_administration(held: Held) -> bool:
    """Whether a grant may be what keeps somebody in charge of its organization."""
    return held.row.role == ADMIN and held.grant.scope == Scope(held.row.organization)


def require_administrator(session: Session, organization: str) -> None:
    """Raises LAST_ADMINISTRATOR where a change, made already, left nobody in charge.

    In charge is a person who can sign in, with the built-in role on the whole organization, for
    good: a grant that ends, or a program, does not count. Changes that come here wait for each
    other, so that two administrators cannot remove one another.
    """
    store.organizations.lock(session, organization)
    session.flush()
    if not store.bindings.has_administrator(session, organization):
        raise FailedPrecondition(
            "LAST_ADMINISTRATOR",
            "This would leave the organization without an administrator who can sign in; make "
            "another one first, or let one choose a password.",
        )


def _require_from_above(own: Sequence[Grant], grant: Grant) -> None:
    # What a role on something below gives on a scope is for finding the way, and holds for
    # nothing else there: given away on the whole scope it would be more.
    above = [each for each in own if each.scope.holds(grant.scope)]
    missing = grant.permissions - held_on(above, grant.scope)
    if missing:
        raise _escalation(missing)


def _escalation(missing: frozenset[str]) -> PermissionDenied:
    return PermissionDenied(
        "PRIVILEGE_ESCALATION",
        "Nobody can grant, or take away, more than they hold there themselves.",
        metadata={"permission": min(missing)},
    )
