"""Rule 63: single sign-on and sign-in links, by a real control plane and a real provider."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import grpc
import pytest

from gateway.arriving import own_path
from gateway.signing_in import SigningIn
from meshkit import opaque
from tests.controlplane.harness import ADMIN_EMAIL, Client, Plane, refused, running
from tests.controlplane.oidc_provider import browser as people
from tests.controlplane.oidc_provider.process import Providers, RealProvider
from tests.controlplane.sign_on import (
    CALLBACK,
    PUBLIC_URL,
    SETTINGS,
    add_provider,
    name_of,
    registration,
)
from tests.gateway.browser import PRINCIPAL, SESSION, Browser, Site, site
from tests.gateway.toy import Reply, Toy
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc, sessions_pb2

SIGN_IN = "__Host-weft_sign_in"
# A person types an address, or follows a link out of a terminal.
TYPED = {"sec_fetch_site": "none", "x_weft_csrf": ""}
INVALID = ("UNAUTHENTICATED", "INVALID_GRANT")


@pytest.fixture(scope="module")
def providers() -> Iterator[Providers]:
    launched = Providers.launch()
    yield launched
    launched.close()


@pytest.fixture
async def plane(tmp_path: Path, database_url: str) -> AsyncIterator[Plane]:
    async with running(tmp_path, database_url, **SETTINGS) as plane:
        yield plane


@pytest.fixture
async def okta(admin: Client, providers: Providers) -> RealProvider:
    real = providers.start([registration("okta")], {"grace": {"name": "Grace"}})
    await add_provider(admin, "okta", real.issuer)
    return real


def leads_to(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.headers["location"]


def below(address: str) -> str:
    """An address of ours as the gateway is asked for it."""
    assert address.startswith(f"{PUBLIC_URL}/")
    return address.removeprefix(PUBLIC_URL)


async def leave(browser: Browser, **query: str) -> str:
    """Off to the provider: its address."""
    query = {"provider": name_of("okta"), **query}
    status, address = leads_to(await browser("GET", f"/auth/sign-on?{urlencode(query)}"))
    assert status == 303
    return address


async def come_back(browser: Browser, address: str) -> str:
    """Signs in there, and back as far as our own last address."""
    brought = await people.sign_in(address, "grace", until=CALLBACK)
    page = f"/oauth2/callback/default/okta?{urlencode(brought)}"
    reply = await browser("GET", page, sec_fetch_site="cross-site")
    assert reply.status == 303
    return below(reply.headers["location"])


def failed(reply: Reply) -> dict[str, str]:
    """What the page that asks for a sign-in is told."""
    status, location = leads_to(reply)
    assert (status, urlsplit(location).path) == (303, "/login")
    return dict(parse_qsl(urlsplit(location).query))


@pytest.mark.rule(63)
async def test_single_sign_on_ends_with_the_cookie(here: Site, okta: RealProvider) -> None:
    browser = here.browser()
    address = await leave(browser, returnTo="/projects/demo?q=a%20b")
    (line,) = browser.set_cookie
    assert line.startswith(f"{SIGN_IN}=")
    assert line.endswith("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600")
    done = await come_back(browser, address)
    reply = await browser("GET", done, sec_fetch_site="cross-site", x_weft_csrf="")
    assert leads_to(reply) == (303, "/projects/demo?q=a%20b")
    assert list(browser.cookies) == [SESSION]
    who = (await browser("GET", "/auth/session")).json
    assert who["user"]["displayName"] == "Grace"
    # A code works once, also for who has everything else.
    assert failed(await browser("GET", done))["error"] == "SIGN_IN_EXPIRED"


ELSEWHERE_URL = "https://lab.example"


@pytest.mark.rule(63)
async def test_a_gateway_elsewhere_gets_a_cookie_of_its_own(
    tmp_path: Path, database_url: str, toy: Toy, providers: Providers
) -> None:
    """By a code that comes through the first gateway, of use to the browser that began alone."""
    settings = {**SETTINGS, "gateway_urls": ELSEWHERE_URL}
    async with running(tmp_path, database_url, **settings) as plane:
        admin = await plane.set_up()
        real = providers.start([registration("okta")], {"grace": {"name": "Grace"}})
        await add_provider(admin, "okta", real.issuer)
        async with site(plane, admin, toy) as here:
            # The same workspace behind two gateways: each host has its own browser storage.
            there = here.beside(public_url=ELSEWHERE_URL)
            first, second, thief = here.browser(), there.browser(), there.browser()
            brought = await people.sign_in(await leave(second), "grace", until=CALLBACK)
            page = f"/oauth2/callback/default/okta?{urlencode(brought)}"
            onward = (await first("GET", page, sec_fetch_site="cross-site")).headers["location"]
            assert onward.startswith(f"{ELSEWHERE_URL}/auth/sign-on/done?")
            done = onward.removeprefix(ELSEWHERE_URL)
            assert failed(await thief("GET", done, **TYPED))["error"] == "SIGN_IN_EXPIRED"
            assert leads_to(await second("GET", done, sec_fetch_site="cross-site")) == (303, "/")
            assert first.cookies == thief.cookies == {}
            who = (await second("GET", "/auth/session")).json
            assert who["user"]["displayName"] == "Grace"
            assert failed(await second("GET", done))["error"] == "SIGN_IN_EXPIRED"
            # Signed in at both, and out everywhere from either.
            await come_back_to(first, await leave(first))
            assert (await first("DELETE", "/auth/session?everywhere=true")).status == 204
            plane.clock.advance(seconds=601)
            assert (await second("GET", "/auth/session")).status == 401


async def come_back_to(browser: Browser, address: str) -> None:
    done = await come_back(browser, address)
    assert (await browser("GET", done, sec_fetch_site="cross-site")).status == 303


@pytest.mark.rule(63, refuses=True)
async def test_a_gateway_that_the_settings_do_not_name_gets_nobody_back(
    here: Site, okta: RealProvider
) -> None:
    there = here.beside(public_url=ELSEWHERE_URL).browser()
    query = urlencode({"provider": name_of("okta"), "returnTo": "/x"})
    told = failed(await there("GET", f"/auth/sign-on?{query}"))
    assert told == {"error": "INVALID_FIELDS", "returnTo": "/x"}


@pytest.mark.rule(63, refuses=True)
async def test_an_attackers_answer_signs_nobody_in(here: Site, okta: RealProvider) -> None:
    """Login CSRF: who did not begin the sign-in in this browser does not end it there."""
    attacker, victim, other = here.browser(), here.browser(), here.browser()
    done = await come_back(attacker, await leave(attacker))
    assert failed(await victim("GET", done, **TYPED))["error"] == "SIGN_IN_EXPIRED"
    await leave(other)
    assert failed(await other("GET", done, **TYPED))["error"] == "SIGN_IN_EXPIRED"
    # With the state of the victim's own, the attacker's code fits no verifier.
    await leave(other)
    own = other.cookies[SIGN_IN].partition(".")[0]
    code = dict(parse_qsl(urlsplit(done).query))["code"]
    mixed = f"/auth/sign-on/done?{urlencode({'state': own, 'code': code})}"
    assert failed(await other("GET", mixed, **TYPED))["error"] == "INVALID_GRANT"
    assert SESSION not in {**victim.cookies, **other.cookies}
    # And it was spoiled for nobody.
    assert leads_to(await attacker("GET", done)) == (303, "/")


@pytest.mark.rule(63, refuses=True)
async def test_sign_ons_that_fail_lead_to_the_page_that_asks_again(
    here: Site, okta: RealProvider
) -> None:
    browser = here.browser()
    address = await leave(browser, returnTo="/x")
    brought = await people.sign_in(address, "grace", until=CALLBACK, refuse=True)
    page = f"/oauth2/callback/default/okta?{urlencode(brought)}"
    done = below((await browser("GET", page)).headers["location"])
    told = failed(await browser("GET", done))
    assert told == {"error": "access_denied", "returnTo": "/x"}
    assert browser.cookies == {}
    for provider, word in ((name_of("absent"), "RESOURCE_NOT_FOUND"), ("x", "INVALID_FIELDS")):
        query = urlencode({"provider": provider})
        assert failed(await browser("GET", f"/auth/sign-on?{query}"))["error"] == word


ELSEWHERE = [
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\tevil",
    "/%0d%0aset-cookie:x=1\r\n",
    "javascript:alert(1)",
    "projects",
    "/\u00e4",
    "/" + "a" * 2000,
    "",
]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_no_redirect_leads_away(path: str) -> None:
    assert own_path(path) == "/"


@pytest.mark.parametrize("path", ["/", "/projects/demo/runs/a%2Fb?tab=logs&x=[1]#l-7", "/a//b"])
def test_our_own_paths_are_kept(path: str) -> None:
    assert own_path(path) == path


# Links.


async def link(client: Client, path: str = "") -> str:
    """A link of this client's, as the gateway is asked for it."""
    made = await client.auth.CreateSignInLink(auth_pb2.CreateSignInLinkRequest(path=path))
    return below(made.uri)


@pytest.mark.rule(63)
async def test_a_link_signs_a_browser_in_once(here: Site, admin: Client) -> None:
    browser, late = here.browser(), here.browser()
    opened = await link(admin, "/projects/demo/runs/first?tab=logs")
    reply = await browser("GET", opened, **TYPED)
    assert leads_to(reply) == (303, "/projects/demo/runs/first?tab=logs")
    assert (await browser("GET", PRINCIPAL)).json["email"] == ADMIN_EMAIL
    listed = (await browser("GET", "/api/controlplane/v1/users/me/sessions")).json["sessions"]
    assert [one["origin"] for one in listed if one["current"]] == ["link"]
    assert failed(await late("GET", opened, **TYPED)) == {
        "error": "INVALID_GRANT",
        "returnTo": "/projects/demo/runs/first?tab=logs",
    }
    assert late.cookies == {}


async def test_a_link_counts_where_the_session_before_cannot_be_ended(
    here: Site, browser: Browser, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It works but once: whoever lost the new session over the old one would have none."""
    await browser.sign_in()
    before, opened = browser.cookies[SESSION], await link(admin)
    async with grpc.aio.insecure_channel("127.0.0.1:1") as nobody:
        away = auth_pb2_grpc.AuthServiceStub(nobody)
        monkeypatch.setattr(SigningIn, "_auth", lambda _: away)
        assert (await browser("GET", opened, **TYPED)).status == 303
    monkeypatch.undo()
    assert browser.cookies[SESSION] != before
    assert (await browser("GET", PRINCIPAL)).json["email"] == ADMIN_EMAIL


@pytest.mark.rule(63, refuses=True)
async def test_links_that_sign_nobody_in(here: Site, admin: Client, plane: Plane) -> None:
    opened = await link(admin)
    for page in ("cross-site", "same-site"):
        browser = here.browser()
        reply = await browser("GET", opened, sec_fetch_site=page, x_weft_csrf="")
        assert failed(reply)["error"] == "LINK_FROM_ELSEWHERE"
    forged = opaque.make("weft_link_", opened.split("_")[2])[0]
    for bad in ("", "x", f"{opened[11:]}0", forged, f"../link/{forged}"):
        assert failed(await here.browser()("GET", f"/auth/link/{bad}", **TYPED))["error"] in (
            "INVALID_GRANT",
            "INVALID_FIELDS",
        )
    plane.clock.advance(minutes=2)
    assert failed(await here.browser()("GET", opened, **TYPED))["error"] == "INVALID_GRANT"
    # It dies with the session that made it.
    other = await plane.sign_in()
    opened = await link(other)
    await admin.sessions.RevokeAllSessions(
        sessions_pb2.RevokeAllSessionsRequest(parent="users/me", keep_current=True)
    )
    assert failed(await here.browser()("GET", opened, **TYPED))["error"] == "INVALID_GRANT"


async def test_links_are_made_by_people_who_are_signed_in(plane: Plane, admin: Client) -> None:
    from tests.controlplane.test_members import exchange, personal_token

    anyone = await plane.edge()
    create: Any = auth_pb2.CreateSignInLinkRequest
    assert (await refused(anyone.auth.CreateSignInLink(create())))[0] == "UNAUTHENTICATED"
    script = await plane.as_user(
        await exchange(anyone, personal_access_token=await personal_token(admin))
    )
    assert await refused(script.auth.CreateSignInLink(create())) == (
        "PERMISSION_DENIED",
        "CALLER_NOT_ALLOWED",
    )
    for path in ELSEWHERE[:-1]:
        told = await refused(admin.auth.CreateSignInLink(create(path=path)))
        assert told == ("INVALID_ARGUMENT", "INVALID_FIELDS"), path
    code = (await link(admin)).removeprefix("/auth/link/")
    tokens = await anyone.auth.ExchangeToken(auth_pb2.ExchangeTokenRequest(sign_in_code=code))
    assert (tokens.refresh_token, bool(tokens.session_token)) == ("", True)
    again = anyone.auth.ExchangeToken(auth_pb2.ExchangeTokenRequest(sign_in_code=code))
    assert await refused(again) == INVALID


# Under a path of somebody else's origin.


async def test_redirects_stay_below_the_base(plane: Plane, admin: Client, toy: Toy) -> None:
    async with site(plane, admin, toy, base="/ml/weft") as here:
        browser = here.browser()
        opened = await link(admin, "/projects")
        for prefix in ("/ml/weft", ""):
            reply = await browser("GET", f"{prefix}/auth/link/x?returnTo=/a", **TYPED)
            assert reply.headers["location"] == "/ml/weft/login?error=INVALID_GRANT&returnTo=%2Fa"
        assert leads_to(await browser("GET", f"/ml/weft{opened}", **TYPED)) == (
            303,
            "/ml/weft/projects",
        )
        assert (await browser("GET", f"/ml/weft{PRINCIPAL}")).json["email"] == ADMIN_EMAIL
        assert (await browser("GET", f"/ml/weftx{PRINCIPAL}")).status == 404
        # What stands between is not taken away twice.
        assert (await browser("GET", f"/ml/weft/ml/weft{PRINCIPAL}")).status == 404
