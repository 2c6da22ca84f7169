"""Access tokens for workspaces."""

from dataclasses import dataclass

from controlplane.identity.tokens import Origin
from controlplane.operations import origins, workspaces
from controlplane.store.schema import Workspace
from meshkit.caller import Caller
from meshkit.session import Session


@dataclass(frozen=True, slots=True)
class Mintable:
    """From what, and for which workspace, a token is made."""

    origin: Origin
    workspace: Workspace


def mint(session: Session, organization: str, workspace: str, *, caller: Caller) -> Mintable:
    """Answers what a workspace token is made from; its audit row is the only thing written."""
    row = workspaces.require(session, organization, workspace)
    origin = origins.of(session, caller)
    session.audited(resource=row.name)
    return Mintable(origin, row)
