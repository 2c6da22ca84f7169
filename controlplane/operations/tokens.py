"""Access tokens for workspaces."""

from dataclasses import dataclass
from uuid import UUID

from controlplane.identity.tokens import Origin
from controlplane.operations import sessions, workspaces
from controlplane.store.schema import Workspace
from meshkit.session import Session


@dataclass(frozen=True, slots=True)
class Mintable:
    """From what, and for which workspace, a token is made."""

    origin: Origin
    workspace: Workspace


def mint(
    session: Session, organization: str, workspace: str, *, user_uid: UUID, sid: UUID
) -> Mintable:
    """Answers what a workspace token is made from; its audit row is the only thing written."""
    row = workspaces.require(session, organization, workspace)
    origin = sessions.origin_of(session, user_uid, sid)
    session.audited(resource=row.name)
    return Mintable(origin, row)
