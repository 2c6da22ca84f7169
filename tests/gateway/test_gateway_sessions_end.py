"""Rule 63: devices that browsers approve, what ends sessions, and what is kept of them."""

import asyncio
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from gateway.sessions import Sessions
from meshkit import opaque
from tests.controlplane.harness import ORGANIZATION, PASSWORD, Client, Plane, refused, running
from tests.gateway.browser import PRINCIPAL, SESSION, Browser, Site, site
from tests.gateway.toy import Toy
from weftapi.controlplane.v1 import auth_pb2, members_pb2, users_pb2

BOOK = "/v1/shelves/1/books/2"


# Devices.


async def test_a_device_is_approved_in_the_browser(browser: Browser, plane: Plane) -> None:
    anyone = await plane.edge()
    start = auth_pb2.StartDeviceAuthorizationRequest(client_name="weft on laptop")
    device = await anyone.auth.StartDeviceAuthorization(start)
    look = f"/auth/device?user_code={device.user_code}"
    assert (await browser("GET", look)).status == 401
    await browser.sign_in()
    seen = (await browser("GET", look)).json
    assert seen["client"] == "weft on laptop"
    assert (seen["userCode"], seen["state"]) == (device.user_code, "PENDING")
    assert (seen["address"], seen["sameAddress"]) == (device.address, False)
    decision = {"userCode": device.user_code, "approve": True}
    for headers in ({"x_weft_csrf": ""}, {"sec_fetch_site": "cross-site"}):
        reply = await browser("POST", "/auth/device", decision, **headers)
        assert (reply.status, reply.reason) == (403, "CROSS_SITE_REQUEST")
    assert (await browser("POST", "/auth/device", decision)).status == 204
    tokens = await anyone.auth.ExchangeToken(
        auth_pb2.ExchangeTokenRequest(device_code=device.device_code)
    )
    assert tokens.refresh_token
    reply = await browser("POST", "/auth/device", {**decision, "approve": False})
    assert (reply.status, reply.reason) == (400, "ILLEGAL_TRANSITION")


async def test_a_device_is_refused_in_the_browser(browser: Browser, plane: Plane) -> None:
    anyone = await plane.edge()
    device = await anyone.auth.StartDeviceAuthorization(auth_pb2.StartDeviceAuthorizationRequest())
    await browser.sign_in()
    decision = {"userCode": device.user_code.lower(), "approve": False}
    assert (await browser("POST", "/auth/device", decision)).status == 204
    fetch = anyone.auth.ExchangeToken(auth_pb2.ExchangeTokenRequest(device_code=device.device_code))
    assert await refused(fetch) == ("PERMISSION_DENIED", "DEVICE_DENIED")
    for bad in ({"userCode": "x"}, {"userCode": "x", "approve": "yes"}):
        reply = await browser("POST", "/auth/device", bad)
        assert (reply.status, reply.reason) == (400, "INVALID_BODY")
    assert (await browser("GET", "/auth/device?user_code=BCDF-GHJK")).status == 404


# What ends a session.


@pytest.mark.rule(63, refuses=True)
async def test_sessions_of_who_was_shut_out_end(
    here: Site, plane: Plane, admin: Client, browser: Browser
) -> None:
    bob = await plane.new_user(admin, "bob@example.com", role="viewer")
    await browser.sign_in("bob@example.com")
    assert (await browser("GET", PRINCIPAL)).status == 200
    await admin.users.SetPassword(
        users_pb2.SetPasswordRequest(
            email="bob@example.com", current_password=PASSWORD, new_password=f"{PASSWORD}!"
        )
    )
    assert (await browser("GET", PRINCIPAL)).status == 401
    assert (await browser.sign_in("bob@example.com", f"{PASSWORD}!")).status == 204
    assert (await browser("GET", PRINCIPAL)).status == 200
    name = f"{ORGANIZATION}/members/{bob.subject.partition('/')[2]}"
    await admin.members.DeactivateMember(members_pb2.DeactivateMemberRequest(name=name))
    assert (await browser("GET", PRINCIPAL)).status == 401
    assert (await browser("GET", "/auth/session")).status == 401
    assert (await browser.sign_in("bob@example.com", f"{PASSWORD}!")).status == 401


async def test_sign_ins_are_slowed_by_the_browsers_own_address(
    tmp_path: Path, database_url: str, toy: Toy
) -> None:
    async with running(tmp_path, database_url, sign_in_per_minute=3) as plane:
        admin = await plane.set_up()
        async with site(plane, admin, toy) as here:
            one, other = here.browser(address="192.0.2.1"), here.browser(address="192.0.2.2")
            for i in range(3):
                assert (await one.sign_in(f"{i}@example.com", "x")).status == 401
            slowed = await one.sign_in()
            assert (slowed.status, slowed.reason) == (429, "RATE_LIMITED")
            assert int(slowed.headers["retry-after"]) > 0
            assert (await other.sign_in()).status == 204


# What the gateway keeps.


async def test_little_is_kept_and_the_oldest_goes_first(here: Site, toy: Toy) -> None:
    small = Sessions(here.sessions._control_plane, most=2)
    browsers = [here.browser() for _ in range(3)]
    for browser in browsers:
        await browser.sign_in()
        assert await small.bearer(browser.cookies[SESSION], [], here.sessions._control_plane)
    assert len(small) == 2
    first = browsers[0].cookies[SESSION]
    assert await small.bearer(first, [], here.sessions._control_plane)
    small.forget("never seen")
    assert len(small) == 2
    assert first not in repr(small._sessions)


async def test_many_tabs_at_once_exchange_once(here: Site, browser: Browser, toy: Toy) -> None:
    await browser.sign_in()
    replies = await asyncio.gather(*(browser("GET", BOOK) for _ in range(20)))
    assert {reply.status for reply in replies} == {200}
    assert len({seen.metadata["authorization"] for seen in toy.seen}) == 1


async def test_people_who_are_signed_in_go_on_without_the_control_plane(
    here: Site, browser: Browser, plane: Plane, toy: Toy
) -> None:
    """Ruling 15: as long as their workspace tokens hold; nobody new gets in."""
    await browser.sign_in()
    assert (await browser("GET", BOOK)).status == 200
    away, asked = here.sessions._control_plane, 0

    def count() -> grpc.aio.Channel:
        nonlocal asked
        asked += 1
        return away.unary()

    here.sessions._control_plane = replace(away, unary=count)
    await plane.server.stop()
    plane.clock.advance(hours=7)
    for _ in range(3):
        assert (await browser("GET", BOOK)).status == 200
    # Each question may wait for its deadline: one of them is enough for a moment.
    assert asked == 1
    plane.clock.advance(seconds=6)
    assert (await browser("GET", BOOK)).status == 200
    assert asked == 2
    stranger = here.browser()
    stranger.cookies[SESSION] = opaque.make("weft_session_", "0" * 32)[0]
    assert (await stranger("GET", BOOK)).status == 503
    # Who makes cookies up takes no place of theirs.
    assert len(here.sessions) == 1
    plane.clock.advance(hours=2)
    assert (await browser("GET", BOOK)).status == 503
