"""ProjectService, and what all lists share."""

from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask

from tests.workspace.harness import DEMO_EDITOR, VIEWER, Harness, refused
from weftapi.workspace.v1 import projects_pb2

Create = projects_pb2.CreateProjectRequest
Update = projects_pb2.UpdateProjectRequest
Delete = projects_pb2.DeleteProjectRequest
List = projects_pb2.ListProjectsRequest


async def test_a_project_is_created_and_got(ws: Harness) -> None:
    request = Create(
        project_id="vision",
        project=projects_pb2.Project(display_name="Vision", labels={"team": "a"}),
    )
    made = await ws.projects().CreateProject(request)
    assert made.name == "projects/vision"
    assert made.revision > 0
    got = await ws.projects().GetProject(projects_pb2.GetProjectRequest(name=made.name))
    assert got == made


async def test_a_taken_id_is_refused(ws: Harness) -> None:
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await ws.create_project("demo")


async def test_creating_twice_with_one_request_id_makes_one(ws: Harness) -> None:
    request = Create(project_id="once", request_id=str(uuid4()))
    first = await ws.projects().CreateProject(request)
    assert await ws.projects().CreateProject(request) == first
    request.project.display_name = "other"
    async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
        await ws.projects().CreateProject(request)


async def test_an_update_changes_what_its_mask_names(ws: Harness) -> None:
    before = await ws.projects().GetProject(projects_pb2.GetProjectRequest(name="projects/demo"))
    changed = projects_pb2.Project(
        name="projects/demo", display_name="Demo", description="kept out", etag=before.etag
    )
    after = await ws.projects().UpdateProject(
        Update(project=changed, update_mask=FieldMask(paths=["display_name"]))
    )
    assert (after.display_name, after.description) == ("Demo", "")
    assert after.etag != before.etag
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.projects().UpdateProject(Update(project=changed))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.projects().UpdateProject(
            Update(project=changed, update_mask=FieldMask(paths=["uid"]))
        )


async def test_only_an_empty_project_is_deleted(ws: Harness) -> None:
    await ws.create_project("empty")
    await ws.projects().DeleteProject(Delete(name="projects/empty"))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.projects().DeleteProject(Delete(name="projects/empty"))
    await ws.create_run()
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.projects().DeleteProject(Delete(name="projects/demo"))
    assert refusal.error
    assert refusal.error.metadata["dependents"] == "pipelines,runs"


async def test_the_id_of_a_deleted_project_is_not_given_again(ws: Harness) -> None:
    """Grants on it stand in the control plane, and would open whatever came after it."""
    first = await ws.create_project("again")
    await ws.projects().DeleteProject(Delete(name=first.name, etag=first.etag))
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await ws.create_project("again")
    listed = await ws.projects().ListProjects(List())
    assert first.name not in [project.name for project in listed.projects]
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.create_run(project="again")


async def test_a_list_is_paged_ordered_and_filtered(ws: Harness) -> None:
    for name in ("c", "a", "b"):
        await ws.create_project(name)
    first = await ws.projects().ListProjects(List(page_size=2))
    second = await ws.projects().ListProjects(List(page_size=2, page_token=first.next_page_token))
    names = [project.name for page in (first, second) for project in page.projects]
    assert names == ["projects/a", "projects/b", "projects/c", "projects/demo"]
    assert not second.next_page_token
    assert first.revision == second.revision > 0
    newest = await ws.projects().ListProjects(List(order_by="create_time desc", page_size=1))
    assert [project.name for project in newest.projects] == ["projects/b"]
    none = await ws.projects().ListProjects(List(filter='display_name = "Nobody"'))
    assert not none.projects
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await ws.projects().ListProjects(List(filter='creator = "x"'))
    async with refused("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN"):
        await ws.projects().ListProjects(List(page_token="x"))
    async with refused("INVALID_ARGUMENT", "INVALID_ORDER"):
        await ws.projects().ListProjects(List(order_by="uid"))


async def test_a_list_shows_what_the_caller_may_see(ws: Harness) -> None:
    await ws.create_project("other")
    mine = await ws.projects(ws.token(DEMO_EDITOR)).ListProjects(List())
    assert [project.name for project in mine.projects] == ["projects/demo"]
    everything = await ws.projects(ws.token(VIEWER)).ListProjects(List())
    assert len(everything.projects) == 2
