"""SavedViewService: what is kept of views, for whom, and what a list would refuse."""

from typing import Any
from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask

from tests.cases import on_one_server
from tests.workspace.harness import DEMO_EDITOR, EDITOR, VIEWER, Harness, refused
from weftapi.workspace.v1 import events_pb2, projects_pb2
from weftapi.workspace.v1 import saved_views_pb2 as pb

DEMO = "projects/demo"
SHARED, PRIVATE = pb.SAVED_VIEW_SCOPE_SHARED, pb.SAVED_VIEW_SCOPE_PRIVATE
FAILED = f"{DEMO}/savedViews/failed"
DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")
ABSENT = ("NOT_FOUND", "RESOURCE_NOT_FOUND")

Get, List, Share, Delete = (
    pb.GetSavedViewRequest,
    pb.ListSavedViewsRequest,
    pb.ShareSavedViewRequest,
    pb.DeleteSavedViewRequest,
)


async def save(
    ws: Harness, id_: str = "failed", *, as_: str = "", parent: str = DEMO, **fields: Any
) -> pb.SavedView:
    wanted = pb.SavedView(**{"collection": "runs", "filter": "state = FAILED", **fields})
    return await ws.saved_views(ws.token(as_) if as_ else None).CreateSavedView(
        pb.CreateSavedViewRequest(parent=parent, saved_view_id=id_, saved_view=wanted)
    )


async def change(
    ws: Harness, *paths: str, as_: str = "", name: str = FAILED, **fields: Any
) -> pb.SavedView:
    return await ws.saved_views(ws.token(as_) if as_ else None).UpdateSavedView(
        pb.UpdateSavedViewRequest(
            saved_view=pb.SavedView(name=name, **fields),
            update_mask=FieldMask(paths=paths) if paths else None,
        )
    )


async def seen(ws: Harness, as_: str = "", **fields: Any) -> list[str]:
    """The ids of the views that somebody finds."""
    stub = ws.saved_views(ws.token(as_) if as_ else None)
    found = await stub.ListSavedViews(List(parent=DEMO, **fields))
    return [view.name.rpartition("/")[2] for view in found.saved_views]


async def told(ws: Harness, name: str) -> list[str]:
    """What the feed tells of a view."""
    feed = await ws.events().ListEvents(events_pb2.ListEventsRequest(parent=DEMO))
    return [
        events_pb2.EventType.Name(event.type).removeprefix("EVENT_TYPE_")
        for event in feed.events
        if event.name == name
    ]


async def test_a_shared_view_from_its_first_day_to_its_last(ws: Harness) -> None:
    fields: dict[str, Any] = {
        "display_name": "Failed <b>today</b>",
        "description": "Look here first.",
        "filter": 'state = FAILED labels.team = "risk" create_time > now()-"24h"',
        "order_by": "create_time desc",
        "columns": ["state", "run", "metadata.accuracy"],
        "scope": SHARED,
    }
    made = await save(ws, as_=EDITOR, **fields)
    assert (made.name, made.creator, made.collection) == (FAILED, EDITOR, "runs")
    assert {name: getattr(made, name) for name in fields} == fields
    assert made.revision > 0
    assert await ws.saved_views(ws.token(VIEWER)).GetSavedView(Get(name=FAILED)) == made
    changed = await change(
        ws, "columns", "filter", as_=DEMO_EDITOR, columns=["run"], display_name="not masked"
    )
    assert (changed.display_name, changed.filter) == (made.display_name, "")
    assert list(changed.columns) == ["run"]
    assert changed.etag != made.etag
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.saved_views().DeleteSavedView(Delete(name=FAILED, etag=made.etag))
    await ws.saved_views().DeleteSavedView(Delete(name=FAILED, etag=changed.etag))
    async with refused(*ABSENT):
        await ws.saved_views().GetSavedView(Get(name=FAILED))
    assert await told(ws, FAILED) == ["CREATED", "UPDATED", "DELETED"]


async def test_a_private_view_is_there_for_its_creator_alone(ws: Harness) -> None:
    made = await save(ws, as_=VIEWER)
    assert (made.scope, made.revision) == (PRIVATE, 0)
    mine = ws.saved_views(ws.token(VIEWER))
    assert await mine.GetSavedView(Get(name=FAILED)) == made
    for other in (None, ws.token(EDITOR)):
        theirs = ws.saved_views(other)
        for call in (
            theirs.GetSavedView(Get(name=FAILED)),
            theirs.UpdateSavedView(pb.UpdateSavedViewRequest(saved_view=made)),
            theirs.ShareSavedView(Share(name=FAILED)),
            theirs.DeleteSavedView(Delete(name=FAILED)),
        ):
            async with refused(*ABSENT):
                await call
    assert (await seen(ws), await seen(ws, VIEWER)) == ([], ["failed"])
    assert (await change(ws, as_=VIEWER, display_name="Mine")).display_name == "Mine"
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await save(ws)
    await mine.DeleteSavedView(Delete(name=FAILED))
    assert await told(ws, FAILED) == []


async def test_only_who_may_share_makes_changes_and_deletes_what_is_for_all(ws: Harness) -> None:
    async with refused(*DENIED):
        await save(ws, as_=VIEWER, scope=SHARED)
    await save(ws, "mine", as_=VIEWER)
    viewer = ws.saved_views(ws.token(VIEWER))
    async with refused(*DENIED):
        await viewer.ShareSavedView(Share(name=f"{DEMO}/savedViews/mine"))
    made = await save(ws, as_=DEMO_EDITOR, scope=SHARED)
    async with refused(*DENIED):
        await change(ws, as_=VIEWER, display_name="Theirs")
    async with refused(*DENIED):
        await viewer.DeleteSavedView(Delete(name=FAILED))
    assert await viewer.GetSavedView(Get(name=FAILED)) == made
    assert await seen(ws, VIEWER) == ["failed", "mine"]


async def test_sharing_is_news_to_all_and_stays(ws: Harness) -> None:
    made = await save(ws, as_=EDITOR)
    editor = ws.saved_views(ws.token(EDITOR))
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await editor.ShareSavedView(Share(name=FAILED, etag="other"))
    shared = await editor.ShareSavedView(Share(name=FAILED, etag=made.etag))
    assert (shared.scope, shared.revision > 0) == (SHARED, True)
    assert await editor.ShareSavedView(Share(name=FAILED)) == shared
    assert await told(ws, FAILED) == ["CREATED"]
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await change(ws, "scope", as_=EDITOR, scope=PRIVATE)


@on_one_server(
    "bad",
    [
        ({"filter": "state = NONSENSE"}, "INVALID_FILTER"),
        ({"filter": "secret = 1"}, "INVALID_FILTER"),
        ({"filter": "state = FAILED AND"}, "INVALID_FILTER"),
        ({"filter": "'; DROP TABLE runs; --"}, "INVALID_FILTER"),
        ({"filter": "x" * 2049}, "INVALID_FIELDS"),
        ({"order_by": "creator"}, "INVALID_ORDER"),
        ({"columns": ["x"] * 65}, "INVALID_FIELDS"),
        ({"columns": ["x" * 129]}, "INVALID_FIELDS"),
        ({"display_name": "x" * 129}, "INVALID_FIELDS"),
    ],
)
async def test_what_the_list_would_refuse_is_not_kept(ws: Harness, bad: tuple[Any, str]) -> None:
    fields, reason = bad
    for call in (save(ws, f"new-{uuid4().hex}", **fields), _change_to(ws, fields)):
        async with refused("INVALID_ARGUMENT", reason):
            await call


async def _change_to(ws: Harness, fields: dict[str, Any]) -> pb.SavedView:
    made = await save(ws, f"old-{uuid4().hex}")
    return await change(ws, name=made.name, **fields)


@on_one_server("collection", ["", "secrets", "runs/x", "RUNS", "-"])
async def test_there_are_views_of_known_lists_alone(ws: Harness, collection: str) -> None:
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await save(ws, collection=collection)


async def test_a_list_is_paged_ordered_and_filtered(ws: Harness) -> None:
    for id_ in ("b", "a", "c"):
        await save(ws, id_, as_=VIEWER if id_ == "c" else "")
    assert await seen(ws) == ["a", "b"]
    assert await seen(ws, order_by="create_time desc") == ["a", "b"]
    assert await seen(ws, filter='collection = "runs"') == ["a", "b"]
    assert await seen(ws, filter=f'creator = "{VIEWER}"') == []
    first = await ws.saved_views().ListSavedViews(List(parent=DEMO, page_size=1))
    assert first.next_page_token
    assert await seen(ws, page_size=1, page_token=first.next_page_token) == ["b"]
    for parent in ("projects/none",):
        async with refused(*ABSENT):
            await ws.saved_views().ListSavedViews(List(parent=parent))
        async with refused(*ABSENT):
            await save(ws, parent=parent)


async def test_nobody_fills_a_project_with_views(ws: Harness) -> None:
    for number in range(100):
        await save(ws, f"view-{number}", as_=VIEWER)
    async with refused("RESOURCE_EXHAUSTED", "TOO_MANY_SAVED_VIEWS"):
        await save(ws, "more", as_=VIEWER)
    await save(ws, "more")


async def test_a_project_takes_its_views_with_it(ws: Harness) -> None:
    """Somebody's private view, of which nobody else can know, keeps no project alive."""
    request = projects_pb2.CreateProjectRequest(
        project_id="short", project=projects_pb2.Project(display_name="Short")
    )
    project = await ws.projects().CreateProject(request)
    await save(ws, as_=VIEWER, parent=project.name)
    await ws.projects().DeleteProject(projects_pb2.DeleteProjectRequest(name=project.name))
    async with refused(*ABSENT):
        await ws.saved_views(ws.token(VIEWER)).GetSavedView(
            Get(name=f"{project.name}/savedViews/failed")
        )
