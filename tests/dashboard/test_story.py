"""The whole story in the browser: from the first sign-in to a model in production.

Ada signs in by single sign-on and invites Grace; she starts the example from its form and watches
it; its failing variant says why it failed, and succeeds when retried; she asks for production,
Grace approves, and the audit log has all of it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.controlplane.oidc_provider.process import Providers
from tests.controlplane.sign_on import ANYONE, CLIENT_ID, CLIENT_SECRET, OIDC
from tests.dashboard.looking import Visitor
from tests.dashboard.test_snapshots_page import publish
from tests.system.mesh import Mesh
from tests.system.people import ORGANIZATION, PASSWORD, WORKSPACE
from tests.system.project import Project, state_of
from weftapi.controlplane.v1 import (
    access_pb2,
    access_pb2_grpc,
    identity_providers_pb2,
    identity_providers_pb2_grpc,
    members_pb2,
    members_pb2_grpc,
)
from weftapi.workspace.v1 import model_types_pb2, models_pb2, models_pb2_grpc

EXAMPLE = Path(__file__).parents[2] / "examples/breast_cancer.py"
SETTINGS = {"controlplane": {"EGRESS_NETWORKS": "127.0.0.0/8"}}
TUMOURS = """
from pathlib import Path

import pandas as pd
from breast_cancer import evaluate, load, select, split, train, validate
from weft import pipeline, step


@step
def convert(frame: pd.DataFrame, mended: str) -> pd.DataFrame:
    if mended and not Path(mended).exists():
        raise ValueError("the scanner measured in inches")
    return frame


@pipeline(model="tumours")
def tumours(mended: str = "") -> None:
    kinds = ["logistic"]
    data = split(validate(convert(load(), mended)), 0.25)
    models = train.map(kinds, data=data.train)
    scores = evaluate.map(kinds, models, test=data.test)
    select(kinds, models, scores, data.test)
"""


@pytest.fixture
def lab(chromium: str, tmp_path: Path) -> Iterator[Mesh]:
    """A mesh that may ask a provider on this machine."""
    mesh = Mesh(tmp_path / "lab", SETTINGS)
    try:
        mesh.start()
        yield mesh
    finally:
        mesh.stop()


@pytest.fixture
def tumours(lab: Mesh, tmp_path: Path) -> Project:
    """The example, published under a name; its model enters production by approval."""
    project = lab.project("clinic")
    code = tmp_path / "code"
    code.mkdir()
    shutil.copy(EXAMPLE, code)
    (code / "tumours.py").write_text(TUMOURS)
    models = project.endpoint.stub(models_pb2_grpc.ModelServiceStub)
    guarded = model_types_pb2.Model(approval_stages=[model_types_pb2.MODEL_STAGE_PRODUCTION])
    request = models_pb2.CreateModelRequest(parent=project.name, model_id="tumours", model=guarded)
    project.call(models.CreateModel, request)
    run = project.submit(str(code / "tumours.py"))
    assert state_of(project.watch_to_end(run)) == "SUCCEEDED"
    publish(project, run, "tumours")
    return project


@pytest.fixture
def okta(lab: Mesh, tumours: Project) -> Iterator[None]:
    """A provider that knows Ada."""
    providers = Providers.launch()
    client = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [f"{lab.dashboard}/oauth2/callback/default/okta"],
    }
    real = providers.start([client], {"ada": {"name": "Ada Lovelace"}})
    endpoint = tumours.connection.control_plane
    request = identity_providers_pb2.CreateIdentityProviderRequest(
        parent=ORGANIZATION,
        identity_provider_id="okta",
        identity_provider=identity_providers_pb2.IdentityProvider(
            kind=OIDC,
            display_name="Okta",
            issuer=real.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            join_policy=ANYONE,
        ),
    )
    stub = endpoint.stub(identity_providers_pb2_grpc.IdentityProviderServiceStub)
    endpoint.call(stub.CreateIdentityProvider, request)
    yield
    providers.close()


def make_administrator(project: Project, name: str) -> None:
    """What the first administrator does once, when somebody has come in."""
    endpoint = project.connection.control_plane
    members = endpoint.stub(members_pb2_grpc.MemberServiceStub)
    asked = members_pb2.ListMembersRequest(parent=ORGANIZATION)
    everybody = endpoint.call(members.ListMembers, asked).members
    [user] = [member.user for member in everybody if member.display_name == name]
    request = access_pb2.CreateRoleBindingRequest(parent=ORGANIZATION)
    request.role_binding.subject = user
    request.role_binding.role = f"{ORGANIZATION}/roles/admin"
    request.role_binding.resource = ORGANIZATION
    stub = endpoint.stub(access_pb2_grpc.AccessServiceStub)
    endpoint.call(stub.CreateRoleBinding, request)


def sign_in_by_provider(page: Page, login: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Continue with Okta").click()
    page.locator("input[name=login]").fill(login)
    page.locator("input[name=password]").fill("any will do there")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def invite(page: Page, address: str) -> str:
    """Answers the link."""
    page.goto("/o/default/invitations")
    page.get_by_role("button", name="Invite", exact=True).click()
    page.get_by_label("Address", exact=True).fill(address)
    page.get_by_label("Role").select_option(f"{ORGANIZATION}/roles/admin")
    page.get_by_label("Where").select_option(WORKSPACE)
    page.get_by_role("button", name="Make the link").click()
    link = page.get_by_text("/invitation#").inner_text()
    page.get_by_role("button", name="I have copied it").click()
    return link


def join(page: Page, link: str, name: str) -> None:
    page.goto(link)
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("button", name=f"Account of {name}")).to_be_visible()


def start(visitor: Visitor, project: Project, **parameters: str) -> None:
    """By the form of the template; ends on the page of the run."""
    page = visitor.page
    visitor.go(project, "snapshots?view=templates")
    page.get_by_role("link", name="tumours").first.click()
    form = page.get_by_role("form", name="Run this snapshot")
    for label, value in parameters.items():
        form.get_by_label(label).fill(value)
    form.get_by_label("Take no step's result from an earlier run").check()
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("navigation", name="Breadcrumbs")).to_contain_text("Runs")


def is_recorded(page: Page, method: str, by: str) -> None:
    """The audit log of a workspace has a call of this person that went well."""
    page.goto("/o/default/audit")
    page.get_by_label("Recorded by").select_option(WORKSPACE)
    page.get_by_label("Did what", exact=True).fill(method)
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("row").filter(has_text=method).filter(has_text=by)).not_to_have_count(0)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("okta")
def test_a_model_goes_from_the_first_sign_in_to_production(
    browser: Browser, lab: Mesh, tumours: Project, tmp_path: Path
) -> None:
    pages = [browser.new_context(base_url=lab.dashboard).new_page() for _ in range(2)]
    page = pages[0]
    sign_in_by_provider(page, "ada")
    # From here on: the provider's own page asks other hosts for its fonts.
    ada, grace = (Visitor(page, lab.dashboard) for page in pages)
    expect(page.get_by_text("No workspace is shared with you here")).to_be_visible()
    make_administrator(tumours, "Ada Lovelace")
    join(grace.page, invite(page, "grace@example.com"), "Grace")

    start(ada, tumours)
    steps = page.get_by_role("table", name="Steps")
    expect(steps.get_by_role("row").filter(has_text="select")).to_contain_text("Succeeded")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Succeeded")

    mended = tmp_path / "mended"
    start(ada, tumours, mended=str(mended))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Failed")
    expect(page.get_by_text("the scanner measured in inches").first).to_be_in_viewport()
    failed = page.url
    mended.touch()
    page.get_by_role("button", name="Retry what failed").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Succeeded")
    assert page.url != failed

    ada.go(tumours, "models/tumours/versions/1")
    page.get_by_role("button", name="Move to a stage").click()
    page.get_by_label("Stage").select_option("Production")
    page.get_by_label("Why").fill("97 % on patients it never saw")
    page.get_by_role("button", name="Ask for it").click()
    grace.go(tumours, "approvals")
    grace.page.get_by_role("button", name="Approve: tumours@1").click()
    grace.page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="tumours@1", level=1)).to_contain_text("Production")

    for method, by in (
        ("SnapshotService.RunSnapshot", "Ada Lovelace"),
        ("RunService.RetryRun", "Ada Lovelace"),
        ("ModelService.RequestStageTransition", "Ada Lovelace"),
        ("ModelService.ApproveStageRequest", "Grace"),
    ):
        is_recorded(page, method, by)
    assert not ada.problems + grace.problems
