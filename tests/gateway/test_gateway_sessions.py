"""Rule 63: sessions of browsers, against a real control plane."""

import json
import re
from base64 import urlsafe_b64decode
from typing import Any
from urllib.parse import urlencode

import pytest

from meshkit import opaque
from tests.controlplane.harness import (
    ADMIN_EMAIL,
    ORGANIZATION,
    PASSWORD,
    Client,
    Plane,
    refused,
)
from tests.controlplane.sign_on import add_provider
from tests.gateway.browser import PRINCIPAL, SESSION, Browser, Site, site_before_setup
from tests.gateway.toy import Reply, Toy
from weftapi.controlplane.v1 import auth_pb2, organizations_pb2, sessions_pb2, workspaces_pb2

BOOK = "/v1/shelves/1/books/2"
LAB = "/api/workspaces/lab/v1"
SAYS_NOBODY = (401, "INVALID_CREDENTIAL")


def claims(toy: Toy) -> Any:
    """What the token says that a service saw last."""
    body = toy.last.metadata["authorization"].split(".")[1]
    return json.loads(urlsafe_b64decode(body + "=="))


@pytest.mark.rule(63)
async def test_a_password_becomes_a_cookie_and_the_cookie_a_token(
    browser: Browser, admin: Client
) -> None:
    reply = await browser.sign_in()
    assert (reply.status, reply.body) == (204, b"")
    (line,) = browser.set_cookie
    assert re.fullmatch(
        rf"{SESSION}=weft_session_\w+; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=259\d{{3}}",
        line,
    )
    assert (await browser("GET", PRINCIPAL)).json["subject"] == admin.subject
    who = (await browser("GET", "/auth/session")).json
    assert who["user"] == {"name": admin.subject, "email": ADMIN_EMAIL, "displayName": "Ada"}
    assert who["organization"] == {"name": ORGANIZATION, "displayName": "default"}
    assert who["workspaces"] == [
        {"name": f"{ORGANIZATION}/workspaces/lab", "displayName": "lab", "path": LAB}
    ]
    assert who["expireTime"].endswith("Z")


@pytest.mark.rule(63)
async def test_a_workspace_gets_a_token_of_its_own(
    here: Site, browser: Browser, toy: Toy, admin: Client
) -> None:
    await browser.sign_in()
    for _ in range(2):
        assert (await browser("GET", BOOK)).status == 200
    assert claims(toy)["sub"] == admin.subject
    assert claims(toy)["aud"] != here.plane.identity
    first = toy.last.metadata["authorization"]
    assert toy.seen[-2].metadata["authorization"] == first
    # Long before it ends, the next one is there.
    here.plane.clock.advance(hours=7)
    await browser("GET", BOOK)
    assert toy.last.metadata["authorization"] != first
    assert not any("weft_session_" in str(value) for _, value in toy.last.pairs)


@pytest.mark.rule(63)
async def test_the_header_beats_the_cookie(browser: Browser, admin: Client, plane: Plane) -> None:
    bob = await plane.new_user(admin, "bob@example.com", role="viewer")
    await browser.sign_in()
    headers = {"authorization": f"Bearer {bob.tokens.access_token}"}
    assert (await browser("GET", PRINCIPAL, **headers)).json["subject"] == bob.subject
    reply = await browser("GET", PRINCIPAL, authorization="Bearer nonsense")
    assert (reply.status, reply.reason) == SAYS_NOBODY
    # A program's change needs no mark of a page, whatever cookies it drags along.
    revoke = "/api/controlplane/v1/auth:revokeToken"
    plain = {"x_weft_csrf": "", "sec_fetch_site": ""}
    assert (await browser("POST", revoke, {"token": "x"}, **headers, **plain)).status == 200


@pytest.mark.rule(63, refuses=True)
@pytest.mark.parametrize(
    "headers",
    [
        {"x_weft_csrf": ""},
        {"x_weft_csrf": "0"},
        {"x_weft_csrf": "1, 1"},
        {"sec_fetch_site": ""},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "none"},
    ],
)
async def test_changes_that_no_page_of_ours_asked_for(
    browser: Browser, toy: Toy, headers: dict[str, str]
) -> None:
    await browser.sign_in()
    before = browser.cookies[SESSION]
    for method, target, body in (
        ("DELETE", BOOK, None),
        ("PATCH", BOOK, {"title": "x"}),
        ("POST", "/api/controlplane/v1/auth:revokeToken", {"token": "x"}),
        ("DELETE", "/auth/session", None),
    ):
        reply = await browser(method, target, body, **headers)
        assert (reply.status, reply.reason) == (403, "CROSS_SITE_REQUEST")
    assert (toy.seen, browser.cookies[SESSION]) == ([], before)
    assert (await browser("GET", PRINCIPAL, **headers)).status == 200


@pytest.mark.rule(63, refuses=True)
async def test_nobody_is_signed_in_from_elsewhere(browser: Browser) -> None:
    """Nor into somebody else's account: a form of another site cannot send JSON either."""
    for site_ in ("cross-site", "same-site", "none"):
        body = {"email": ADMIN_EMAIL, "password": PASSWORD}
        reply = await browser("POST", "/auth/session", body, sec_fetch_site=site_)
        assert (reply.status, reply.reason) == (403, "CROSS_SITE_REQUEST")
    for bad in (
        {},
        {"email": "a@b.c"},
        {"email": 1, "password": "x"},
        {"email": "\ud800", "password": "x"},
        [1],
        {"browser": True},
    ):
        reply = await browser("POST", "/auth/session", bad)
        assert (reply.status, reply.reason) == (400, "INVALID_BODY")
    form = await browser("POST", "/auth/session", content_type="text/plain")
    assert (form.status, form.reason) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert browser.cookies == {}


@pytest.mark.rule(63, refuses=True)
async def test_whoever_fails_to_sign_in_learns_nothing(here: Site, admin: Client) -> None:
    replies = []
    for email in (ADMIN_EMAIL, "nobody@example.com"):
        browser = here.browser()
        reply = await browser.sign_in(email, "wrong password")
        assert browser.set_cookie == []
        replies.append((reply.status, reply.json))
    assert replies[0] == replies[1]
    assert (replies[0][0], replies[0][1]["details"][0]["reason"]) == (401, "SIGN_IN_FAILED")


@pytest.mark.rule(63, refuses=True)
async def test_what_is_no_cookie_of_ours_is_nobody(here: Site, browser: Browser) -> None:
    await browser.sign_in()
    good = browser.cookies[SESSION]
    forged = opaque.make("weft_session_", good.split("_")[2])[0]
    for bad in ("x", good[:-1], good + "0", "weft_pat_" + good[13:], forged, "\xe4", ""):
        browser.cookies[SESSION] = bad
        reply = await browser("GET", PRINCIPAL)
        assert (reply.status, reply.reason) == SAYS_NOBODY
        reply = await browser("GET", "/auth/session")
        assert (reply.status, reply.reason) == (401, "NOT_SIGNED_IN")
    twice = f"{good}; {SESSION}={good}"
    browser.cookies[SESSION] = twice
    assert (await browser("GET", PRINCIPAL)).status == 401
    assert len(here.sessions) == 0 or good not in str(vars(here.sessions))
    # Only one that a session was made for is remembered, and it ended nobody's session.
    browser.cookies[SESSION] = good
    assert (await browser("GET", PRINCIPAL)).status == 200
    assert len(here.sessions) == 1


@pytest.mark.rule(63, refuses=True)
async def test_a_session_that_was_there_before_is_never_signed_in(
    here: Site, admin: Client, plane: Plane
) -> None:
    """Session fixation: what an attacker put there ends, and the person gets one of their own."""
    eve = await plane.new_user(admin, "eve@example.com", role="viewer")
    attacker, victim = here.browser(), here.browser()
    await attacker.sign_in("eve@example.com")
    assert (await attacker("GET", PRINCIPAL)).json["subject"] == eve.subject
    victim.cookies[SESSION] = planted = attacker.cookies[SESSION]
    await victim.sign_in()
    assert victim.cookies[SESSION] != planted
    assert (await attacker("GET", PRINCIPAL)).status == 401
    assert (await victim("GET", PRINCIPAL)).json["subject"] == admin.subject


async def test_signing_out_ends_the_session(here: Site, browser: Browser, plane: Plane) -> None:
    await browser.sign_in()
    await browser("GET", BOOK)
    cookie = browser.cookies[SESSION]
    reply = await browser("DELETE", "/auth/session")
    assert (reply.status, browser.cookies) == (204, {})
    assert "Max-Age=0" in browser.set_cookie[0]
    browser.cookies[SESSION] = cookie
    assert (await browser("GET", PRINCIPAL)).status == 401
    assert (await browser("DELETE", "/auth/session")).status == 204


async def test_signing_out_everywhere(here: Site, plane: Plane) -> None:
    one, other, terminal = here.browser(), here.browser(), await plane.sign_in()
    for browser in (one, other):
        await browser.sign_in()
        assert (await browser("GET", PRINCIPAL)).status == 200
    assert (await one("DELETE", "/auth/session?everywhere=true")).status == 204
    assert (await other("GET", PRINCIPAL)).status == 401
    assert (await other("GET", "/auth/session")).status == 401
    refresh = auth_pb2.ExchangeTokenRequest(refresh_token=terminal.tokens.refresh_token)
    assert (await refused(terminal.auth.ExchangeToken(refresh)))[1] == "INVALID_GRANT"
    nobody = here.browser()
    assert (await nobody("DELETE", "/auth/session?everywhere=true")).status == 401


async def test_the_session_is_one_of_the_persons_sessions(
    browser: Browser, admin: Client, toy: Toy
) -> None:
    await browser.sign_in()
    listed = (await browser("GET", "/api/controlplane/v1/users/me/sessions")).json["sessions"]
    (own,) = [session for session in listed if session["current"]]
    assert (own["origin"], own["address"]) == ("password", "192.0.2.7")
    await admin.sessions.RevokeSession(sessions_pb2.RevokeSessionRequest(name=own["name"]))
    assert (await browser("GET", PRINCIPAL)).status == 401
    await browser("GET", BOOK)
    assert "authorization" not in toy.last.metadata


async def test_a_new_signing_key_costs_no_session(
    browser: Browser, plane: Plane, admin: Client, toy: Toy
) -> None:
    await browser.sign_in()
    await browser("GET", BOOK)
    first = toy.last.metadata["authorization"]
    await admin.auth.RotateSigningKey(
        auth_pb2.RotateSigningKeyRequest(organization=ORGANIZATION, compromised=True)
    )
    # What we hold is dead: once it is refused, the cookie is exchanged anew.
    assert (await browser("GET", PRINCIPAL)).status == 401
    assert (await browser("GET", PRINCIPAL)).status == 200
    await browser("GET", BOOK)
    assert toy.last.metadata["authorization"] != first
    again = await plane.sign_in()
    await again.auth.RotateSigningKey(
        auth_pb2.RotateSigningKeyRequest(organization=ORGANIZATION, compromised=True)
    )
    # The page that asks who is signed in hears it at once.
    assert (await browser("GET", "/auth/session")).status == 200


async def test_a_session_ends_when_nobody_uses_it_and_at_its_end(
    here: Site, browser: Browser, plane: Plane
) -> None:
    await browser.sign_in()
    for _ in range(2):
        plane.clock.advance(hours=23)
        assert (await browser("GET", "/auth/session")).status == 200
    # Busy all the time, it is over after three days.
    plane.clock.advance(hours=27)
    assert (await browser("GET", PRINCIPAL)).status == 401
    await browser.sign_in()
    assert (await browser("GET", PRINCIPAL)).status == 200
    plane.clock.advance(hours=24)
    assert (await browser("GET", PRINCIPAL)).status == 401


async def test_two_organizations_are_never_mixed(
    browser: Browser, plane: Plane, admin: Client
) -> None:
    """Another organization may have a workspace of the same id: it is not behind this gateway."""
    other = organizations_pb2.CreateOrganizationRequest(organization_id="other")
    name = (await admin.organizations.CreateOrganization(other)).name
    await admin.workspaces.RegisterWorkspace(
        workspaces_pb2.RegisterWorkspaceRequest(parent=name, workspace_id="lab")
    )
    await plane.new_workspace(admin, "away")
    await browser.sign_in()
    here = (await browser("GET", "/auth/session")).json
    assert [one["path"] for one in here["workspaces"]] == [LAB]
    assert {one["name"] for one in here["organizations"]} == {ORGANIZATION, name}
    there = (await browser("GET", f"/auth/session?organization={name}")).json
    assert (there["organization"]["name"], there["workspaces"]) == (name, [])


async def test_a_workspace_without_a_role_is_refused_as_such(
    here: Site, browser: Browser, plane: Plane, admin: Client, toy: Toy
) -> None:
    await plane.new_user(admin, "bob@example.com")
    await browser.sign_in("bob@example.com")
    reply = await browser("GET", BOOK)
    assert (reply.status, reply.reason, toy.seen) == (403, "NOT_PERMITTED", [])
    who = (await browser("GET", "/auth/session")).json
    assert (who["organization"], who["workspaces"]) == (None, [])


async def test_who_vouches_is_told_to_anybody(browser: Browser) -> None:
    assert (await browser("GET", "/auth/providers")).json == {
        "providers": [],
        "hasPasswords": True,
        "setupRequired": False,
    }


async def test_who_vouches_is_told_of_the_organization_that_is_asked_for(
    browser: Browser, admin: Client
) -> None:
    async def ask(organization: str) -> Reply:
        return await browser("GET", f"/auth/providers?{urlencode({'organization': organization})}")

    created = organizations_pb2.CreateOrganizationRequest(organization_id="other")
    other = (await admin.organizations.CreateOrganization(created)).name
    await add_provider(admin, "okta", "https://okta.example", parent=other, display_name="Okta")
    okta = {"name": f"{other}/identityProviders/okta", "displayName": "Okta"}
    assert (await ask(other)).json["providers"] == [okta]
    for elsewhere in ("", "organizations/absent"):
        assert (await ask(elsewhere)).json["providers"] == []
    nonsense = await ask("<other>")
    assert (nonsense.status, nonsense.reason) == (400, "INVALID_FIELDS")


@pytest.mark.rule(63)
async def test_the_first_administrator_comes_in_by_a_browser(plane: Plane) -> None:
    browser = (await site_before_setup(plane)).browser()
    assert (await browser("GET", "/auth/providers")).json["setupRequired"]
    person = {"email": ADMIN_EMAIL, "displayName": "Ada", "password": PASSWORD}
    wrong = await browser("POST", "/auth/setup", {**person, "setupToken": "weft_setup_nonsense"})
    assert (wrong.status, wrong.reason, browser.cookies) == (401, "INVALID_GRANT", {})
    founding = {**person, "setupToken": plane.setup_token}
    foreign = await browser("POST", "/auth/setup", founding, sec_fetch_site="cross-site")
    assert (foreign.status, foreign.reason) == (403, "CROSS_SITE_REQUEST")
    reply = await browser("POST", "/auth/setup", founding)
    assert (reply.status, reply.body) == (204, b"")
    assert browser.cookies[SESSION].startswith("weft_session_")
    assert (await browser("GET", PRINCIPAL)).json["email"] == ADMIN_EMAIL
    again = await browser("POST", "/auth/setup", founding)
    assert (again.status, again.reason) == (400, "ALREADY_SET_UP")
    assert not (await browser("GET", "/auth/providers")).json["setupRequired"]
