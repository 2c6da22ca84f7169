"""WorkspaceService: the registry, and enrollment tokens."""

from datetime import datetime, timedelta

from google.protobuf import empty_pb2

from controlplane import ca, names, store
from controlplane.ca import CertificateAuthority
from controlplane.identity.tokens import subject_of
from controlplane.linking import views
from controlplane.linking.health import LinkRegistry, Seen, failing
from controlplane.linking.views import EnrollmentView, WorkspaceView
from controlplane.membership import MeshMembers
from controlplane.operations import access, enrollments, workspaces
from controlplane.operations.enrollments import NewEnrollment
from controlplane.servicers.conversions import timestamp
from controlplane.store.schema import Enrollment
from meshkit.authentication import Context
from meshkit.caller import current_call
from meshkit.clock import Clock
from meshkit.database import Database, Session
from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.idempotency import once
from meshkit.paging import ListQuery, PageTokens
from meshkit.spiffe import Role
from weftapi.controlplane.v1 import workspaces_pb2, workspaces_pb2_grpc
from weftapi.options.v1 import options_pb2

_DEFAULT_TTL = timedelta(hours=1)
_ROLES = {
    options_pb2.PEER_ROLE_WORKSPACE: Role.WORKSPACE,
    options_pb2.PEER_ROLE_WORKLOAD_MANAGER: Role.WORKLOAD_MANAGER,
    options_pb2.PEER_ROLE_GATEWAY: Role.GATEWAY,
}
PEER_ROLES = {role: number for number, role in _ROLES.items()}


class WorkspaceServicer(workspaces_pb2_grpc.WorkspaceServiceServicer):
    """Keeps the registry of workspaces."""

    def __init__(
        self,
        database: Database,
        *,
        authority: CertificateAuthority,
        members: MeshMembers,
        registry: LinkRegistry,
        pages: PageTokens,
        clock: Clock,
        trust_domain: str,
    ) -> None:
        self._database = database
        self._authority = authority
        self._members = members
        self._registry = registry
        self._pages = pages
        self._clock = clock
        self._trust_domain = trust_domain

    async def GetWorkspace(
        self, request: workspaces_pb2.GetWorkspaceRequest, _context: Context
    ) -> workspaces_pb2.Workspace:
        return self._to_proto(await self._database.read(self._view, request.name))

    async def ListWorkspaces(
        self, request: workspaces_pb2.ListWorkspacesRequest, _context: Context
    ) -> workspaces_pb2.ListWorkspacesResponse:
        caller = subject_of(current_call.get().caller)
        window = self._pages.window(
            # The caller's grants decide what is on a page, so a token is theirs alone.
            ListQuery(f"ListWorkspaces/{caller.claim}", request.parent),
            store.workspaces.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        grants = await self._database.read(access.grants_of, caller)
        found = await self._database.read(
            views.visible_workspaces,
            names.organization_of(request.parent),
            grants,
            window,
            trust_domain=self._trust_domain,
        )
        page = window.page(found, self._to_proto, revision=self._database.feed.head)
        return workspaces_pb2.ListWorkspacesResponse(
            workspaces=page.items, next_page_token=page.next_page_token
        )

    async def RegisterWorkspace(
        self, request: workspaces_pb2.RegisterWorkspaceRequest, _context: Context
    ) -> workspaces_pb2.Workspace:
        return await self._database.write(
            workspaces.register,
            names.organization_of(request.parent),
            request.workspace_id,
            display_name=request.display_name,
            creator=current_call.get().caller.subject,
            once=once(request, workspaces_pb2.Workspace),
            reply=lambda row: self._to_proto(WorkspaceView(row, "", False, None)),
        )

    async def DeregisterWorkspace(
        self, request: workspaces_pb2.DeregisterWorkspaceRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._database.write(
            workspaces.deregister,
            names.organization_of(request.name),
            names.workspace_of(request.name),
            etag=request.etag,
        )
        await self._members.reload()
        return empty_pb2.Empty()

    async def CreateEnrollment(
        self, request: workspaces_pb2.CreateEnrollmentRequest, _context: Context
    ) -> workspaces_pb2.CreateEnrollmentResponse:
        organization = names.organization_of(request.parent)
        new = _new_enrollment(organization, request)
        ca.require_host_names(new.host_names, trust_domain=self._trust_domain)
        created = await self._database.write(
            enrollments.create,
            organization,
            new,
            trust_domain=self._trust_domain,
            creator=current_call.get().caller.subject,
        )
        digest = self._authority.fingerprint.removeprefix("sha256:")
        return workspaces_pb2.CreateEnrollmentResponse(
            enrollment=self._enrollment(EnrollmentView(created.row, created.workspaces)),
            token=f"{created.token}.{digest}",
        )

    async def ListEnrollments(
        self, request: workspaces_pb2.ListEnrollmentsRequest, _context: Context
    ) -> workspaces_pb2.ListEnrollmentsResponse:
        window = self._pages.window(
            ListQuery("ListEnrollments", request.parent),
            store.enrollments.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        organization = names.organization_of(request.parent)
        found = await self._database.read(views.enrollments, organization, window)
        page = window.page(found, self._enrollment, revision=self._database.feed.head)
        return workspaces_pb2.ListEnrollmentsResponse(
            enrollments=page.items, next_page_token=page.next_page_token
        )

    async def RevokeEnrollment(
        self, request: workspaces_pb2.RevokeEnrollmentRequest, _context: Context
    ) -> workspaces_pb2.Enrollment:
        row = await self._database.write(
            enrollments.revoke, names.organization_of(request.name), names.uid_of(request.name)
        )
        await self._members.reload()
        return self._enrollment(await self._database.read(views.of_enrollment, row))

    def _view(self, session: Session, name: str) -> WorkspaceView:
        organization, workspace = names.organization_of(name), names.workspace_of(name)
        return views.workspace(session, organization, workspace, trust_domain=self._trust_domain)

    def _to_proto(self, view: WorkspaceView) -> workspaces_pb2.Workspace:
        return workspace_to_proto(view, self._registry.see(view.spiffe_id, view.link))

    def _enrollment(self, view: EnrollmentView) -> workspaces_pb2.Enrollment:
        return enrollment_to_proto(view, self._clock.now())


def _new_enrollment(
    organization: str, request: workspaces_pb2.CreateEnrollmentRequest
) -> NewEnrollment:
    wanted = request.enrollment
    role = _ROLES.get(wanted.role)
    if role is None:
        raise _bad("enrollment.role", "must be WORKSPACE, WORKLOAD_MANAGER or GATEWAY")
    if any(names.organization_of(name) != organization for name in wanted.workspaces):
        raise _bad("enrollment.workspaces", "must lie inside the parent organization")
    workspaces_ = {names.workspace_of(name) for name in wanted.workspaces}
    if not workspaces_ or (role is Role.WORKSPACE and len(workspaces_) != 1):
        raise _bad("enrollment.workspaces", "must name one workspace, or those that are served")
    ttl = request.ttl.ToTimedelta() if request.HasField("ttl") else _DEFAULT_TTL
    return NewEnrollment(role, tuple(sorted(workspaces_)), tuple(wanted.host_names), ttl)


def _bad(field: str, problem: str) -> InvalidArgument:
    return InvalidArgument(
        "INVALID_FIELDS", f"{field} {problem}", violations=[FieldViolation(field, problem)]
    )


def workspace_to_proto(view: WorkspaceView, seen: Seen | None) -> workspaces_pb2.Workspace:
    row = view.row
    state, reason = _state(view, seen)
    return workspaces_pb2.Workspace(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        creator=row.creator,
        create_time=timestamp(row.create_time),
        etag=workspaces.etag_of(row),
        state=state,
        state_reason=reason,
        endpoint=seen.edge_endpoint if seen else "",
        version=seen.version if seen else "",
        last_heartbeat_time=timestamp(seen.last_heard) if seen else None,
        health_checks=[workspaces_pb2.HealthCheck(**check) for check in seen.checks]
        if seen
        else [],
    )


def _state(
    view: WorkspaceView, seen: Seen | None
) -> tuple[workspaces_pb2.WorkspaceState.ValueType, str]:
    """The state as the control plane can tell, and why."""
    if not view.has_joined:
        return workspaces_pb2.WORKSPACE_STATE_ENROLLING, "Its server has not joined yet."
    if seen is None or not seen.linked:
        return workspaces_pb2.WORKSPACE_STATE_UNREACHABLE, "Its server is not linked now."
    problems = failing(seen.checks)
    if problems:
        return workspaces_pb2.WORKSPACE_STATE_DEGRADED, "; ".join(problems)
    return workspaces_pb2.WORKSPACE_STATE_ACTIVE, "Its server is linked and healthy."


def enrollment_to_proto(view: EnrollmentView, now: datetime) -> workspaces_pb2.Enrollment:
    row = view.row
    return workspaces_pb2.Enrollment(
        name=row.name,
        uid=str(row.uid),
        creator=row.creator,
        create_time=timestamp(row.create_time),
        role=PEER_ROLES[Role(row.role)],
        workspaces=[workspace.name for workspace in view.workspaces],
        host_names=row.host_names,
        state=_enrollment_state(row, now),
        expire_time=timestamp(row.expire_time),
        spiffe_id=row.spiffe_id if row.use_time else "",
    )


def _enrollment_state(row: Enrollment, now: datetime) -> workspaces_pb2.EnrollmentState.ValueType:
    if row.revoke_time is not None:
        return workspaces_pb2.ENROLLMENT_STATE_REVOKED
    if row.use_time is not None:
        return workspaces_pb2.ENROLLMENT_STATE_USED
    if row.expire_time <= now:
        return workspaces_pb2.ENROLLMENT_STATE_EXPIRED
    return workspaces_pb2.ENROLLMENT_STATE_PENDING
