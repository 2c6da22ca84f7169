"""The first services of a mesh, invited before there is an administrator to invite them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from controlplane import store
from controlplane.identity import opaque
from controlplane.identity.opaque import Secret, matches
from controlplane.lifecycle import Phase
from controlplane.operations import enrollments, workspaces
from controlplane.operations.enrollments import NewEnrollment
from controlplane.operations.workspaces import NewWorkspace
from meshkit.errors import Unauthenticated
from meshkit.session import Session
from meshkit.spiffe import Role

LIFE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Founder:
    """A service that joins at once: what it is, and the names in its certificate."""

    role: Role
    host_names: tuple[str, ...]


def invite(
    session: Session,
    organization: str,
    workspace: str,
    founders: Mapping[str, Founder],
    *,
    kept: Mapping[str, str],
    trust_domain: str,
) -> dict[str, Secret]:
    """New tokens for those whose kept ones lead nowhere; none once there is an administrator.

    From then on it is theirs to say who joins.
    """
    if store.bindings.has_administrator(session, organization):
        return {}
    wanting = {
        name: founder
        for name, founder in founders.items()
        if not _leads_somewhere(session, kept.get(name, ""), founder)
    }
    if wanting and store.workspaces.get(session, organization, workspace) is None:
        new = NewWorkspace(workspace)
        workspaces.register(session, organization, new, creator="", phase=Phase.RUNNING)
    return {
        name: enrollments.create(
            session,
            organization,
            _enrollment(founder, workspace),
            trust_domain=trust_domain,
            creator="",
        ).token
        for name, founder in wanting.items()
    }


def _enrollment(founder: Founder, workspace: str) -> NewEnrollment:
    """The first workspace is one of many: who serves it serves those to come."""
    if founder.role is Role.WORKSPACE:
        return NewEnrollment(founder.role, (workspace,), founder.host_names, LIFE)
    # Its host, until somebody gives it a better one.
    name = founder.host_names[0]
    return NewEnrollment(
        founder.role, (), founder.host_names, LIFE, all_workspaces=True, display_name=name
    )


def _leads_somewhere(session: Session, token: str, founder: Founder) -> bool:
    """Whether somebody joined by a token, or still can, under the names that are wanted."""
    try:
        presented = opaque.read_enrollment_token(token)
    except Unauthenticated:
        return False
    row = store.enrollments.find(session, UUID(presented.id))
    if row is None or not matches(presented, row.digest) or row.revoke_time is not None:
        return False
    is_open = row.expire_time > session.now and tuple(row.host_names) == founder.host_names
    return row.use_time is not None or is_open
