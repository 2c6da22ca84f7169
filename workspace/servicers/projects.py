"""ProjectService."""

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from meshkit.authentication import Context
from meshkit.caller import Caller
from meshkit.database import Database
from meshkit.idempotency import once
from meshkit.rules import resolve_update_mask
from meshkit.scopes import ExtraCheck
from weftapi.workspace.v1 import projects_pb2, projects_pb2_grpc
from workspace import names
from workspace.access import Access
from workspace.logs.amounts import Amount, Quota
from workspace.operations import projects as operations
from workspace.operations.refusals import absent
from workspace.quotas import OF_PROJECTS
from workspace.servicers.converting import caller, masked, stamp
from workspace.servicers.listing import Lists
from workspace.store import projects as store
from workspace.store.schema import Project


class ProjectServicer(projects_pb2_grpc.ProjectServiceServicer):
    def __init__(self, database: Database, lists: Lists, access: Access) -> None:
        self._database = database
        self._lists = lists
        self._access = access

    async def GetProject(
        self, request: projects_pb2.GetProjectRequest, _context: Context
    ) -> projects_pb2.Project:
        row = await self._database.read(store.get, names.last(request.name))
        if row is None:
            raise absent(request.name)
        return project_to_proto(row)

    async def ListProjects(
        self, request: projects_pb2.ListProjectsRequest, _context: Context
    ) -> projects_pb2.ListProjectsResponse:
        window = self._lists.window("ListProjects", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        visible = self._access.visible(caller(), "projects.list", "")
        page = await self._lists.page(
            window, project_to_proto, store.list_page, visible, window, filter_
        )
        return projects_pb2.ListProjectsResponse(
            projects=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateProject(
        self, request: projects_pb2.CreateProjectRequest, _context: Context
    ) -> projects_pb2.Project:
        return await self._database.write(
            operations.create,
            request.project_id,
            display_name=request.project.display_name,
            description=request.project.description,
            labels=dict(request.project.labels),
            max_concurrent_runs=request.project.max_concurrent_runs,
            creator=caller().subject,
            default_stack=names.last(request.project.default_stack),
            log_quota=Quota(
                Amount(request.project.max_run_log_bytes, request.project.max_run_log_lines),
                Amount(request.project.max_log_stream_bytes, request.project.max_log_stream_lines),
            ),
            keep_run_days=request.project.keep_run_days,
            keep_last_runs=request.project.keep_last_runs,
            quotas={quota: getattr(request.project, quota.column) for quota in OF_PROJECTS},
            once=once(request, projects_pb2.Project),
            trial=request.validate_only,
            reply=project_to_proto,
        )

    async def UpdateProject(
        self, request: projects_pb2.UpdateProjectRequest, _context: Context
    ) -> projects_pb2.Project:
        project = request.project
        return await self._database.write(
            operations.change,
            names.last(project.name),
            masked(project, request.update_mask),
            etag=project.etag,
            once=once(request, projects_pb2.Project),
            trial=request.validate_only,
            reply=project_to_proto,
        )

    async def DeleteProject(
        self, request: projects_pb2.DeleteProjectRequest, _context: Context
    ) -> Empty:
        await self._database.write(operations.delete, names.last(request.name), etag=request.etag)
        return Empty()


def quota_rule(access: Access) -> ExtraCheck:
    """The extra check of that name: whom quotas bound, they cannot be lifted by."""

    allowed = access.require("projects.delete")

    async def check(caller: Caller, request: Message) -> None:
        assert isinstance(request, projects_pb2.UpdateProjectRequest)
        paths = set(resolve_update_mask(request.project, request.update_mask))
        if paths & {quota.column for quota in OF_PROJECTS}:
            await allowed(caller, request.project.name)

    return check


def project_to_proto(row: Project) -> projects_pb2.Project:
    return projects_pb2.Project(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        labels=row.labels,
        max_concurrent_runs=row.max_concurrent_runs,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        default_stack=names.stack(row.default_stack),
        max_run_log_bytes=row.max_run_log_bytes,
        max_run_log_lines=row.max_run_log_lines,
        max_log_stream_bytes=row.max_log_stream_bytes,
        max_log_stream_lines=row.max_log_stream_lines,
        keep_run_days=row.keep_run_days,
        keep_last_runs=row.keep_last_runs,
        **{quota.column: getattr(row, quota.column) for quota in OF_PROJECTS},
    )
