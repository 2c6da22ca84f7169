"""The way in where there are several organizations, each with an identity provider of its own."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.controlplane.oidc_provider.process import Providers
from tests.controlplane.sign_on import ANYONE, CLIENT_ID, CLIENT_SECRET, OIDC
from tests.dashboard.looking import Visitor
from tests.system.mesh import Mesh
from tests.system.people import ORGANIZATION, Person
from weft._connection import Connection
from weftapi.controlplane.v1 import (
    auth_pb2,
    auth_pb2_grpc,
    identity_providers_pb2,
    identity_providers_pb2_grpc,
    invitations_pb2,
    invitations_pb2_grpc,
    organizations_pb2,
    organizations_pb2_grpc,
)

SETTINGS = {"controlplane": {"EGRESS_NETWORKS": "127.0.0.0/8", "SIGN_IN_PER_MINUTE": "1000"}}
PHONE = {"width": 360, "height": 740}
ACME = "organizations/acme"
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
SSO = f"Acme {HOSTILE}"
Arrive = Callable[..., Visitor]


@pytest.fixture(scope="module")
def mesh(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """A mesh that may ask providers on this machine."""
    mesh = Mesh(tmp_path_factory.mktemp("organizations"), SETTINGS)
    try:
        mesh.start()
        yield mesh
    finally:
        mesh.stop()


@pytest.fixture(scope="module")
def admin(mesh: Mesh) -> Iterator[Connection]:
    """The first administrator, once acme is there and both organizations have a provider."""
    connection = mesh.connect("default")
    endpoint = connection.control_plane
    organizations = endpoint.stub(organizations_pb2_grpc.OrganizationServiceStub)
    request = organizations_pb2.CreateOrganizationRequest(organization_id="acme")
    endpoint.call(organizations.CreateOrganization, request)
    providers = Providers.launch()
    for parent, name in ((ORGANIZATION, "Okta"), (ACME, SSO)):
        add_provider(connection, mesh, providers, parent, name)
    yield connection
    providers.close()
    connection.close()


@pytest.fixture
def arrive(browser: Browser, mesh: Mesh, admin: Connection) -> Iterator[Arrive]:
    """Opens pages at the address that providers send people back to; none has raised at the end."""
    visitors: list[Visitor] = []

    def arrive(**options: Any) -> Visitor:
        page = browser.new_context(base_url=mesh.dashboard, **options).new_page()
        visitors.append(Visitor(page, mesh.dashboard))
        return visitors[-1]

    yield arrive
    problems = [problem for visitor in visitors for problem in visitor.problems]
    for visitor in visitors:
        visitor.page.context.close()
    # The pages of providers ask whom they like.
    assert [problem for problem in problems if not problem.startswith("asked ")] == []


def add_provider(
    connection: Connection, mesh: Mesh, providers: Providers, parent: str, name: str
) -> None:
    organization = parent.rpartition("/")[2]
    callback = f"{mesh.dashboard}/oauth2/callback/{organization}/sso"
    client = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [callback],
    }
    real = providers.start([client], {"grace": {"name": f"Grace of {organization}"}})
    request = identity_providers_pb2.CreateIdentityProviderRequest(
        parent=parent,
        identity_provider_id="sso",
        identity_provider=identity_providers_pb2.IdentityProvider(
            kind=OIDC,
            display_name=name,
            issuer=real.issuer,
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            join_policy=ANYONE,
        ),
    )
    endpoint = connection.control_plane
    stub = endpoint.stub(identity_providers_pb2_grpc.IdentityProviderServiceStub)
    endpoint.call(stub.CreateIdentityProvider, request)


def choose(page: Page, organization: str) -> None:
    """By keys alone."""
    page.get_by_text("Sign in to another organization").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Organization")).to_be_focused()
    page.keyboard.type(organization)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Sign in to another organization")).to_be_focused()


def offers(page: Page, *providers: str) -> None:
    """The form sends people to these, once it has asked."""
    expect(page.get_by_label("Password")).to_be_visible()
    links = page.get_by_role("link", name="Continue with")
    expect(links).to_have_text([f"Continue with {provider}" for provider in providers])


def sign_in_there(page: Page, login: str) -> None:
    """At the provider."""
    page.locator("input[name=login]").fill(login)
    page.locator("input[name=password]").fill("any will do there")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def invite(connection: Connection, email: str) -> str:
    """Into acme, to look at it; answers the token."""
    role = invitations_pb2.InvitedRole(role=f"{ACME}/roles/viewer", resource=ACME)
    invitation = invitations_pb2.Invitation(email=email, roles=[role])
    request = invitations_pb2.CreateInvitationRequest(parent=ACME, invitation=invitation)
    endpoint = connection.control_plane
    stub = endpoint.stub(invitations_pb2_grpc.InvitationServiceStub)
    token: str = endpoint.call(stub.CreateInvitation, request).token
    return token


def test_an_organization_is_typed_and_remembered(arrive: Arrive) -> None:
    visitor = arrive(viewport=PHONE)
    page = visitor.page
    page.goto("/login?returnTo=/account/profile")
    offers(page, "Okta")
    visitor.assert_accessible()
    choose(page, "nobodys")
    expect(page.get_by_text("No identity provider is known of this organization")).to_be_visible()
    offers(page)
    visitor.assert_accessible()
    choose(page, HOSTILE)
    expect(page.get_by_role("alert")).to_contain_text("Request")
    visitor.assert_accessible()
    choose(page, " Acme ")
    expect(page).to_have_url(re.compile(r"/login\?returnTo=.*&organization=acme$"))
    page.reload()
    offers(page, SSO)
    visitor.assert_accessible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("link", name="Continue with").click()
    sign_in_there(page, "grace")
    expect(page.get_by_label("Name")).to_have_value("Grace of acme")
    page.get_by_role("button", name="Account of").click()
    page.get_by_role("menuitem", name="Sign out", exact=True).click()
    offers(page, SSO)
    choose(page, "")
    offers(page, "Okta")


def test_who_is_turned_away_is_asked_again_at_the_same_provider(arrive: Arrive) -> None:
    page = arrive().page
    page.goto("/login?organization=acme")
    page.get_by_role("link", name="Continue with").click()
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_text("Your identity provider did not let you in")).to_be_visible()
    offers(page, SSO)


def test_addresses_of_an_organization_lead_to_its_form(
    arrive: Arrive, admin: Connection, mesh: Mesh
) -> None:
    page = arrive().page
    page.goto("/o/acme/members")
    offers(page, SSO)
    auth = admin.anonymous.stub(auth_pb2_grpc.AuthServiceStub)
    request = auth_pb2.StartDeviceAuthorizationRequest(organization=ACME)
    asked = admin.anonymous.call(auth.StartDeviceAuthorization, request)
    page.goto(asked.verification_uri_complete)
    offers(page, SSO)
    Visitor(page, mesh.dashboard).fill_sign_in(Person(mesh, "ed"))
    expect(page.get_by_role("button", name="Let it in")).to_be_visible()


def test_an_invitation_leads_into_its_organization(
    arrive: Arrive, admin: Connection, mesh: Mesh
) -> None:
    guest = Person(mesh, "guest")
    guest.grant_on(ORGANIZATION, "viewer")
    visitor = arrive()
    page = visitor.page
    page.goto(f"/invitation#{invite(admin, guest.email)}")
    offers(page, SSO)
    visitor.assert_accessible()
    visitor.fill_sign_in(guest)
    page.get_by_role("button", name=f"Join as {guest.email}").click()
    # The guest is somebody in the first organization as well.
    expect(page.get_by_role("link", name="Look after acme")).to_be_visible()
