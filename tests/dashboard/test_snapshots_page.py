"""Snapshots: what is there, and runs of them that people start who write no code."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from playwright.sync_api import Locator, expect

from tests.dashboard.looking import Visitor
from tests.system.mesh import Mesh
from tests.system.people import Person, make_token
from tests.system.project import Project
from weftapi.workspace.v1 import run_types_pb2, runs_pb2, snapshots_pb2, snapshots_pb2_grpc

Visit = Callable[[Person], Visitor]
PHONE = {"width": 360, "height": 740}
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
GIVEN = ("--rate=0.5", '--model={"depth": 2}')


def stub(project: Project) -> snapshots_pb2_grpc.SnapshotServiceStub:
    return project.endpoint.stub(snapshots_pb2_grpc.SnapshotServiceStub)


def publish(project: Project, run: str, template: str) -> str:
    """The id of the snapshot of a run, which has that name from now on."""
    name = project.run(run).snapshot
    request = snapshots_pb2.PublishSnapshotRequest(name=name, template=template)
    project.call(stub(project).PublishSnapshot, request)
    return name.rpartition("/")[2]


def runs_of(project: Project) -> list[run_types_pb2.Run]:
    """The newest first."""
    request = runs_pb2.ListRunsRequest(parent=project.name)
    return list(project.call(project.runs.ListRuns, request).runs)


def test_snapshots_come_before_ones_eyes_and_templates_are_found_by_name(
    visit: Visit, editor: Person, project: Project
) -> None:
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, "snapshots")
    expect(page.get_by_text("No snapshots yet")).to_be_visible()
    expect(page.get_by_text("weft run train.py")).to_be_visible()
    visitor.assert_accessible()
    first = project.submit("asking.py", *GIVEN)
    expect(visitor.row("asking")).to_be_visible()
    snapshot = publish(project, first, "ask-me")
    page.get_by_role("link", name="Templates").click()
    expect(visitor.row("ask-me")).to_contain_text(snapshot)
    visitor.assert_accessible()
    page.get_by_role("link", name="ask-me").click()
    expect(page.get_by_role("heading", name="ask-me")).to_be_visible()


def as_yaml(form: Locator, changes: dict[str, str]) -> None:
    """Changes in YAML what was written as JSON, and goes back to the fields."""
    form.get_by_role("button", name="YAML").click()
    written = form.get_by_label("All parameters")
    # In no order: what the server answers has none.
    expect(written).to_have_value(re.compile(r"layers:\n +- 64\n +- 32\n"))
    expect(written).to_have_value(re.compile(r"model:\n[^a-z]+(depth|layers):"))
    text = written.input_value()
    written.fill("device: [")
    form.get_by_role("button", name="JSON").click()
    told = written.evaluate("field => field.validationMessage")
    assert (told[:17], told[-20:]) == ("This is no YAML. ", "at line 1, column 10")
    for old, new in changes.items():
        text = text.replace(old, new)
    written.fill(text)
    form.get_by_role("button", name="YAML").click()


def test_a_form_of_its_parameters_runs_a_snapshot(
    visit: Visit, editor: Person, project: Project
) -> None:
    snapshot = project.run(project.submit("asking.py", *GIVEN)).snapshot.rpartition("/")[2]
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, f"snapshots/{snapshot}")
    form = page.get_by_role("form", name="Run this snapshot")
    expect(form.get_by_label("title")).to_have_value(
        "<img src=x onerror=\"document.title='owned'\">"
    )
    visitor.assert_accessible()

    start = page.get_by_role("button", name="Start the run")
    rate = form.get_by_label("rate")
    rate.fill("fast")
    start.click()
    expect(form.get_by_role("alert")).to_contain_text("parameters.rate must be of type number")
    expect(rate).to_be_focused()
    expect(rate).to_have_accessible_description("must be of type number")
    visitor.assert_accessible()
    rate.fill("1e-3")
    form.get_by_label("depth").fill("3")
    for at, layer in enumerate(("64", "32"), 1):
        form.get_by_role("button", name="Add to layers").click()
        form.get_by_label(f"layers {at}", exact=False).and_(page.get_by_role("textbox")).fill(layer)
    form.get_by_label("limit").select_option("Number")
    form.get_by_label("limit", exact=True).fill("7")
    form.get_by_label("device").select_option("gpu")
    form.get_by_role("button", name="Remove tags 1").click()
    form.get_by_label("shuffle").uncheck()

    # The other way to write it is the same object.
    form.get_by_role("button", name="JSON").click()
    written = form.get_by_label("All parameters")
    said = json.loads(written.input_value())
    assert said["model"] == {"depth": 3, "layers": [64, 32]}
    assert (said["limit"], said["tags"], said["rate"]) == (7, ["b"], 0.001)
    visitor.assert_accessible()
    as_yaml(form, {"device: gpu": "device: cpu"})
    expect(form.get_by_label("device")).to_have_value("0")
    form.get_by_label("Take no step's result from an earlier run").check()
    start.click()
    expect(page.get_by_role("navigation", name="Breadcrumbs")).to_contain_text("Runs")
    expect(visitor.row("told")).to_contain_text("Succeeded")
    made = runs_of(project)[0]
    assert page.url.endswith(made.name.rpartition("/")[2])
    assert MessageToDict(made.parameters) == said | {"device": "cpu"}
    assert made.cache_disabled
    assert made.trigger == run_types_pb2.RUN_TRIGGER_SNAPSHOT
    assert page.title() != "owned"


def test_what_a_form_says_is_run_from_elsewhere_as_it_is_copied(
    visit: Visit, editor: Person, project: Project, mesh: Mesh
) -> None:
    snapshot = project.run(project.submit("asking.py", *GIVEN)).snapshot.rpartition("/")[2]
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, f"snapshots/{snapshot}")
    page.get_by_role("form").get_by_label("title").fill('it\'s "5" $HOME')
    visitor.assert_accessible()
    token = make_token(editor.sign_in(project.id)).secret
    environment = mesh.environment(
        WEFT_TOKEN=token,
        CURL_CA_BUNDLE=str(mesh.ca_file),
        SSL_CERT_FILE=str(mesh.ca_file),
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    )
    given = []
    for way, program in (("CLI", "bash"), ("Python", sys.executable), ("curl", "bash")):
        page.get_by_role("link", name=way).click()
        text = page.get_by_role("group", name="The same run").inner_text()
        subprocess.run(
            [program, "-c", text], env=environment, check=True, capture_output=True, timeout=90
        )
        made = runs_of(project)[0]
        assert made.snapshot.endswith(snapshot)
        given.append(MessageToDict(made.parameters))
    assert len(runs_of(project)) == 1 + len(given)
    assert given[0]["title"] == 'it\'s "5" $HOME'
    assert given[0] == given[1] == given[2]
    visitor.assert_accessible()


def test_who_may_only_look_sees_what_a_snapshot_is_and_no_form(
    visit: Visit, viewer: Person, project: Project
) -> None:
    snapshot = publish(project, project.submit("asking.py", *GIVEN), "ask-me")
    visitor = visit(viewer)
    page = visitor.page
    page.set_viewport_size(PHONE)
    with page.expect_response("**/access:testPermissions"):
        visitor.go(project, f"snapshots/{snapshot}")
    expect(page.get_by_role("heading", name="ask-me")).to_be_visible()
    expect(page.get_by_text("snapshots.run")).to_be_visible()
    expect(page.get_by_role("form")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.assert_accessible()
    visitor.go(project, "snapshots/absent")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()


def test_the_form_is_filled_in_as_an_earlier_run_had_it(
    visit: Visit, editor: Person, viewer: Person, project: Project
) -> None:
    first = project.submit("asking.py", *GIVEN)
    other = project.submit("asking.py", "--rate=0.25", '--model={"depth": 5}', "--tags=c")
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, f"runs/{other.rpartition('/')[2]}")
    page.get_by_role("link", name="Change and run").click()
    form = page.get_by_role("form", name="Run this snapshot")
    expect(form.get_by_label("rate")).to_have_value("0.25")
    expect(form.get_by_label("depth")).to_have_value("5")
    expect(page.get_by_text("Filled in as")).to_contain_text(other.rpartition("/")[2])
    visitor.assert_accessible()
    form.get_by_role("button", name="Fill in").press("Enter")
    page.get_by_role("menuitem", name=first.rpartition("/")[2]).press("Enter")
    expect(form.get_by_label("rate")).to_have_value("0.5")
    expect(form.get_by_label("depth")).to_have_value("2")
    # The address says it: whoever gets it sees the same, also after a reload.
    page.reload()
    expect(form.get_by_label("rate")).to_have_value("0.5")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("link", name="Change and run")).to_be_visible()
    made, *_ = runs_of(project)
    parameters = MessageToDict(made.parameters)
    assert (parameters["rate"], parameters["model"]["depth"]) == (0.5, 2)
    snapshot = made.snapshot.rpartition("/")[2]
    visitor.go(project, f"snapshots/{snapshot}?from=absent")
    expect(page.get_by_text("absent")).to_be_visible()
    page.get_by_role("button", name="Fill in").click()
    page.get_by_role("menuitem", name="As the snapshot has it").click()
    expect(page.get_by_text("absent")).to_have_count(0)
    onlooker = visit(viewer)
    onlooker.go(project, f"runs/{other.rpartition('/')[2]}")
    expect(onlooker.page.get_by_role("link", name="Change and run")).to_have_count(0)
