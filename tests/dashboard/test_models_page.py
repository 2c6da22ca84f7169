"""Models: what is in use, what versions measured, and who moved them where, by whose approval."""

from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.dashboard.looking import Visitor
from tests.dashboard.test_artifacts_page import add
from tests.system.people import Person
from tests.system.project import Project
from weftapi.workspace.v1 import model_types_pb2, models_pb2, models_pb2_grpc

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>alert(1)</script>"
PHONE = {"width": 360, "height": 740}
PRODUCTION = model_types_pb2.MODEL_STAGE_PRODUCTION


def stub(project: Project) -> models_pb2_grpc.ModelServiceStub:
    return project.endpoint.stub(models_pb2_grpc.ModelServiceStub)


def create_model(project: Project, model: str = "fraud", **fields: object) -> None:
    request = models_pb2.CreateModelRequest(parent=project.name, model_id=model)
    request.model.MergeFrom(model_types_pb2.Model(**fields))
    project.call(stub(project).CreateModel, request)


def create_version(project: Project, run: str = "", **metadata: float) -> str:
    """The next version of the model "fraud", by name."""
    request = models_pb2.CreateModelVersionRequest(parent=f"{project.name}/models/fraud")
    request.model_version.run = run
    request.model_version.metadata.update(metadata)
    name: str = project.call(stub(project).CreateModelVersion, request).name
    return name


def link(project: Project, version: str, *artifacts: str) -> None:
    request = models_pb2.LinkModelVersionRequest(name=version, artifact_versions=artifacts)
    project.call(stub(project).LinkModelVersion, request)


def test_models_come_and_are_moved_before_ones_eyes(
    visit: Visit, editor: Person, viewer: Person, project: Project
) -> None:
    looker = visit(viewer)
    looker.go(project, "models")
    expect(looker.page.get_by_text("weft models create fraud")).to_be_visible()
    looker.assert_accessible()
    create_model(project, display_name=HOSTILE, description="Finds fraud", labels={"team": "risk"})
    expect(looker.row("fraud")).to_contain_text(HOSTILE)
    create_version(project, accuracy=0.91)
    create_version(project, accuracy=0.95)
    mover = visit(editor)
    page = mover.page
    mover.go(project, "models/fraud")
    expect(mover.row("fraud@2")).to_contain_text("0.95")
    expect(mover.row("fraud@1")).to_contain_text("0.91")
    mover.assert_accessible()
    page.get_by_role("link", name="fraud@1").click()
    page.get_by_role("button", name="Move to a stage").click()
    page.get_by_label("Stage").select_option("Production")
    page.get_by_label("Why").fill("best so far")
    mover.assert_accessible()
    page.get_by_role("dialog").get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_role("heading", name="fraud@1", level=1)).to_contain_text("Production")
    expect(page.get_by_role("region", name="Details")).to_contain_text("best so far")
    expect(looker.row("fraud")).to_contain_text("fraud@1")
    follower = visit(viewer)
    follower.go(project, "models/fraud/versions/production")
    expect(follower.page.get_by_role("heading", name="fraud@1", level=1)).to_be_visible()
    mover.go(project, "models/fraud/versions/2")
    page.get_by_role("button", name="Move to a stage").click()
    page.get_by_label("Stage").select_option("Production")
    page.get_by_label("fraud@1 gives way").check()
    page.get_by_role("dialog").get_by_role("button", name="Move", exact=True).click()
    expect(looker.row("fraud")).to_contain_text("fraud@2")
    expect(follower.page.get_by_role("heading", name="fraud@2", level=1)).to_be_visible()
    looker.go(project, "models/fraud?view=history")
    moved = looker.row("fraud@1").filter(has_text="Archived")
    expect(moved).to_contain_text("gave way to fraud@2")
    looker.assert_accessible()
    looker.page.get_by_role("link", name="Versions", exact=True).click()
    expect(looker.row("fraud@2")).to_contain_text("Production")
    assert looker.page.locator("img[src=x]").count() == 0


def test_a_next_page_that_fails_is_asked_for_once_and_again_by_hand(
    visit: Visit, viewer: Person, project: Project
) -> None:
    for number in range(101):
        create_model(project, f"model-{number:03}")
    visitor = visit(viewer)
    page = visitor.page
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=500)

    page.route("**/models?*pageToken=*", refuse)
    visitor.go(project, "models")
    page.get_by_role("region", name="Models").evaluate("it => it.scrollTo(0, it.scrollHeight)")
    expect(page.get_by_text("could not be read")).to_be_visible()
    visitor.assert_accessible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Try again")).to_be_enabled()
    assert len(asked) == 2
    page.unroute("**/models?*pageToken=*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("table", name="Models")).to_have_attribute("aria-rowcount", "102")
    expect(page.get_by_text("could not be read")).to_have_count(0)


def test_a_guarded_stage_is_entered_by_two_people(
    visit: Visit, editor: Person, administrator: Person, viewer: Person, project: Project
) -> None:
    create_model(project, approval_stages=[PRODUCTION])
    create_version(project)
    asker, judge, looker = visit(editor), visit(administrator), visit(viewer)
    for visitor in (judge, looker):
        visitor.go(project, "models?view=requests")
        expect(visitor.page.get_by_text("Nothing was asked")).to_be_visible()
    asker.go(project, "models/fraud/versions/1")
    asker.page.get_by_role("button", name="Move to a stage").click()
    asker.page.get_by_label("Stage").select_option("Production")
    expect(asker.page.get_by_text("somebody else approves it")).to_be_visible()
    asker.page.get_by_label("Why").fill(HOSTILE)
    asker.page.get_by_role("button", name="Ask for it").click()
    waiting = asker.page.get_by_role("list", name="Waiting requests")
    expect(waiting).to_contain_text(HOSTILE)
    expect(waiting.get_by_role("button")).to_have_text(["Withdraw"])
    asker.assert_accessible()
    expect(looker.row("fraud@1")).to_contain_text("Waiting")
    expect(looker.row("fraud@1").get_by_role("button")).to_have_count(0)
    judge.row("fraud@1").get_by_role("button", name="Deny").click()
    judge.page.get_by_label("Reason").fill("too early")
    judge.assert_accessible()
    judge.page.get_by_role("dialog").get_by_role("button", name="Deny").click()
    expect(looker.row("fraud@1")).to_contain_text("too early")
    expect(waiting).to_have_count(0)
    asker.page.get_by_role("button", name="Move to a stage").click()
    asker.page.get_by_label("Stage").select_option("Production")
    asker.page.get_by_role("button", name="Ask for it").click()
    judge.go(project, "models/fraud")
    judge.page.get_by_role("button", name="Approve", exact=True).click()
    judge.page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(asker.page.get_by_role("heading", name="fraud@1", level=1)).to_contain_text("Production")
    judge.go(project, "models?view=requests")
    expect(judge.row("fraud@1").filter(has_text="Approved")).to_be_visible()
    judge.assert_accessible()


def test_a_version_leads_to_what_it_consists_of_and_back(
    visit: Visit, editor: Person, administrator: Person, project: Project
) -> None:
    create_model(project)
    run = project.create_run()
    version = create_version(project, run.name, accuracy=0.9)
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, "models/fraud/versions/latest")
    expect(page.get_by_text("No artifact is linked.")).to_be_visible()
    made = add(project, "weights", type="ARTIFACT_TYPE_MODEL")
    link(project, version, made.name)
    page.get_by_role("link", name="weights@1").click()
    page.get_by_role("link", name="fraud@1").click()
    visitor.assert_accessible()
    page.get_by_role("link", name=run.name.rpartition("/")[2]).first.click()
    expect(page.get_by_role("link", name="fraud@1")).to_be_visible()
    visitor.go(project, "models/fraud/versions/1")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Description").fill("The first")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The first")).to_be_visible()
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    chief = visit(administrator)
    chief.go(project, "models/fraud")
    chief.page.get_by_role("button", name="Approvals").click()
    chief.page.get_by_label("Production").check()
    chief.page.get_by_role("button", name="Save").click()
    expect(chief.page.get_by_text("By approvalProduction")).to_be_visible()


def test_what_is_refused_and_what_is_not_there_is_said(
    visit: Visit, viewer: Person, project: Project
) -> None:
    create_model(project)
    visitor = visit(viewer)
    visitor.go(project, "models?q=nonsense+%3D+1")
    expect(visitor.page.get_by_role("alert")).to_contain_text("nonsense")
    visitor.go(project, "models/fraud/versions/9")
    expect(visitor.page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    visitor.go(project, "models/fraud")
    expect(visitor.page.get_by_text("weft models new-version fraud")).to_be_visible()
    expect(visitor.page.get_by_role("button", name="Edit")).to_have_count(0)
    visitor.assert_accessible()
