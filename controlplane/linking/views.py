"""Workspaces and enrollments as people see them: registration joined with what links say."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from controlplane import store
from controlplane.operations import workspaces
from controlplane.permissions import Grant
from controlplane.store.schema import Enrollment, Link, Workspace
from controlplane.store.schema_fleet import Operation
from meshkit.paging import Window
from meshkit.session import Session
from meshkit.spiffe import Role, SpiffeId


@dataclass(frozen=True, slots=True)
class WorkspaceView:
    """A workspace, whether its server has joined, what it last said, and what works on it."""

    row: Workspace
    spiffe_id: str
    has_joined: bool
    link: Link | None
    operation: Operation | None = None

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
    return of_rows(session, organization, [row], trust_domain)[0]


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
    return of_rows(session, organization, rows, trust_domain)


def enrollments(session: Session, organization: str, window: Window) -> list[EnrollmentView]:
    """A page of enrollments."""
    rows = store.enrollments.list_page(session, organization, window)
    found = store.enrollments.workspaces_of(session, [row.uid for row in rows])
    return [EnrollmentView(row, found[row.uid]) for row in rows]


def of_enrollment(session: Session, row: Enrollment) -> EnrollmentView:
    return EnrollmentView(row, store.enrollments.workspaces_of(session, [row.uid])[row.uid])


def of_rows(
    session: Session, organization: str, rows: Sequence[Workspace], trust_domain: str
) -> list[WorkspaceView]:
    """Rows of one organization with what is known of their servers."""
    owner = store.organizations.get(session, organization)
    assert owner is not None
    identities = {
        row.uid: str(SpiffeId(trust_domain, Role.WORKSPACE, row.uid, owner.uid)) for row in rows
    }
    links = store.links.by_identity(session, list(identities.values()))
    joined = store.enrollments.live_of(session, list(identities.values()))
    operations = store.operations.live_of(session, [row.uid for row in rows])
    return [
        WorkspaceView(
            row,
            identity,
            # A server whose enrollment was revoked has joined all the same.
            has_joined=identity in joined or identity in links,
            link=links.get(identity),
            operation=operations.get(row.uid),
        )
        for row in rows
        for identity in (identities[row.uid],)
    ]
