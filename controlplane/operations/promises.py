"""What an invitation promises: roles and teams, resolved when it is made, kept when it is accepted.

Names are kept with the UUIDs they stood for. What they stand for no longer, what the inviter could
not give any more, and a team that is full by then are left out when the person comes: what others
did meanwhile must not keep them out. The invitation says what was left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane import store
from controlplane.chains import chain_of
from controlplane.names import organization_of
from controlplane.operations import access, guards, own_acts, roles, teams
from controlplane.operations.access import NewBinding
from controlplane.operations.refusals import absent, not_permitted
from controlplane.permissions import Grant, Scope, held_on
from controlplane.store.schema import User
from controlplane.store.schema_members import Invitation
from controlplane.subjects import Subject
from meshkit.errors import AlreadyExists, NotFound, PermissionDenied, ResourceExhausted
from meshkit.session import Session


@dataclass(frozen=True, slots=True)
class PromisedRole:
    """A role that waits; as it stands in the table."""

    role: str
    workspace: str = ""
    project: str = ""
    item: str = ""
    role_uid: str = ""
    workspace_uid: str = ""

    def scope(self, organization: str) -> Scope:
        return Scope(organization, self.workspace, self.project, self.item)


@dataclass(frozen=True, slots=True)
class PromisedTeam:
    """A team that waits; as it stands in the table."""

    team: str
    team_uid: str = ""


@dataclass(frozen=True, slots=True)
class Promises:
    """All that waits for one person."""

    roles: Sequence[PromisedRole]
    teams: Sequence[PromisedTeam]


def of(row: Invitation) -> Promises:
    """What an invitation promises."""
    return Promises(
        [PromisedRole(**role) for role in row.roles], [PromisedTeam(**team) for team in row.teams]
    )


def left_out(row: Invitation) -> Promises:
    """What of it could not be kept."""
    return Promises(
        [PromisedRole(**role) for role in row.roles_left_out],
        [PromisedTeam(**team) for team in row.teams_left_out],
    )


def resolved(session: Session, organization: str, wanted: Promises) -> Promises:
    """The promises with what their names stand for now; raises NotFound."""
    return Promises(
        [_role(session, organization, role) for role in dict.fromkeys(wanted.roles)],
        [_team(session, organization, team) for team in dict.fromkeys(wanted.teams)],
    )


def require_may_give(
    session: Session, organization: str, promised: Promises, inviter: Subject
) -> None:
    """Raises NOT_PERMITTED or PRIVILEGE_ESCALATION unless the inviter could give it all; NotFound.

    An invitation is another way to grant a role and to fill a team, and no way around either.
    """
    given, needed = [], []
    for role in promised.roles:
        scope = role.scope(organization)
        needed.append(("roleBindings.create", scope))
        given.append(Grant(roles.require(session, organization, role.role).permissions, scope))
    for team in promised.teams:
        subject = teams.require(session, organization, team.team).subject
        needed.append(("teamMembers.add", Scope(organization)))
        given += (held.grant for held in store.bindings.granted_to(session, subject))
    grants = guards.grants_of(session, inviter)
    for permission, scope in needed:
        if permission not in held_on(grants, scope):
            raise not_permitted(permission)
    guards.require_held(session, inviter, given)


def keep(session: Session, row: Invitation, user: User) -> Promises:
    """Gives a new member what waited for them, on the word of the inviter; answers what it did
    not."""
    promised = of(row)
    return Promises(
        [role for role in promised.roles if not _is_granted(session, row, user, role)],
        [team for team in promised.teams if not _is_joined(session, row, user, team)],
    )


def _is_granted(session: Session, row: Invitation, user: User, role: PromisedRole) -> bool:
    organization, inviter = row.organization, row.inviter
    new = NewBinding(user.name, role.role, role.scope(organization))
    try:
        _require_still(session, organization, Promises([role], []), inviter)
        granted = access.create(session, organization, new, creator=inviter)
    except AlreadyExists:
        return True
    except (NotFound, PermissionDenied):
        return False
    _record(session, granted.creator, "RoleBinding.Create", granted.name)
    return True


def _is_joined(session: Session, row: Invitation, user: User, team: PromisedTeam) -> bool:
    organization, inviter = row.organization, row.inviter
    try:
        _require_still(session, organization, Promises([], [team]), inviter)
        (member,) = teams.add(session, organization, team.team, [user.name], caller=inviter)
    except (NotFound, PermissionDenied, ResourceExhausted):
        return False
    _record(session, member.creator, "TeamMember.Create", member.name)
    return True


def _record(session: Session, inviter: str, action: str, name: str) -> None:
    """Says what the person got; the row of their own call is about the invitation."""
    own_acts.record(session, chain_of(organization_of(name)), action, name, on_word_of=inviter)


def _require_still(
    session: Session, organization: str, promised: Promises, inviter: Subject
) -> None:
    """Raises unless the names stand for what they stood for, and the inviter could give it now."""
    if resolved(session, organization, promised) != promised:
        raise absent(f"organizations/{organization}")
    require_may_give(session, organization, promised, inviter)


def _role(session: Session, organization: str, role: PromisedRole) -> PromisedRole:
    grantable = roles.require(session, organization, role.role)
    workspace_uid = access.workspace_uid(session, organization, role.scope(organization))
    return PromisedRole(
        role.role,
        role.workspace,
        role.project,
        role.item,
        str(grantable.uid or ""),
        str(workspace_uid or ""),
    )


def _team(session: Session, organization: str, team: PromisedTeam) -> PromisedTeam:
    return PromisedTeam(team.team, str(teams.require(session, organization, team.team).uid))
