"""How services are let into the mesh, and thrown out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from controlplane import store
from controlplane.ca import Issued
from controlplane.identity import opaque
from controlplane.identity.opaque import OpaqueToken, Secret, invalid_enrollment, matches
from controlplane.store.schema import Certificate, Enrollment, EnrollmentWorkspace, Workspace
from controlplane.store.schema_authority import ACTIVE
from meshkit.errors import Aborted, NotFound, PermissionDenied
from meshkit.feed import ChangeKind
from meshkit.session import Session
from meshkit.spiffe import Role, SpiffeId


class RootReplacedError(Aborted):
    """This replica signed with a root that another one has replaced."""

    def __init__(self) -> None:
        super().__init__(
            "ROOT_REPLACED", "The CA was replaced at this very moment; ask for it once more."
        )


@dataclass(frozen=True, slots=True)
class NewEnrollment:
    """What may join, and where it will be reached."""

    role: Role
    workspaces: tuple[str, ...]
    host_names: tuple[str, ...]
    ttl: timedelta
    all_workspaces: bool = False
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class Created:
    """A new enrollment, its workspaces, and its token, which is nowhere else."""

    row: Enrollment
    workspaces: Sequence[Workspace]
    token: Secret


@dataclass(frozen=True, slots=True)
class Member:
    """An identity that may have a certificate, with the names that go into it."""

    enrollment_uid: UUID
    identity: SpiffeId
    host_names: tuple[str, ...]


def create(
    session: Session, organization: str, new: NewEnrollment, *, trust_domain: str, creator: str
) -> Created:
    """Makes a one-time token for a service; raises NotFound for an unknown workspace."""
    workspaces = [_workspace(session, organization, name) for name in sorted(set(new.workspaces))]
    token, uid, digest = opaque.make(opaque.ENROLLMENT_TOKEN)
    identity = (
        _identity_of(session, organization, workspaces, trust_domain)
        if new.role is Role.WORKSPACE
        else SpiffeId(trust_domain, new.role, uid)
    )
    row = Enrollment(
        uid=uid,
        organization=organization,
        role=new.role.value,
        host_names=list(new.host_names),
        digest=digest,
        creator=creator,
        create_time=session.now,
        expire_time=session.now + new.ttl,
        spiffe_id=str(identity),
        all_workspaces=new.all_workspaces,
        display_name=new.display_name,
    )
    session.add(row)
    session.flush()
    session.add_all(
        EnrollmentWorkspace(enrollment_uid=uid, workspace_uid=workspace.uid)
        for workspace in workspaces
    )
    session.emit(ChangeKind.CREATED, row)
    fields = ("display_name", "role", "workspaces", "all_workspaces", "host_names")
    session.audited(resource=row.name, fields=fields)
    return Created(row, workspaces, token)


def look_up(session: Session, presented: OpaqueToken) -> Member:
    """Who the bearer of a token may become; raises INVALID_ENROLLMENT. Changes nothing."""
    row = _usable(session, store.enrollments.find(session, UUID(presented.id)), presented)
    return _member(row)


def use(session: Session, presented: OpaqueToken, issued: Issued) -> None:
    """Takes note that the token was used for this certificate's key.

    The first key wins; the same key may come again within the token's life, since answers get
    lost. Raises INVALID_ENROLLMENT, ROOT_REPLACED.
    """
    row = store.enrollments.lock_any(session, UUID(presented.id))
    row = _usable(session, row, presented)
    if row.key_hash is not None and row.key_hash != issued.key_hash:
        raise invalid_enrollment()
    row.key_hash = issued.key_hash
    row.use_time = row.use_time or session.now
    _record(session, row, issued)
    session.emit(ChangeKind.UPDATED, row, fields=("state", "spiffe_id"))
    session.audited(resource=row.name, fields=("state",))


def look_up_member(session: Session, serial: str, spiffe_id: str) -> Member:
    """Who renews, by the certificate in use; raises PermissionDenied once revoked."""
    return _member(_live(session, serial, spiffe_id))


def renew(session: Session, serial: str, issued: Issued) -> None:
    """Takes note of a renewed certificate; raises PermissionDenied once revoked, ROOT_REPLACED."""
    row = _live(session, serial, str(issued.identity))
    _record(session, row, issued)
    session.audited(resource=row.name, fields=("certificate",))


def change(
    session: Session, organization: str, uid: UUID, values: Mapping[str, object]
) -> Enrollment:
    """Gives fields new values; raises NotFound."""
    row = _locked(session, organization, uid)
    differing = {name: new for name, new in values.items() if getattr(row, name) != new}
    for name, value in differing.items():
        setattr(row, name, value)
    if differing:
        session.emit(ChangeKind.UPDATED, row, fields=tuple(differing))
    session.audited(resource=row.name, fields=tuple(differing))
    return row


def revoke(session: Session, organization: str, uid: UUID) -> Enrollment:
    """Voids a token and denies the certificates it led to; raises NotFound."""
    row = _locked(session, organization, uid)
    _revoke(session, row)
    session.audited(resource=row.name, fields=("state",))
    return row


def invite(
    session: Session, workspace: Workspace, new: NewEnrollment, *, trust_domain: str, creator: str
) -> Created:
    """A token for the server of a workspace, in place of those that it has not used."""
    for row in store.enrollments.serving(session, workspace):
        if row.role == Role.WORKSPACE.value and row.use_time is None:
            _revoke(session, row)
    return create(session, workspace.organization, new, trust_domain=trust_domain, creator=creator)


def leave(session: Session, workspace: Workspace) -> None:
    """A workspace is gone: its own server is out, and so is whoever served nothing else."""
    for row in store.enrollments.serving(session, workspace):
        others = [
            other
            for other in store.enrollments.workspaces_of(session, [row.uid])[row.uid]
            if other.uid != workspace.uid and other.delete_time is None
        ]
        if not (others or row.all_workspaces):
            _revoke(session, row)


def _locked(session: Session, organization: str, uid: UUID) -> Enrollment:
    row = store.enrollments.lock(session, organization, uid)
    if row is None:
        name = f"organizations/{organization}/enrollments/{uid}"
        raise NotFound("RESOURCE_NOT_FOUND", f"There is no {name}.", metadata={"resource": name})
    return row


def _revoke(session: Session, row: Enrollment) -> None:
    if row.revoke_time is None:
        row.revoke_time = session.now
        session.emit(ChangeKind.UPDATED, row, fields=("state",))


def _record(session: Session, row: Enrollment, issued: Issued) -> None:
    """Keeps what was issued; raises ROOT_REPLACED where that root is not the one that signs.

    Else its holder would not be among those that the rollover waits for.
    """
    root = store.roots.keep(session, issued.root)
    if root is None or root.state != ACTIVE:
        raise RootReplacedError
    session.add(
        Certificate(
            serial=issued.serial,
            enrollment_uid=row.uid,
            create_time=session.now,
            not_after=issued.not_after,
            root=issued.root,
        )
    )


def _usable(session: Session, row: Enrollment | None, presented: OpaqueToken) -> Enrollment:
    if (
        row is None
        or not matches(presented, row.digest)
        or row.revoke_time is not None
        or row.expire_time <= session.now
    ):
        raise invalid_enrollment()
    return row


def _live(session: Session, serial: str, spiffe_id: str) -> Enrollment:
    row = store.enrollments.by_serial(session, serial)
    if row is None or row.revoke_time is not None or row.spiffe_id != spiffe_id:
        raise PermissionDenied(
            "CALLER_NOT_ALLOWED", "This service is no longer a member; enrol it again."
        )
    return row


def _member(row: Enrollment) -> Member:
    return Member(row.uid, SpiffeId.parse(row.spiffe_id), tuple(row.host_names))


def _workspace(session: Session, organization: str, workspace: str) -> Workspace:
    row = store.workspaces.get(session, organization, workspace)
    if row is None:
        name = f"organizations/{organization}/workspaces/{workspace}"
        raise NotFound("RESOURCE_NOT_FOUND", f"There is no {name}.", metadata={"resource": name})
    return row


def _identity_of(
    session: Session, organization: str, workspaces: Sequence[Workspace], trust_domain: str
) -> SpiffeId:
    """A workspace's server is the workspace; other services are who enrolled."""
    owner = store.organizations.get(session, organization)
    assert owner is not None
    (workspace,) = workspaces
    return SpiffeId(trust_domain, Role.WORKSPACE, workspace.uid, owner.uid)
