"""WorkspaceService: the fleet, and enrollment tokens."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

from google.longrunning import operations_pb2 as longrunning
from google.protobuf import empty_pb2

from controlplane import ca, names, store
from controlplane.ca import CertificateAuthority
from controlplane.identity.tokens import subject_of
from controlplane.lifecycle import Kind, Phase, UpgradePolicy
from controlplane.linking import views
from controlplane.linking.views import EnrollmentView, WorkspaceView
from controlplane.membership import MeshMembers
from controlplane.operations import access, enrollments, workspaces
from controlplane.operations.enrollments import NewEnrollment
from controlplane.operations.fleet import Wanted
from controlplane.operations.workspaces import NewWorkspace
from controlplane.servicers.beginning import Beginning
from controlplane.servicers.workspace_messages import (
    ROLES,
    WorkspaceMessages,
    enrollment_to_proto,
)
from controlplane.servicers.workspace_watches import WorkspaceWatches
from controlplane.store.schema import Workspace
from meshkit.authentication import Context
from meshkit.caller import current_call
from meshkit.clock import Clock
from meshkit.database import Database, Session
from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.idempotency import once
from meshkit.paging import ListQuery, PageTokens
from meshkit.rules import resolve_update_mask
from meshkit.spiffe import Role
from weftapi.controlplane.v1 import (
    enrollments_pb2,
    workspace_types_pb2,
    workspaces_pb2,
    workspaces_pb2_grpc,
)

_DEFAULT_TTL = timedelta(hours=1)


class WorkspaceServicer(workspaces_pb2_grpc.WorkspaceServiceServicer):
    """Keeps the fleet of workspaces."""

    def __init__(
        self,
        database: Database,
        *,
        authority: CertificateAuthority,
        members: MeshMembers,
        messages: WorkspaceMessages,
        beginning: Beginning,
        watches: WorkspaceWatches,
        pages: PageTokens,
        clock: Clock,
    ) -> None:
        self._database = database
        self._authority = authority
        self._members = members
        self._messages = messages
        self._beginning = beginning
        self._watches = watches
        self._pages = pages
        self._clock = clock

    async def GetWorkspace(
        self, request: workspaces_pb2.GetWorkspaceRequest, _context: Context
    ) -> workspace_types_pb2.Workspace:
        return self._messages.workspace(await self._database.read(self._view, request.name))

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
        # Taken first: who watches from here misses nothing of what this page may not show.
        revision = self._database.feed.head
        grants = await self._database.read(access.grants_of, caller)
        found = await self._database.read(
            views.visible_workspaces,
            names.organization_of(request.parent),
            grants,
            window,
            trust_domain=self._messages.trust_domain,
        )
        page = window.page(found, self._messages.workspace, revision=revision)
        return workspaces_pb2.ListWorkspacesResponse(
            workspaces=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def WatchWorkspaces(
        self, request: workspaces_pb2.WatchWorkspacesRequest, context: Context
    ) -> AsyncIterator[workspaces_pb2.WatchWorkspacesResponse]:
        caller = subject_of(current_call.get().caller)
        async for response in self._watches.follow(request, context, caller):
            yield response

    async def RegisterWorkspace(
        self, request: workspaces_pb2.RegisterWorkspaceRequest, _context: Context
    ) -> workspace_types_pb2.Workspace:
        return await self._database.write(
            workspaces.register,
            names.organization_of(request.parent),
            NewWorkspace(request.workspace_id, request.display_name),
            creator=current_call.get().caller.subject,
            phase=Phase.RUNNING,
            once=once(request, workspace_types_pb2.Workspace),
            reply=self._registered,
        )

    async def UpdateWorkspace(
        self, request: workspaces_pb2.UpdateWorkspaceRequest, _context: Context
    ) -> workspace_types_pb2.Workspace:
        workspace = request.workspace
        values = {
            path: _VALUES.get(path, getattr)(workspace, path)
            for path in resolve_update_mask(workspace, request.update_mask)
        }
        organization, id_ = names.place_of(workspace.name)
        await self._database.write(
            workspaces.change,
            organization,
            id_,
            values,
            etag=workspace.etag,
            once=once(request, empty_pb2.Empty),
            reply=lambda _: empty_pb2.Empty(),
        )
        return self._messages.workspace(await self._database.read(self._view, workspace.name))

    async def CreateWorkspace(
        self, request: workspaces_pb2.CreateWorkspaceRequest, _context: Context
    ) -> longrunning.Operation:
        workspace = request.workspace
        new = NewWorkspace(
            request.workspace_id,
            workspace.display_name,
            dict(workspace.labels),
            _upgrade_policy(workspace, "upgrade_policy"),
            request.version,
        )
        return await self._beginning.create(names.organization_of(request.parent), new, request)

    async def SuspendWorkspace(
        self, request: workspaces_pb2.SuspendWorkspaceRequest, _context: Context
    ) -> longrunning.Operation:
        return await self._beginning.begin(Wanted(Kind.SUSPEND, request.etag), request)

    async def ResumeWorkspace(
        self, request: workspaces_pb2.ResumeWorkspaceRequest, _context: Context
    ) -> longrunning.Operation:
        return await self._beginning.begin(Wanted(Kind.RESUME, request.etag), request)

    async def UpgradeWorkspace(
        self, request: workspaces_pb2.UpgradeWorkspaceRequest, _context: Context
    ) -> longrunning.Operation:
        offered = self._beginning.versions
        wanted = Wanted(Kind.UPGRADE, request.etag, request.target_version, offered)
        return await self._beginning.begin(wanted, request)

    async def DeleteWorkspace(
        self, request: workspaces_pb2.DeleteWorkspaceRequest, _context: Context
    ) -> longrunning.Operation:
        wanted = Wanted(Kind.DELETE, request.etag, remove_data=request.remove_data)
        return await self._beginning.begin(wanted, request)

    async def ListAvailableVersions(
        self, _request: workspaces_pb2.ListAvailableVersionsRequest, _context: Context
    ) -> workspaces_pb2.ListAvailableVersionsResponse:
        return workspaces_pb2.ListAvailableVersionsResponse(versions=self._beginning.versions)

    async def DeregisterWorkspace(
        self, request: workspaces_pb2.DeregisterWorkspaceRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._database.write(
            workspaces.deregister,
            *names.place_of(request.name),
            etag=request.etag,
        )
        await self._members.reload()
        return empty_pb2.Empty()

    async def CreateEnrollment(
        self, request: enrollments_pb2.CreateEnrollmentRequest, _context: Context
    ) -> enrollments_pb2.CreateEnrollmentResponse:
        organization = names.organization_of(request.parent)
        new = _new_enrollment(organization, request)
        ca.require_host_names(new.host_names, trust_domain=self._messages.trust_domain)
        created = await self._database.write(
            enrollments.create,
            organization,
            new,
            trust_domain=self._messages.trust_domain,
            creator=current_call.get().caller.subject,
        )
        digest = self._authority.fingerprint.removeprefix("sha256:")
        return enrollments_pb2.CreateEnrollmentResponse(
            enrollment=self._enrollment(EnrollmentView(created.row, created.workspaces)),
            token=f"{created.token}.{digest}",
        )

    async def ListEnrollments(
        self, request: enrollments_pb2.ListEnrollmentsRequest, _context: Context
    ) -> enrollments_pb2.ListEnrollmentsResponse:
        window = self._pages.window(
            ListQuery("ListEnrollments", request.parent),
            store.enrollments.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        organization = names.organization_of(request.parent)
        found = await self._database.read(views.enrollments, organization, window)
        page = window.page(found, self._enrollment, revision=self._database.feed.head)
        return enrollments_pb2.ListEnrollmentsResponse(
            enrollments=page.items, next_page_token=page.next_page_token
        )

    async def UpdateEnrollment(
        self, request: enrollments_pb2.UpdateEnrollmentRequest, _context: Context
    ) -> enrollments_pb2.Enrollment:
        enrollment = request.enrollment
        row = await self._database.write(
            enrollments.change,
            names.organization_of(enrollment.name),
            names.uid_of(enrollment.name),
            {
                path: getattr(enrollment, path)
                for path in resolve_update_mask(enrollment, request.update_mask)
            },
        )
        return self._enrollment(await self._database.read(views.of_enrollment, row))

    async def RevokeEnrollment(
        self, request: enrollments_pb2.RevokeEnrollmentRequest, _context: Context
    ) -> enrollments_pb2.Enrollment:
        row = await self._database.write(
            enrollments.revoke, names.organization_of(request.name), names.uid_of(request.name)
        )
        await self._members.reload()
        return self._enrollment(await self._database.read(views.of_enrollment, row))

    def _view(self, session: Session, name: str) -> WorkspaceView:
        organization, workspace = names.place_of(name)
        trust_domain = self._messages.trust_domain
        return views.workspace(session, organization, workspace, trust_domain=trust_domain)

    def _registered(self, row: Workspace) -> workspace_types_pb2.Workspace:
        """A workspace to whose server nothing can have happened yet."""
        return self._messages.workspace(WorkspaceView(row, "", has_joined=False, link=None))

    def _enrollment(self, view: EnrollmentView) -> enrollments_pb2.Enrollment:
        return enrollment_to_proto(view, self._clock.now())


def _upgrade_policy(workspace: workspace_types_pb2.Workspace, path: str) -> UpgradePolicy:
    name = workspace_types_pb2.UpgradePolicy.Name(getattr(workspace, path))
    is_set = bool(getattr(workspace, path))
    return UpgradePolicy(name.removeprefix("UPGRADE_POLICY_")) if is_set else UpgradePolicy.MANUAL


# How a field of a message becomes a column; the others do as they are.
_VALUES: dict[str, Callable[[workspace_types_pb2.Workspace, str], object]] = {
    "labels": lambda workspace, _: dict(workspace.labels),
    "upgrade_policy": _upgrade_policy,
}


def _new_enrollment(
    organization: str, request: enrollments_pb2.CreateEnrollmentRequest
) -> NewEnrollment:
    wanted = request.enrollment
    role = ROLES.get(wanted.role)
    if role is None:
        raise _bad("enrollment.role", "must be WORKSPACE, WORKLOAD_MANAGER or GATEWAY")
    if any(names.organization_of(name) != organization for name in wanted.workspaces):
        raise _bad("enrollment.workspaces", "must lie inside the parent organization")
    workspaces_ = {names.workspace_of(name) for name in wanted.workspaces}
    is_of_all = wanted.all_workspaces
    if is_of_all and (workspaces_ or role is Role.WORKSPACE):
        raise _bad("enrollment.all_workspaces", "is for who serves workspaces, and names none")
    if not is_of_all and (not workspaces_ or (role is Role.WORKSPACE and len(workspaces_) != 1)):
        raise _bad("enrollment.workspaces", "must name one workspace, or those that are served")
    ttl = request.ttl.ToTimedelta() if request.HasField("ttl") else _DEFAULT_TTL
    return NewEnrollment(
        role,
        tuple(sorted(workspaces_)),
        tuple(wanted.host_names),
        ttl,
        all_workspaces=is_of_all,
        display_name=wanted.display_name,
    )


def _bad(field: str, problem: str) -> InvalidArgument:
    return InvalidArgument(
        "INVALID_FIELDS", f"{field} {problem}", violations=[FieldViolation(field, problem)]
    )
