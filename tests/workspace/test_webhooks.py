"""WebhookService: what is kept of webhooks, and what of it nobody sees again."""

from typing import Any
from uuid import uuid4

from tests.cases import on_one_server
from tests.workspace.harness import EDITOR, VIEWER, Harness, refused
from tests.workspace.test_secret_rotation import work
from tests.workspace.triggering import DEMO, FOLLOW
from tests.workspace.webhooking import (
    CI,
    GITHUB,
    HMAC,
    STANDARD,
    Sender,
    deliveries,
    get_delivery,
    new_follower,
    new_sender,
    new_webhook,
    outcome,
    rotate,
)
from weftapi.workspace.v1 import (
    events_pb2,
    projects_pb2,
    secret_stores_pb2,
    webhook_types_pb2,
    webhooks_pb2,
)

Get, List = webhooks_pb2.GetWebhookRequest, webhooks_pb2.ListWebhooksRequest
Delete = webhooks_pb2.DeleteWebhookRequest


async def change(
    ws: Harness, *paths: str, token: str | None = None, name: str = CI, **fields: Any
) -> webhook_types_pb2.Webhook:
    return await ws.webhooks(token).UpdateWebhook(
        webhooks_pb2.UpdateWebhookRequest(
            webhook=webhook_types_pb2.Webhook(name=name, **fields),
            update_mask={"paths": list(paths)},
        )
    )


async def test_a_webhook_is_kept_and_its_secret_shown_once(ws: Harness) -> None:
    made = await new_webhook(ws, display_name="CI", labels={"team": "risk"})
    assert made.secret.startswith("whsec_")
    assert made.secret_create_time == made.create_time
    seen = webhook_types_pb2.Webhook()
    seen.CopyFrom(made)
    seen.secret = ""
    assert await ws.webhooks().GetWebhook(Get(name=CI)) == seen
    listed = await ws.webhooks().ListWebhooks(List(parent=DEMO, filter="kind=GITHUB"))
    assert list(listed.webhooks) == [seen]
    changed = await change(ws, "disabled", disabled=True)
    assert (changed.disabled, changed.secret) == (True, "")
    replaced = await rotate(ws)
    assert replaced.secret not in ("", made.secret)
    assert await secrets_at_rest(ws, made.secret, replaced.secret) == []


async def secrets_at_rest(ws: Harness, *secrets: str) -> list[str]:
    """Which tables hold one of the secrets in the clear: events, replies and audit among them."""
    from workspace.store.base import metadata

    def look(session: Any) -> list[str]:
        return [
            table.name
            for table in metadata.sorted_tables
            for row in session.connection().execute(table.select())
            for value in row
            if isinstance(value, bytes | str | dict | list)
            for secret in secrets
            if secret in (value.decode("latin-1") if isinstance(value, bytes) else str(value))
        ]

    return await ws.workspace.database.read(look)


async def test_asking_again_with_the_same_id_tells_the_same_secret(ws: Harness) -> None:
    request_id = str(uuid4())
    first = await new_webhook(ws, request_id=request_id)
    assert first.secret
    assert await new_webhook(ws, request_id=request_id) == first
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await new_webhook(ws)
    async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
        await new_webhook(ws, "other", request_id=request_id)
    rotation = str(uuid4())
    second = await rotate(ws, request_id=rotation)
    assert await rotate(ws, request_id=rotation) == second
    # What was replaced is told to nobody.
    assert (await new_webhook(ws, request_id=request_id)).secret == ""
    assert await secrets_at_rest(ws, first.secret, second.secret) == []


async def test_both_secrets_hold_while_one_replaces_the_other(ws: Harness) -> None:
    old = await new_sender(ws)
    replaced = await rotate(ws, overlap={"seconds": 3600})
    new = Sender(ws, replaced.secret)
    lasts = replaced.previous_secret_expire_time.ToSeconds()
    assert lasts - replaced.secret_create_time.ToSeconds() == 3600
    await old.github()
    await new.github()
    ws.clock.move(hours=1)
    assert (await outcome(old.github()))[0] == "UNAUTHENTICATED"
    await new.github()
    newest = Sender(ws, (await rotate(ws, overlap={"seconds": 0})).secret)
    assert (await outcome(new.github()))[0] == "UNAUTHENTICATED"
    await newest.github()
    assert len(await deliveries(ws)) == 4


async def test_a_sender_may_have_made_the_secret(ws: Harness) -> None:
    made = await new_webhook(ws, secret="correct horse battery")
    assert made.secret == "correct horse battery"
    await Sender(ws, made.secret).github()
    for secret in ("short", "x" * 257):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await new_webhook(ws, "other", secret=secret)
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await rotate(ws, secret=secret)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS") as refusal:
        await new_webhook(ws, "other", kind=STANDARD, secret="whsec_" + "correct horse")
    assert "correct" not in str(refusal.error)
    assert (await rotate(ws, secret="staple " * 3)).secret == "staple " * 3
    await Sender(ws, "staple " * 3).github()
    assert await secrets_at_rest(ws, "correct horse battery", "staple " * 3) == []


async def test_secrets_survive_a_new_data_key(ws: Harness) -> None:
    sender = await new_sender(ws)
    request = secret_stores_pb2.RotateSecretKeyRequest
    await ws.secret_stores().RotateSecretKey(request(key=request.KEY_DATA))
    for _ in range(3):
        ws.clock.move(minutes=1)
        await work(ws)
    await sender.github()


async def test_its_changes_are_in_the_feed_without_its_secret(ws: Harness) -> None:
    made = await new_webhook(ws)
    await change(ws, "disabled", disabled=True)
    await rotate(ws)
    await ws.webhooks().DeleteWebhook(Delete(name=CI))
    listed = await ws.events().ListEvents(
        events_pb2.ListEventsRequest(
            parent=DEMO, after_revision=made.revision - 1, resource_types=["weft.dev/Webhook"]
        )
    )
    changed = [list(event.changed_fields) for event in listed.events]
    assert changed == [[], ["disabled"], ["secret"], []]
    assert {event.webhook.secret for event in listed.events} == {""}


@on_one_server(
    "fields",
    [
        {"kind": 0},
        {"kind": 9},
        {"kind": HMAC},
        {"kind": GITHUB, "hmac": {"signature": "x-sign"}},
        {"kind": STANDARD, "hmac": {}},
        {"kind": HMAC, "hmac": {}},
        {"kind": HMAC, "hmac": {"signature": "authorization"}},
        {"kind": HMAC, "hmac": {"signature": "X-Sign"}},
        {"kind": HMAC, "hmac": {"signature": "x-sign", "id": "x-weft-id"}},
        {"kind": HMAC, "hmac": {"signature": "x-sign", "timestamp": "x-forwarded-for"}},
        {"display_name": "x" * 129},
        {"description": "x" * 4097},
        {"labels": {str(n): "" for n in range(65)}},
    ],
)
async def test_what_makes_no_sense_is_refused(ws: Harness, fields: dict[str, Any]) -> None:
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await new_webhook(ws, **fields)
    assert not (await ws.webhooks().ListWebhooks(List(parent=DEMO))).webhooks


async def test_hostile_names_are_refused(ws: Harness) -> None:
    for hostile in ("Ci", "a/b", "../x", "a" * 64, "", "-", "a\n"):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await new_webhook(ws, hostile)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.webhooks().ListWebhooks(List(parent="projects/none"))
    for name in (CI, f"{CI}/deliveries/{uuid4()}", f"{CI}/deliveries/first"):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            if "deliveries" in name:
                await get_delivery(ws, name)
            else:
                await deliveries(ws, name)


async def test_changes_that_cannot_be_are_refused(ws: Harness) -> None:
    await new_webhook(ws)
    for path, fields in (
        ("nonsense", {}),
        ("uid", {"uid": str(uuid4())}),
        ("kind", {"kind": STANDARD}),
        ("secret", {"secret": "mine"}),
    ):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await change(ws, path, **fields)
    for call in (
        change(ws, "disabled", disabled=True, etag="old"),
        rotate(ws, etag="old"),
        ws.webhooks().DeleteWebhook(Delete(name=CI, etag="old")),
    ):
        async with refused("ABORTED", "ETAG_MISMATCH"):
            await call
    none = f"{DEMO}/webhooks/none"
    for call in (
        change(ws, "disabled", name=none, disabled=True),
        ws.webhooks().RotateWebhookSecret(webhooks_pb2.RotateWebhookSecretRequest(name=none)),
        ws.webhooks().DeleteWebhook(Delete(name=none)),
        ws.webhooks().RedeliverWebhookDelivery(
            webhooks_pb2.RedeliverWebhookDeliveryRequest(name=f"{CI}/deliveries/{uuid4()}")
        ),
    ):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await call
    for overlap in ({"seconds": -1}, {"seconds": 604_801}):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await rotate(ws, overlap=overlap)


async def test_viewers_look_and_editors_keep(ws: Harness) -> None:
    await new_webhook(ws, token=ws.token(EDITOR))
    viewer = ws.token(VIEWER)
    assert (await ws.webhooks(viewer).GetWebhook(Get(name=CI))).name == CI
    for call in (
        new_webhook(ws, "other", token=viewer),
        change(ws, "disabled", disabled=True, token=viewer),
        ws.webhooks(viewer).DeleteWebhook(Delete(name=CI)),
        ws.webhooks(viewer).RotateWebhookSecret(webhooks_pb2.RotateWebhookSecretRequest(name=CI)),
    ):
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await call


async def test_a_webhook_that_triggers_wait_for_is_not_deleted(ws: Harness) -> None:
    await new_webhook(ws)
    await new_follower(ws)
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.webhooks().DeleteWebhook(Delete(name=CI))
    assert refusal.error
    assert refusal.error.metadata["dependents"] == FOLLOW
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.projects().DeleteProject(projects_pb2.DeleteProjectRequest(name=DEMO))
    assert refusal.error
    assert "webhooks" in refusal.error.metadata["dependents"]
