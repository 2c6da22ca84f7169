"""What is done to servers of workspaces, whoever asks: an operation, or the watch over them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from controlplane.fleet.situation import Standing
from controlplane.linking.health import LinkRegistry
from controlplane.membership import MeshMembers
from controlplane.operations import enrollments
from controlplane.operations.enrollments import NewEnrollment
from controlplane.provisioners import Placement, Presence, Provisioner
from controlplane.store.schema import Workspace
from meshkit.database import Database
from meshkit.jobs import Lease
from meshkit.session import Session
from meshkit.spiffe import Role

_TOKEN_TTL = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Tools:
    """What the fleet is kept with."""

    database: Database
    provisioner: Provisioner
    registry: LinkRegistry
    members: MeshMembers
    trust_domain: str
    # SHA-256 of the CA in hex: the end of an enrollment token.
    ca_digest: Callable[[], str]
    # How long a server may take to get ready.
    patience: timedelta


async def start(tools: Tools, lease: Lease, standing: Standing, version: str) -> None:
    """Has the server of a workspace run, with a token where it must join; ProvisionError."""
    observed = await tools.provisioner.observe(standing.uid)
    if observed.presence is Presence.PRESENT and observed.version == version:
        # It runs, or is joining with the token of a start that was cut off after it.
        return
    row = standing.view.row
    token = "" if standing.is_certified else await _invite(tools, lease, row)
    await tools.provisioner.place(Placement(standing.uid, row.name, version, token))


async def _invite(tools: Tools, lease: Lease, workspace: Workspace) -> str:
    names = tools.provisioner.host_names(workspace.uid)
    new = NewEnrollment(Role.WORKSPACE, (workspace.id,), names, _TOKEN_TTL)

    def invite(session: Session) -> enrollments.Created:
        lease.check(session)
        return enrollments.invite(
            session,
            workspace,
            new,
            trust_domain=tools.trust_domain,
            creator=workspace.creator,
        )

    created = await tools.database.write(invite)
    return f"{created.token}.{tools.ca_digest()}"


async def deny(tools: Tools, lease: Lease, workspace: Workspace) -> None:
    """Voids the certificates and tokens of a workspace, here and within seconds elsewhere."""

    def leave(session: Session) -> None:
        lease.check(session)
        enrollments.leave(session, workspace)

    await tools.database.write(leave)
    await tools.members.reload()
