"""What a service is told on its link: the newest truth about policy, keys, trust and peers.

Each statement is read in one snapshot with the feed's revision, so that a link can wait for
the next change without missing one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from controlplane import store
from controlplane.ca import bundle_of
from controlplane.store.bindings import Granted
from controlplane.store.schema import TABLES, Enrollment, Link, SigningKey, Workspace
from controlplane.store.schema_authority import ACTIVE
from controlplane.subjects import Subject, SubjectKind
from meshkit.feed import read_head
from meshkit.session import Session
from meshkit.spiffe import Role, SpiffeId


@dataclass(frozen=True, slots=True)
class GrantStatement:
    """`resource` is relative to the workspace: "" for all of it, "projects/p/runs/r"."""

    subject: str
    role: str
    resource: str
    expire_time: datetime | None


@dataclass(frozen=True, slots=True)
class RevocationStatement:
    subject: str
    not_before: datetime


@dataclass(frozen=True, slots=True)
class PolicyStatement:
    """Who may do what in one workspace."""

    workspace: str
    roles: tuple[tuple[str, tuple[str, ...]], ...]
    grants: tuple[GrantStatement, ...]
    revocations: tuple[RevocationStatement, ...]


@dataclass(frozen=True, slots=True)
class PeerStatement:
    """A service and where it is reached."""

    spiffe_id: str
    role: Role
    mesh_endpoint: str
    edge_endpoint: str
    workspaces: tuple[str, ...]
    display_name: str


@dataclass(frozen=True, slots=True)
class TrustStatement:
    """Whom to trust: the roots, the one that signs now, and what is denied all the same."""

    bundle_pem: str
    signing_root: str
    denied_serials: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statements:
    """Everything that a service is told; `policy` is for workspaces only."""

    revision: int
    time: datetime
    policy: PolicyStatement | None
    keys: tuple[tuple[tuple[str, str], ...], ...]
    trust: TrustStatement
    directory: tuple[PeerStatement, ...]


def read(session: Session, service: SpiffeId) -> Statements:
    """All statements for a service, as of one moment."""
    is_workspace = service.role is Role.WORKSPACE
    workspace = store.workspaces.find(session, service.uid) if is_workspace else None
    directory = _servants(session, workspace) if workspace else _served(session, str(service))
    return Statements(
        revision=read_head(session.connection(), TABLES).revision,
        time=session.now,
        policy=_policy(session, workspace) if workspace else None,
        keys=published(store.keys.all_keys(session)),
        trust=_trust(session),
        directory=directory,
    )


def _trust(session: Session) -> TrustStatement:
    roots = store.roots.all_roots(session)
    (signing,) = (root.fingerprint for root in roots if root.state == ACTIVE)
    return TrustStatement(
        bundle_of((root.certificate_pem, root.state) for root in roots),
        signing,
        tuple(store.enrollments.denied_serials(session)),
    )


def published(rows: Sequence[SigningKey]) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The keys as sorted pairs, which compare."""
    return tuple(tuple(sorted(row.jwk.items())) for row in rows)


def _policy(session: Session, workspace: Workspace) -> PolicyStatement:
    granted = store.bindings.touching_workspace(session, workspace.organization, workspace.uid)
    known = store.roles.permissions(session, workspace.organization)
    revocations = store.sessions.live_revocations(session)
    return PolicyStatement(
        workspace.name,
        tuple((role, tuple(sorted(known[role]))) for role in sorted({g.role for g in granted})),
        _grants(session, granted),
        tuple(RevocationStatement(row.subject, row.not_before) for row in revocations),
    )


def _grants(session: Session, granted: Sequence[Granted]) -> tuple[GrantStatement, ...]:
    """Each grant to a person or program, those to a team once for each of its members."""
    is_team = SubjectKind.TEAM.value
    teams = {each.subject_uid for each in granted if each.subject_kind == is_team}
    members = store.teams.subjects_by_team(session, sorted(teams))
    return tuple(
        GrantStatement(subject.claim, each.role, _relative(each), each.expire_time)
        for each in granted
        for subject in _holders(each, members)
    )


def _holders(granted: Granted, members: Mapping[UUID, Sequence[Subject]]) -> Sequence[Subject]:
    if granted.subject_uid in members:
        return members[granted.subject_uid]
    return (Subject(SubjectKind(granted.subject_kind), granted.subject_uid),)


def _relative(granted: Granted) -> str:
    project = f"projects/{granted.project}" if granted.project else ""
    return f"{project}/{granted.item}" if granted.item else project


def _servants(session: Session, workspace: Workspace) -> tuple[PeerStatement, ...]:
    """The workload managers and gateways of a workspace; whom else they serve is not told."""
    return _peers(
        session,
        {
            row: workspace
            for row in store.enrollments.serving(session, workspace)
            if row.role != Role.WORKSPACE.value and row.use_time is not None
        },
    )


def _served(session: Session, spiffe_id: str) -> tuple[PeerStatement, ...]:
    """The workspaces of a workload manager or a gateway, as far as they have joined."""
    own = [row.uid for row in store.enrollments.of_service(session, spiffe_id)]
    served = store.enrollments.served_by(session, own)
    return _peers(session, store.enrollments.servers_of(session, served))


def _peers(session: Session, joined: Mapping[Enrollment, Workspace]) -> tuple[PeerStatement, ...]:
    """Who joined first comes first: new workloads go to the first manager, whoever joins later."""
    # One service may hold several enrollments; peers know it by its one identity.
    by_age = sorted(joined, key=lambda row: (row.create_time, row.spiffe_id))
    by_identity = {row.spiffe_id: row for row in by_age}
    links = store.links.by_identity(session, list(by_identity))
    return tuple(
        _peer(row, links.get(spiffe_id), joined[row]) for spiffe_id, row in by_identity.items()
    )


def _peer(row: Enrollment, link: Link | None, workspace: Workspace) -> PeerStatement:
    return PeerStatement(
        row.spiffe_id,
        Role(row.role),
        link.mesh_endpoint if link else "",
        link.edge_endpoint if link else "",
        (workspace.name,),
        row.display_name,
    )
