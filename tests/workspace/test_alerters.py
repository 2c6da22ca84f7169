"""AlerterService: what is kept of alerters, and who may keep it."""

from typing import Any
from uuid import uuid4

from tests.cases import on_one_server
from tests.workspace.alerting import DEMO, OPS, SLACK, WEBHOOK, change, deliveries, get, new_alerter
from tests.workspace.harness import ADMIN, EDITOR, VIEWER, Harness, refused
from weftapi.workspace.v1 import alerters_pb2, events_pb2, projects_pb2

Get, List, Delete, Rotate = (
    alerters_pb2.GetAlerterRequest,
    alerters_pb2.ListAlertersRequest,
    alerters_pb2.DeleteAlerterRequest,
    alerters_pb2.RotateAlerterSecretRequest,
)


async def test_an_alerter_is_kept_as_it_was_given_but_for_its_url(ws: Harness) -> None:
    made = await new_alerter(
        ws,
        display_name="Operations",
        description="The room that never sleeps.",
        labels={"team": "risk"},
        types=["schedule.failed", "run.failed", "run.failed"],
        filter='pipeline="train"',
    )
    assert (made.name, made.creator, made.kind) == (OPS, ADMIN, WEBHOOK)
    assert (made.origin, made.url) == ("https://hooks.example.com", "")
    assert list(made.types) == ["run.failed", "schedule.failed"]
    assert await get(ws) == made
    listed = await ws.alerters().ListAlerters(List(parent=DEMO, filter="create_time>now()-1h"))
    assert list(listed.alerters) == [made]


async def test_its_changes_are_in_the_feed_and_its_url_is_not(ws: Harness) -> None:
    made = await new_alerter(ws)
    moved = await change(ws, "url", url="https://other.example.com:8443/S3CRET-PATH")
    assert (moved.origin, moved.etag != made.etag) == ("https://other.example.com:8443", True)
    assert await change(ws, "url", url="https://other.example.com:8443/S3CRET-PATH") == moved
    changed = await change(ws, "types", "filter", types=["run.waiting"], filter="run:*")
    assert (list(changed.types), changed.filter) == (["run.waiting"], "run:*")
    await ws.alerters().RotateAlerterSecret(Rotate(name=OPS))
    await ws.alerters().DeleteAlerter(Delete(name=OPS))
    listed = await ws.events().ListEvents(
        events_pb2.ListEventsRequest(
            parent=DEMO, after_revision=made.revision - 1, resource_types=["weft.dev/Alerter"]
        )
    )
    kinds = [events_pb2.EventType.Name(event.type)[11:] for event in listed.events]
    assert kinds == ["CREATED", "UPDATED", "UPDATED", "UPDATED", "DELETED"]
    fields = [list(event.changed_fields) for event in listed.events[1:4]]
    assert fields == [["url"], ["types", "filter"], ["secret"]]
    assert listed.events[1].alerter.origin == moved.origin
    assert "S3CRET" not in str(listed)


async def test_a_deleted_one_is_gone(ws: Harness) -> None:
    made = await new_alerter(ws)
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.alerters().DeleteAlerter(Delete(name=OPS, etag="old"))
    await ws.alerters().DeleteAlerter(Delete(name=OPS, etag=made.etag))
    for call in (
        ws.alerters().GetAlerter(Get(name=OPS)),
        ws.alerters().DeleteAlerter(Delete(name=OPS)),
        ws.alerters().RotateAlerterSecret(Rotate(name=OPS)),
        ws.alerters().TestAlerter(alerters_pb2.TestAlerterRequest(name=OPS)),
        deliveries(ws),
    ):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await call
    assert await deliveries(ws, f"{DEMO}/alerters/-") == []
    assert (await new_alerter(ws)).uid != made.uid


async def test_asking_again_with_the_same_id_makes_one(ws: Harness) -> None:
    request_id = str(uuid4())
    first = await new_alerter(ws, request_id=request_id)
    assert await new_alerter(ws, request_id=request_id) == first
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await new_alerter(ws)
    async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
        await new_alerter(ws, "other", request_id=request_id)


@on_one_server(
    ("fields", "reason"),
    [
        ({"kind": 0}, "INVALID_FIELDS"),
        ({"url": ""}, "INVALID_FIELDS"),
        ({"url": "http://hooks.example.com/S3CRET"}, "INVALID_FIELDS"),
        ({"url": "https://user:S3CRET@hooks.example.com/"}, "INVALID_FIELDS"),
        ({"url": "https://hooks.example.com/#S3CRET"}, "INVALID_FIELDS"),
        ({"url": "ftp://hooks.example.com/S3CRET"}, "INVALID_FIELDS"),
        ({"url": "https:///S3CRET"}, "INVALID_FIELDS"),
        ({"url": "https://192.168.1.1/S3CRET"}, "INVALID_FIELDS"),
        ({"url": "https://[::ffff:10.0.0.1]/S3CRET"}, "INVALID_FIELDS"),
        ({"url": f"https://hooks.example.com/{'S3CRET' * 500}"}, "INVALID_FIELDS"),
        ({"types": []}, "INVALID_FIELDS"),
        ({"types": ["run.exploded"]}, "INVALID_FIELDS"),
        ({"types": ["run.failed"] * 17}, "INVALID_FIELDS"),
        ({"filter": "weather=fine"}, "INVALID_FILTER"),
        ({"filter": "state=EXPLODED"}, "INVALID_FILTER"),
        ({"filter": "("}, "INVALID_FILTER"),
        ({"display_name": "x" * 129}, "INVALID_FIELDS"),
        ({"description": "x" * 4097}, "INVALID_FIELDS"),
        ({"labels": {str(n): "" for n in range(65)}}, "INVALID_FIELDS"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_not_repeated(
    ws: Harness, fields: dict[str, Any], reason: str
) -> None:
    async with refused("INVALID_ARGUMENT", reason) as refusal:
        await new_alerter(ws, **fields)
    assert refusal.error
    assert "S3CRET" not in str(refusal.error.violations) + refusal.error.message
    assert not (await ws.alerters().ListAlerters(List(parent=DEMO))).alerters


@on_one_server("hostile", ["Ops", "a/b", "../x", "a" * 64, "", "-", "a\n"])
async def test_hostile_ids_are_refused(ws: Harness, hostile: str) -> None:
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await new_alerter(ws, hostile)


async def test_changes_that_cannot_be_are_refused(ws: Harness) -> None:
    await new_alerter(ws)
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await change(ws, "paused", paused=True, etag="old")
    for path, fields in (
        ("nonsense", {}),
        ("uid", {"uid": str(uuid4())}),
        ("kind", {"kind": SLACK}),
        ("url", {}),
        ("types", {}),
        ("paused", {"name": "", "paused": True}),
    ):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await change(ws, path, **fields)
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await change(ws, "filter", filter="weather=fine")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await change(ws, "paused", name=f"{DEMO}/alerters/none", paused=True)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await new_alerter(ws, project="projects/none")


async def test_viewers_look_and_do_not_touch(ws: Harness) -> None:
    made = await new_alerter(ws, token=ws.token(EDITOR))
    viewer = ws.token(VIEWER)
    assert await ws.alerters(viewer).GetAlerter(Get(name=OPS)) == made
    assert list((await ws.alerters(viewer).ListAlerters(List(parent=DEMO))).alerters) == [made]
    listing = alerters_pb2.ListAlertDeliveriesRequest(parent=OPS)
    assert not (await ws.alerters(viewer).ListAlertDeliveries(listing)).deliveries
    redelivery = alerters_pb2.RedeliverAlertRequest(name=f"{OPS}/deliveries/{uuid4()}")
    for call in (
        new_alerter(ws, "other", token=viewer),
        change(ws, "paused", paused=True, token=viewer),
        ws.alerters(viewer).DeleteAlerter(Delete(name=OPS)),
        ws.alerters(viewer).RotateAlerterSecret(Rotate(name=OPS)),
        ws.alerters(viewer).TestAlerter(alerters_pb2.TestAlerterRequest(name=OPS)),
        ws.alerters(viewer).RedeliverAlert(redelivery),
    ):
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await call


async def test_only_webhooks_have_secrets_and_only_for_a_week_two(ws: Harness) -> None:
    await new_alerter(ws)
    request = Rotate(name=OPS, retain_period={"seconds": 3600})
    rotated = await ws.alerters().RotateAlerterSecret(request)
    assert rotated.secret.startswith("whsec_")
    assert rotated.alerter.HasField("old_secret_expire_time")
    again = await ws.alerters().RotateAlerterSecret(Rotate(name=OPS))
    assert again.secret != rotated.secret
    assert not again.alerter.HasField("old_secret_expire_time")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.alerters().RotateAlerterSecret(Rotate(name=OPS, retain_period={"seconds": 604801}))
    await new_alerter(ws, "room", kind=SLACK)
    async with refused("FAILED_PRECONDITION", "ALERTER_SIGNS_NOTHING"):
        await ws.alerters().RotateAlerterSecret(Rotate(name=f"{DEMO}/alerters/room"))


async def test_a_project_with_alerters_is_not_deleted(ws: Harness) -> None:
    await new_alerter(ws)
    request = projects_pb2.DeleteProjectRequest(name=DEMO)
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.projects().DeleteProject(request)
    assert refusal.error
    assert "alerters" in refusal.error.metadata["dependents"]


async def test_lists_refuse_what_they_do_not_know(ws: Harness) -> None:
    for request, reason in (
        (List(parent=DEMO, filter="creator=me"), "INVALID_FILTER"),
        (List(parent=DEMO, order_by="paused"), "INVALID_ORDER"),
        (List(parent=DEMO, page_size=-1), "INVALID_FIELDS"),
    ):
        async with refused("INVALID_ARGUMENT", reason):
            await ws.alerters().ListAlerters(request)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.alerters().ListAlerters(List(parent="projects/none"))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await deliveries(ws, f"{DEMO}/alerters/A")
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await deliveries(ws, f"{DEMO}/alerters/-", "state=LOST")
    for name in (f"{OPS}/deliveries/{uuid4()}", f"{OPS}/deliveries/nonsense"):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await ws.alerters().RedeliverAlert(alerters_pb2.RedeliverAlertRequest(name=name))
