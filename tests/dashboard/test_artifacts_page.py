"""Artifacts: what is there, what it looks like, where it comes from, and what people say of it."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.dashboard.looking import Visitor
from tests.system.people import Person
from tests.system.project import Project
from weftapi.workspace.v1 import artifact_types_pb2, artifacts_pb2, artifacts_pb2_grpc

Visit = Callable[[Person], Visitor]
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>alert(1)</script>"
PHONE = {"width": 360, "height": 740}


def stub(project: Project) -> artifacts_pb2_grpc.ArtifactServiceStub:
    return project.endpoint.stub(artifacts_pb2_grpc.ArtifactServiceStub)


def add(
    project: Project, artifact: str = "data", **fields: object
) -> artifact_types_pb2.ArtifactVersion:
    """A version that was made outside any run."""
    version = artifact_types_pb2.ArtifactVersion(
        **{
            "uri": "s3://elsewhere/data",
            "data_type": "builtins.list",
            "materializer": "json",
            "content_hash": "c" * 64,
            "size_bytes": 12_345,
            **fields,
        }
    )
    request = artifacts_pb2.CreateArtifactVersionRequest(
        parent=f"{project.name}/artifacts/{artifact}", artifact_version=version
    )
    return project.call(stub(project).CreateArtifactVersion, request)


def change(project: Project, version: str, **fields: object) -> None:
    request = artifacts_pb2.UpdateArtifactVersionRequest()
    request.artifact_version.MergeFrom(artifact_types_pb2.ArtifactVersion(name=version, **fields))
    request.update_mask.paths.extend(fields)
    project.call(stub(project).UpdateArtifactVersion, request)


def path_of(version: str) -> str:
    """The page of a version, below its project's."""
    return version.partition("/")[2].partition("/")[2]


def test_a_project_without_artifacts_says_how_to_make_some(
    visit: Visit, viewer: Person, project: Project
) -> None:
    visitor = visit(viewer)
    visitor.go(project, "artifacts")
    expect(visitor.page.get_by_text("No artifacts yet")).to_be_visible()
    expect(visitor.page.get_by_text("weft run train.py")).to_be_visible()
    visitor.assert_accessible()


def test_artifacts_come_and_change_before_ones_eyes(
    visit: Visit, viewer: Person, project: Project
) -> None:
    add(project)
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, "artifacts")
    expect(visitor.row("data")).to_contain_text("data@1")
    made = add(project)
    expect(visitor.row("data")).to_contain_text("data@2")
    add(project, "model", type="ARTIFACT_TYPE_MODEL")
    expect(visitor.row("model")).to_contain_text("model@1")
    visitor.assert_accessible()
    page.get_by_role("link", name="All versions").click()
    expect(visitor.row("model@1")).to_contain_text("Model")
    change(project, made.name, alias="gold", labels={"team": "vision"})
    expect(visitor.row("data@2")).to_contain_text("goldData")
    expect(visitor.row("data@2")).to_contain_text("team=vision")
    page.keyboard.press("/")
    page.keyboard.type("type = MODEL")
    page.keyboard.press("Enter")
    expect(visitor.row("data@2")).to_have_count(0)
    expect(visitor.row("model@1")).to_be_visible()
    add(project, "model", type="ARTIFACT_TYPE_MODEL")
    expect(visitor.row("model@2")).to_be_visible()
    page.reload()
    expect(visitor.row("model@2")).to_be_visible()
    expect(visitor.row("data@2")).to_have_count(0)
    visitor.assert_accessible()


def test_a_filter_that_is_refused_is_explained(
    visit: Visit, viewer: Person, project: Project
) -> None:
    add(project)
    visitor = visit(viewer)
    for path in ("artifacts", "artifacts/data"):
        visitor.go(project, f"{path}?q=nonsense+%3D+1")
        expect(visitor.page.get_by_role("alert")).to_contain_text("nonsense")
        visitor.page.get_by_role("button", name="Remove nonsense = 1").click()
        expect(visitor.row("data").first).to_be_visible()


def test_what_a_run_made_is_looked_at_and_runs_nothing(
    visit: Visit, viewer: Person, project: Project
) -> None:
    project.watch_to_end(project.submit("reporting.py"))
    visitor = visit(viewer)
    page = visitor.page
    preview = page.get_by_role("region", name="Preview")
    visitor.go(project, "artifacts/reporting-report/versions/1")
    expect(preview.get_by_role("heading", name="Sales of the week")).to_be_visible()
    expect(preview.get_by_role("link", name="the plan")).to_have_attribute(
        "href", "https://example.com/plan"
    )
    expect(preview.get_by_role("link", name="not")).to_have_count(0)
    expect(preview).to_contain_text("<script>")
    visitor.assert_accessible()
    page.get_by_role("link", name="As text").click()
    expect(preview).to_contain_text("# Sales of the week")
    visitor.go(project, "artifacts/reporting-album/versions/1")
    picture = page.get_by_role("img", name="figure.png")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 1
    for file, said in (
        ("head.csv", 'Rome, "north"'),
        ("tree.json", "150 more"),
        ("plot.json", "Loss by epoch"),
    ):
        page.get_by_role("link", name=file).click()
        if file == "tree.json":
            preview.get_by_text("many").click()
        expect(preview.get_by_text(said)).to_be_visible()
        visitor.assert_accessible()
    page.reload()
    expect(preview).to_contain_text("Loss by epoch")
    expect(page).to_have_title("reporting-album@1 · Artifacts · Weft")


def test_plots_are_drawn_and_read_as_a_table(
    visit: Visit, viewer: Person, project: Project
) -> None:
    project.watch_to_end(project.submit("reporting.py"))
    visitor = visit(viewer)
    page = visitor.page
    preview = page.get_by_role("region", name="Preview")
    visitor.go(project, "artifacts/reporting-album/versions/1?file=plot.json")
    chart = preview.get_by_role("img", name="Chart: Loss by epoch")
    expect(chart).to_be_visible()
    chart.hover()
    expect(preview.get_by_text("train: 2, 0.5")).to_be_visible()
    preview.get_by_text("The numbers as a table").click()
    expect(preview.get_by_role("row", name="train 3 0.3")).to_be_visible()
    visitor.assert_accessible()
    page.get_by_role("link", name="bars.json").click()
    chart = preview.get_by_role("img", name="Chart: <img src=x")
    expect(chart).to_contain_text("onerror")
    expect(chart.locator("path[data-colour]")).to_have_count(2)
    preview.get_by_role("button", name="last week").click()
    expect(chart.locator("path[data-colour]")).to_have_count(1)
    visitor.assert_accessible()
    page.get_by_role("link", name="heat.json").click()
    expect(preview.get_by_role("img", name="Chart: Confusion")).to_be_visible()
    expect(preview.get_by_text("From 1, the faintest, to 6")).to_be_visible()
    visitor.assert_accessible()
    page.get_by_role("link", name="pie.json").click()
    expect(preview.get_by_text("Charts of this kind are not drawn here")).to_be_visible()
    expect(preview.get_by_role("cell", name="pie")).to_be_visible()
    visitor.assert_accessible()
    assert page.title() != "owned"


def test_a_page_that_somebody_wrote_is_shown_in_a_sandbox(
    visit: Visit, viewer: Person, project: Project
) -> None:
    project.watch_to_end(project.submit("reporting.py"))
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, "artifacts/reporting-page/versions/1")
    heading = page.frame_locator("iframe").get_by_role("heading", name="A page of its own")
    expect(heading).to_be_visible()
    assert heading.evaluate("it => getComputedStyle(it).color") == "rgb(0, 128, 128)"
    visitor.assert_accessible()
    expect(page).to_have_title("reporting-page@1 · Artifacts · Weft")
    # What the browser says of it is what is wanted: nothing in it ran, and nothing was asked for.
    refused, visitor.problems = visitor.problems, []
    assert len(refused) >= 2
    assert all("sandbox" in each or "Content Security Policy" in each for each in refused)


def test_a_version_says_where_it_comes_from_and_who_took_it(
    visit: Visit, viewer: Person, project: Project
) -> None:
    run = project.submit("reporting.py").rpartition("/")[2]
    project.watch_to_end(f"{project.name}/runs/{run}")
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, "artifacts/reporting-rows/versions/1?view=details")
    details = page.get_by_role("region", name="Details")
    expect(details.get_by_role("link", name=f"{run} / report")).to_be_visible()
    expect(details).to_contain_text("as input given")
    visitor.assert_accessible()
    details.get_by_role("link", name=f"{run} / rows").click()
    expect(page.get_by_role("complementary", name="Step rows")).to_be_visible()
    page.get_by_role("tab", name="Data").click()
    page.get_by_role("link", name="reporting-rows@1").click()
    expect(page.get_by_text("Nothing to look at was recorded")).to_be_visible()
    visitor.assert_accessible()
    for action in ("Edit", "Download"):
        expect(page.get_by_role("button", name=action)).to_have_count(0)


def test_lineage_is_walked_as_a_graph_and_read_as_a_table(
    visit: Visit, viewer: Person, project: Project
) -> None:
    run = project.submit("reporting.py").rpartition("/")[2]
    project.watch_to_end(f"{project.name}/runs/{run}")
    visitor = visit(viewer)
    page = visitor.page
    visitor.go(project, "artifacts/reporting-report/versions/1?view=lineage")
    step = page.get_by_label(f"Step report of {run}", exact=True)
    expect(step).to_be_visible()
    expect(page.get_by_label("Version reporting-rows@1", exact=True)).to_be_visible()
    visitor.assert_accessible()
    page.get_by_label("Way").select_option("What was made of it")
    expect(step).to_have_count(0)
    page.get_by_label("Way").select_option("Where it comes from")
    page.get_by_label("How far").select_option("1 step away")
    page.reload()
    page.get_by_label("Version reporting-report@1", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    expect(step).to_be_focused()
    page.get_by_role("link", name="As a table").click()
    row = visitor.row("was taken as given")
    expect(row).to_contain_text(f"{run} / report")
    visitor.assert_accessible()
    row.get_by_role("link", name="reporting-rows@1").click()
    expect(page.get_by_role("heading", name="reporting-rows@1", level=1)).to_be_visible()
    visitor.go(project, "artifacts/reporting-rows/versions/1?view=lineage")
    page.get_by_label("Version reporting-report@1", exact=True).click()
    expect(page.get_by_role("heading", name="reporting-report@1", level=1)).to_be_visible()
    alone = add(project)
    visitor.go(project, f"{path_of(alone.name)}?view=lineage&as=table")
    expect(page.get_by_role("heading", name="No step made it, and none took it")).to_be_visible()
    visitor.assert_accessible()


def test_what_people_say_of_a_version_is_changed(
    visit: Visit, editor: Person, project: Project
) -> None:
    add(project, alias="gold")
    second = add(project)
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, path_of(second.name))
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Alias").fill("gold")
    page.get_by_label("Description").fill(HOSTILE)
    page.get_by_label("Labels").fill("team=vision\nreviewed")
    visitor.assert_accessible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("gold")
    expect(page.get_by_label("Description")).to_have_value(HOSTILE)
    page.get_by_label("Alias").fill("best")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="data@2", level=1)).to_contain_text("best")
    expect(page.get_by_text(HOSTILE)).to_be_visible()
    expect(page.get_by_text("team=vision")).to_be_visible()
    visitor.go(project, "artifacts/data/versions/best")
    expect(page.get_by_role("heading", name="data@2", level=1)).to_be_visible()
    change(project, second.name, alias="finest")
    expect(page.get_by_role("heading", name="data@2", level=1)).to_contain_text("finest")
    visitor.go(project, "artifacts/data")
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name").fill("The data")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="The data")).to_be_visible()
    visitor.assert_accessible()


def test_files_are_downloaded_by_links(visit: Visit, editor: Person, project: Project) -> None:
    project.watch_to_end(project.submit("reporting.py"))
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, "artifacts/reporting-album/versions/1")
    page.get_by_role("button", name="Download", exact=True).click()
    expect(page.get_by_role("link", name="head.csv").last).to_be_visible()
    visitor.assert_accessible()
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("link", name="head.csv").click()
    assert download.value.suggested_filename == "head.csv"
    assert Path(download.value.path()).read_text().startswith("shop,sold\nBerlin,120\n")


def test_what_lies_elsewhere_is_refused_in_words(
    visit: Visit, editor: Person, project: Project
) -> None:
    shown = artifact_types_pb2.Visualization(kind="VISUALIZATION_KIND_CSV", file="head.csv")
    made = add(project, visualizations=[shown])
    visitor = visit(editor)
    page = visitor.page
    visitor.go(project, path_of(made.name))
    expect(page.get_by_role("alert")).to_contain_text("Request")
    visitor.assert_accessible()
    page.get_by_role("button", name="Download", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Request")
    visitor.go(project, "artifacts/data/versions/9")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()


def test_a_version_is_read_on_a_phone(visit: Visit, viewer: Person, project: Project) -> None:
    made = add(project, alias="gold", labels={"team": "vision"})
    visitor = visit(viewer)
    visitor.page.set_viewport_size(PHONE)
    visitor.go(project, f"{path_of(made.name)}?view=details")
    expect(visitor.page.get_by_text("s3://elsewhere/data")).to_be_visible()
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    visitor.assert_accessible()
