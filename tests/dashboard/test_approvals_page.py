"""What waits for somebody to say yes or no, and what becomes of it."""

from collections.abc import Callable

from google.protobuf.json_format import MessageToDict
from playwright.sync_api import expect

from tests.dashboard.looking import Visitor
from tests.system.mesh import Mesh
from tests.system.people import Person
from tests.system.project import Project, state_of
from weftapi.workspace.v1 import (
    model_stages_pb2,
    model_types_pb2,
    models_pb2,
    models_pb2_grpc,
    run_types_pb2,
    runs_pb2,
)

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\">?"
PHONE = {"width": 360, "height": 740}


def stub(project: Project) -> models_pb2_grpc.ModelServiceStub:
    return project.endpoint.stub(models_pb2_grpc.ModelServiceStub)


def conditions(project: Project, run: str) -> list[run_types_pb2.RunCondition]:
    request = runs_pb2.ListRunConditionsRequest(parent=run)
    return list(project.call(project.runs.ListRunConditions, request).run_conditions)


def add_model(project: Project) -> str:
    """A model whose versions take an approval to enter production."""
    model = model_types_pb2.Model(approval_stages=[model_types_pb2.MODEL_STAGE_PRODUCTION])
    request = models_pb2.CreateModelRequest(parent=project.name, model_id="churn", model=model)
    return project.call(stub(project).CreateModel, request).name


def add_version(project: Project, model: str) -> str:
    request = models_pb2.CreateModelVersionRequest(parent=model)
    return project.call(stub(project).CreateModelVersion, request).name


def ask_for_production(project: Project, version: str) -> str:
    request = model_stages_pb2.RequestStageTransitionRequest(
        parent=version, stage=model_types_pb2.MODEL_STAGE_PRODUCTION, comment="better by 4 %"
    )
    return project.call(stub(project).RequestStageTransition, request).name


def decided(project: Project, name: str) -> model_types_pb2.StageRequest:
    request = model_stages_pb2.GetStageRequestRequest(name=name)
    return project.call(stub(project).GetStageRequest, request)


def test_a_step_asks_and_goes_on_with_what_somebody_answers(
    visit: Visit, editor: Person, project: Project
) -> None:
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, "approvals")
    expect(page.get_by_text("Nothing waits for anybody")).to_be_visible()
    visitor.assert_accessible()
    run = project.submit("approving.py", question=HOSTILE)
    entry = page.get_by_role("listitem").filter(has_text=HOSTILE)
    expect(entry).to_be_visible()
    expect(page.get_by_role("link", name="Approvals 1 for you")).to_be_visible()
    visitor.assert_accessible()
    entry.get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Answer").fill("0")
    dialog.get_by_label("Reason").fill("go carefully")
    dialog.get_by_role("button", name="Approve").click()
    expect(dialog.get_by_label("Answer")).to_have_accessible_description("Must be at least 1.")
    expect(dialog.get_by_label("Reason")).to_have_value("go carefully")
    visitor.assert_accessible()
    dialog.get_by_label("Answer").fill("5")
    dialog.get_by_role("button", name="Approve").click()
    second = page.get_by_role("listitem").filter(has_text="Give it to 5 in a hundred?")
    expect(second).to_be_visible()
    expect(entry).to_have_count(0)
    second.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(run.rpartition("/")[2])
    page.get_by_role("link", name="Answer").click()
    second.get_by_role("button", name="Deny").click()
    page.get_by_label("Reason").fill("not today")
    visitor.assert_accessible()
    page.get_by_role("dialog").get_by_role("button", name="Deny").click()
    expect(page.get_by_text("Nothing waits for anybody")).to_be_visible()
    assert state_of(project.watch_to_end(run)) == "FAILED"
    first, last = conditions(project, run)
    assert (MessageToDict(first)["answer"], first.comment) == (5, "go carefully")
    assert (first.resolver, last.comment) == (editor.user, "not today")
    assert page.title() != "owned"


def test_a_stage_is_decided_by_somebody_else_than_who_asked(
    visit: Visit, mesh: Mesh, viewer: Person, project: Project
) -> None:
    approver = Person(mesh, "approver")
    approver.grant("admin")
    model = add_model(project)
    version = add_version(project, model)
    asked = ask_for_production(project, version)
    onlooking = visit(viewer)
    onlooking.page.set_viewport_size(PHONE)
    with onlooking.page.expect_response("**/access:testPermissions"):
        onlooking.go(project, "approvals")
    expect(onlooking.page.get_by_text("better by 4 %")).to_be_visible()
    expect(onlooking.page.get_by_role("main").get_by_role("button")).to_have_count(0)
    assert onlooking.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    onlooking.assert_accessible()

    visitor = visit(approver)
    page = visitor.page
    visitor.go(project, "approvals")
    page.get_by_role("button", name="Deny: churn@1 is to enter Production").click()
    page.get_by_label("Reason").fill("on Monday")
    request = model_stages_pb2.WithdrawStageRequestRequest(name=asked)
    project.call(stub(project).WithdrawStageRequest, request)
    dialog = page.get_by_role("dialog")
    expect(page.get_by_text("Nothing waits for anybody")).to_be_visible()
    dialog.get_by_role("button", name="Deny").click()
    # Somebody was faster: that is said, and what was written stays.
    expect(dialog.get_by_role("alert")).to_contain_text("Request")
    expect(dialog.get_by_label("Reason")).to_have_value("on Monday")
    dialog.get_by_role("button", name="Cancel").click()
    again = ask_for_production(project, version)
    page.get_by_role("button", name="Approve: churn@1 is to enter Production").click()
    dialog.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Nothing waits for anybody")).to_be_visible()
    assert decided(project, again).decider == approver.user
    own = ask_for_production(approver.sign_in(project.id), add_version(project, model))
    expect(page.get_by_text("you asked: somebody else decides")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("link", name="for you")).to_have_count(0)
    assert decided(project, own).creator == approver.user
