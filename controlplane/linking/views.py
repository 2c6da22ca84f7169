"""Workspaces and enrollments as people see them: registration joined with what links say."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from controlplane import store
from controlplane.operations import workspaces
from controlplane.permissions import Grant
from controlplane.store.schema import Enrollment, Link, Workspace
from meshkit.paging import Window
from meshkit.session import Session
from meshkit.spiffe import Role, SpiffeId


@dataclass(frozen=True, slots=True)
class WorkspaceView:
    """A workspace, whether its server has joined, and what it last said."""

    row: Workspace
    spiffe_id: str
    has_joined: bool
    link: Link | None

    # What pages are ordered by.
    @property
    def id(self) -> str:
        return self.row.id

    @property
    def uid(self) -> UUID:
        return self.row.uid


@dataclass(frozen=True, slots=True)
class EnrollmentView:
    """An enrollment with its workspaces."""

    row: Enrollment
    workspaces: Sequence[Workspace]

    @property
    def create_time(self) -> object:
        return self.row.create_time

    @property
    def uid(self) -> UUID:
        return self.row.uid


def workspace(
    session: Session, organization: str, workspace_id: str, *, trust_domain: str
) -> WorkspaceView:
    """One workspace; raises NotFound."""
    row = workspaces.require(session, organization, workspace_id)
    return _views(session, organization, [row], trust_domain)[0]


def visible_workspaces(
    session: Session,
    organization: str,
    grants: Sequence[Grant],
    window: Window,
    *,
    trust_domain: str,
) -> list[WorkspaceView]:
    """A page of the workspaces on which, above which or in which there is a grant."""
    scopes = [grant.scope for grant in grants if grant.scope.organization == organization]
    rows = store.workspaces.list_page(session, organization, scopes, window)
    return _views(session, organization, rows, trust_domain)


def enrollments(session: Session, organization: str, window: Window) -> list[EnrollmentView]:
    """A page of enrollments."""
    rows = store.enrollments.list_page(session, organization, window)
    found = store.enrollments.workspaces_of(session, [row.uid for row in rows])
    return [EnrollmentView(row, found[row.uid]) for row in rows]


def of_enrollment(session: Session, row: Enrollment) -> EnrollmentView:
    return EnrollmentView(row, store.enrollments.workspaces_of(session, [row.uid])[row.uid])


def _views(
    session: Session, organization: str, rows: Sequence[Workspace], trust_domain: str
) -> list[WorkspaceView]:
    owner = store.organizations.get(session, organization)
    assert owner is not None
    identities = {
        row.uid: str(SpiffeId(trust_domain, Role.WORKSPACE, row.uid, owner.uid)) for row in rows
    }
    links = store.links.by_identity(session, list(identities.values()))
    joined = store.enrollments.live_of(session, list(identities.values()))
    return [
        # A server whose enrollment was revoked has joined all the same.
        WorkspaceView(row, identity, identity in joined or identity in links, links.get(identity))
        for row in rows
        for identity in (identities[row.uid],)
    ]
