"""Triggers and webhooks: what follows from what happens, and what others tell."""

import hashlib
import hmac
import os
import subprocess
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.dashboard.looking import Visitor
from tests.system.mesh import Mesh
from tests.system.people import Person
from tests.system.project import Project
from weftapi.workspace.v1 import (
    trigger_types_pb2,
    triggers_pb2,
    triggers_pb2_grpc,
    webhook_types_pb2,
    webhooks_pb2,
    webhooks_pb2_grpc,
)

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
PHONE = {"width": 360, "height": 740}
BODY = '{"ref": "refs/heads/main"}'


def add_webhook(project: Project, webhook: str) -> str:
    """A webhook that is signed for as GitHub does; answers its secret."""
    request = webhooks_pb2.CreateWebhookRequest(parent=project.name, webhook_id=webhook)
    request.webhook.kind = webhook_types_pb2.WEBHOOK_KIND_GITHUB
    stub = project.endpoint.stub(webhooks_pb2_grpc.WebhookServiceStub)
    return project.call(stub.CreateWebhook, request).secret


def add_trigger(project: Project, webhook: str) -> None:
    """Runs a snapshot after each push that a webhook is told of."""
    snapshot = project.run(project.submit("asking.py", "--rate=1", '--model={"depth": 1}')).snapshot
    trigger = trigger_types_pb2.Trigger(snapshot=snapshot, display_name=HOSTILE)
    trigger.occurrence.webhook.webhook = f"{project.name}/webhooks/{webhook}"
    trigger.occurrence.webhook.event_types.append("push")
    request = triggers_pb2.CreateTriggerRequest(
        parent=project.name, trigger_id="on-push", trigger=trigger
    )
    project.call(project.endpoint.stub(triggers_pb2_grpc.TriggerServiceStub).CreateTrigger, request)


def push(mesh: Mesh, address: str, secret: str, delivery: str) -> None:
    """Tells an address of a push, as GitHub does."""
    signature = hmac.new(secret.encode(), BODY.encode(), hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Hub-Signature-256": f"sha256={signature}",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": delivery,
    }
    given = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["curl", "-sS", "--fail-with-body", "--cacert", str(mesh.ca_file), *given]
    subprocess.run(
        [*command, "--data-binary", BODY, address], check=True, capture_output=True, timeout=60
    )


def send_example(mesh: Mesh, example: str, secret: str) -> None:
    """Types what a page shows, with the secret where it says."""
    environment = {**os.environ, "SECRET": secret, "CURL_CA_BUNDLE": str(mesh.ca_file)}
    subprocess.run(
        ["sh", "-c", example], check=True, capture_output=True, timeout=60, env=environment
    )


def read_trigger(project: Project, trigger: str) -> trigger_types_pb2.Trigger:
    stub = project.endpoint.stub(triggers_pb2_grpc.TriggerServiceStub)
    request = triggers_pb2.GetTriggerRequest(name=f"{project.name}/triggers/{trigger}")
    return project.call(stub.GetTrigger, request)


def address_of(mesh: Mesh, project: Project) -> str:
    return f"{mesh.gateway}/api/workspaces/default/v1/{project.name}/webhooks/ci:receive"


def test_a_webhook_is_made_told_something_and_fires_a_trigger(
    visit: Visit, editor: Person, project: Project, mesh: Mesh
) -> None:
    visitor = visit(editor)
    page = visitor.page
    dialog = page.get_by_role("dialog")
    visitor.go(project, "triggers")
    expect(page.get_by_text("No triggers yet")).to_be_visible()
    visitor.assert_accessible()
    page.get_by_role("link", name="Webhooks").click()
    expect(page.get_by_text("weft webhooks create ci")).to_be_visible()
    page.get_by_role("button", name="Create a webhook").click()
    dialog.get_by_label("Id", exact=True).fill("Not An Id")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.locator("input:invalid")).to_have_count(1)
    dialog.get_by_label("Id", exact=True).fill("ci")
    visitor.assert_accessible()
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_text("This is shown once")).to_be_visible()
    first = dialog.get_by_role("code").first.inner_text()
    visitor.assert_accessible()
    dialog.get_by_role("button", name="I have copied it").click()
    assert first not in page.content()
    add_trigger(project, "ci")
    visitor.row("ci").get_by_role("link").click()
    expect(page.get_by_text("Nothing has arrived yet")).to_be_visible()
    address = page.get_by_role("code").first.inner_text()
    assert address == address_of(mesh, project)
    push(mesh, address, first, "delivery-1")
    expect(visitor.row("delivery-1")).to_contain_text("on-push")
    told = visitor.row("delivery-1").get_by_role("cell").nth(3)
    expect(told).to_have_text("1")
    visitor.assert_accessible()
    page.get_by_role("button", name="Redeliver delivery-1").click()
    expect(told).to_have_text("2")
    page.get_by_role("button", name="New secret").click()
    dialog.get_by_label("The secret of now").select_option("Not at all: it ends now")
    dialog.get_by_role("button", name="Make it").click()
    second = dialog.get_by_role("code").first.inner_text()
    assert second != first
    dialog.get_by_role("button", name="I have copied it").click()
    push(mesh, address, second, "delivery-2")
    expect(visitor.row("delivery-2")).to_be_visible()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("Disabled")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    # A trigger waits for it: it stays, and is told.
    expect(dialog.get_by_role("alert")).to_contain_text("Request")


@pytest.mark.parametrize("kind", ["GitHub, Gitea or Forgejo", "Standard Webhooks", "HMAC"])
def test_the_example_of_a_webhook_is_signed_as_it_must_be(
    visit: Visit, editor: Person, project: Project, mesh: Mesh, kind: str
) -> None:
    visitor = visit(editor)
    page = visitor.page
    dialog = page.get_by_role("dialog")
    visitor.go(project, "triggers?view=webhooks")
    page.get_by_role("button", name="Create a webhook").click()
    dialog.get_by_label("Id", exact=True).fill("ci")
    dialog.get_by_label("Messages are signed as by").select_option(kind)
    if kind == "HMAC":
        dialog.get_by_label("Header of the signature").fill("Not A Header")
        dialog.get_by_role("button", name="Create").click()
        expect(dialog.locator("input:invalid")).to_have_count(1)
        dialog.get_by_label("Header of the signature").fill("x-sign")
        dialog.get_by_label("Header of the time").fill("x-time")
        visitor.assert_accessible()
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_text("This is shown once")).to_be_visible()
    secret, example = dialog.get_by_role("code").all_inner_texts()
    assert secret not in example
    visitor.assert_accessible()
    dialog.get_by_role("button", name="I have copied it").click()
    send_example(mesh, example, secret)
    expect(visitor.row("ci").get_by_role("cell").nth(3)).to_have_text("1")
    visitor.row("ci").get_by_role("link").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_text("Send a message by hand").click()
    expect(page.get_by_role("code").nth(1)).to_have_text(example)
    visitor.assert_accessible()
    page.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Name").fill(HOSTILE)
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    assert page.title() != "owned"


def test_a_trigger_is_made_and_changed_by_a_form(
    visit: Visit, editor: Person, project: Project
) -> None:
    add_webhook(project, "ci")
    project.submit("asking.py", "--rate=1", '--model={"depth": 1}')
    visitor = visit(editor)
    page = visitor.page
    dialog = page.get_by_role("dialog")
    visitor.go(project, "triggers")
    page.get_by_role("button", name="Create a trigger").click()
    dialog.get_by_label("Id", exact=True).fill("after-asking")
    dialog.get_by_label("Name").fill(HOSTILE)
    dialog.get_by_label("Pipeline").fill("asking")
    dialog.get_by_label("Succeeded").uncheck()
    dialog.get_by_label("Parameters").fill('{"rate": 2')
    visitor.assert_accessible()
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.locator("textarea:invalid")).to_have_count(1)
    dialog.get_by_label("Parameters").fill('{"rate": 2}')
    dialog.get_by_role("button", name="Create").click()
    # No state is chosen: what was typed stays, beside what the server says.
    expect(dialog.get_by_role("alert")).to_contain_text("Request")
    expect(dialog.get_by_label("Pipeline")).to_have_value("asking")
    dialog.get_by_label("Failed").check()
    dialog.get_by_role("button", name="Create").click()
    expect(visitor.row("after-asking")).to_contain_text("run of asking: failed")
    visitor.row("after-asking").get_by_role("link").click()
    page.get_by_role("button", name="Edit").click()
    expect(dialog.get_by_label("Failed")).to_be_checked()
    expect(dialog.get_by_label("Parameters")).to_have_value('{\n  "rate": 2\n}')
    dialog.get_by_label("After").select_option("A webhook is told something")
    dialog.get_by_label("Webhook").fill("ci")
    dialog.get_by_label("Events").fill("push, release")
    dialog.get_by_label("Where").fill("event.payload.ref =")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Request")
    dialog.get_by_label("Where").fill('event.payload.ref = "refs/heads/main"')
    visitor.assert_accessible()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("webhook ci: push, release where event.payload.ref")).to_be_visible()
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    kept = read_trigger(project, "after-asking")
    assert list(kept.occurrence.webhook.event_types) == ["push", "release"]
    assert kept.parameters["rate"] == 2
    assert kept.runs_as == editor.user
    assert page.title() != "owned"


def test_a_trigger_says_what_it_did_and_is_taken_away(
    visit: Visit, editor: Person, project: Project, mesh: Mesh
) -> None:
    secret = add_webhook(project, "ci")
    add_trigger(project, "ci")
    visitor = visit(editor)
    page = visitor.page
    dialog = page.get_by_role("dialog")
    visitor.go(project, "triggers")
    expect(visitor.row("on-push")).to_contain_text("webhook ci: push")
    expect(visitor.row("on-push")).to_contain_text("None yet")
    push(mesh, address_of(mesh, project), secret, "delivery-1")
    expect(visitor.row("on-push")).to_contain_text("Fired")
    visitor.assert_accessible()
    visitor.row("on-push").get_by_role("link").click()
    expect(visitor.row("Fired")).to_have_count(1)
    push(mesh, address_of(mesh, project), secret, "delivery-2")
    expect(visitor.row("Fired")).to_have_count(2)
    visitor.assert_accessible()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("Paused")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No triggers yet")).to_be_visible()
    assert page.title() != "owned"


def test_who_may_only_look_has_nothing_to_press(
    visit: Visit, viewer: Person, project: Project, mesh: Mesh
) -> None:
    secret = add_webhook(project, "ci")
    add_trigger(project, "ci")
    push(mesh, address_of(mesh, project), secret, "delivery-1")
    visitor = visit(viewer)
    page = visitor.page
    page.set_viewport_size(PHONE)
    with page.expect_response("**/access:testPermissions"):
        visitor.go(project, "webhooks/ci")
    expect(visitor.row("delivery-1")).to_be_visible()
    for action in ("Redeliver delivery-1", "New secret", "Disable", "Edit", "Delete"):
        expect(page.get_by_role("button", name=action)).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.assert_accessible()
    visitor.go(project, "triggers/on-push")
    expect(page.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    expect(visitor.row("Fired")).to_be_visible()
    for action in ("Pause", "Edit", "Delete"):
        expect(page.get_by_role("button", name=action)).to_have_count(0)
    visitor.go(project, "triggers")
    expect(visitor.row("on-push")).to_be_visible()
    expect(page.get_by_role("button", name="Create a trigger")).to_have_count(0)
    visitor.go(project, "triggers/absent")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
