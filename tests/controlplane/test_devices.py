"""Signing in a device: the state machine alone, then over the wire."""

from uuid import uuid4

import pytest

from controlplane.identity import devices
from controlplane.identity.devices import Pacer, Standing, State
from meshkit.errors import MeshError
from tests.controlplane.harness import ADMIN_EMAIL, GATEWAY, Client, Plane, refused, running
from weftapi.controlplane.v1 import auth_pb2

ADA, BOB = uuid4(), uuid4()
REASONS = {
    # (step, state): same person, another person; while the codes live.
    ("approve", State.PENDING): (State.APPROVED, State.APPROVED),
    ("approve", State.APPROVED): (State.APPROVED, "ILLEGAL_TRANSITION"),
    ("approve", State.DENIED): ("ILLEGAL_TRANSITION", "ILLEGAL_TRANSITION"),
    ("approve", State.USED): (State.USED, "ILLEGAL_TRANSITION"),
    ("deny", State.PENDING): (State.DENIED, State.DENIED),
    ("deny", State.APPROVED): ("ILLEGAL_TRANSITION", "ILLEGAL_TRANSITION"),
    ("deny", State.DENIED): (State.DENIED, "ILLEGAL_TRANSITION"),
    ("deny", State.USED): ("ILLEGAL_TRANSITION", "ILLEGAL_TRANSITION"),
}
FETCHES = {
    (State.PENDING, False): "AUTHORIZATION_PENDING",
    (State.PENDING, True): "DEVICE_CODE_EXPIRED",
    (State.APPROVED, False): State.USED,
    (State.APPROVED, True): "DEVICE_CODE_EXPIRED",
    (State.DENIED, False): "DEVICE_DENIED",
    (State.DENIED, True): "DEVICE_DENIED",
}


def outcome(step, *arguments):
    try:
        return step(*arguments)
    except MeshError as error:
        return error.reason


@pytest.mark.parametrize(("step", "state"), REASONS)
def test_a_person_decides_once(step, state):
    standing = Standing(state, is_expired=False, user_uid=ADA)
    decide = getattr(devices, step)
    assert (outcome(decide, standing, ADA), outcome(decide, standing, BOB)) == REASONS[step, state]


@pytest.mark.parametrize("step", [devices.approve, devices.deny])
def test_nobody_decides_about_expired_codes(step):
    standing = Standing(State.PENDING, is_expired=True, user_uid=None)
    assert outcome(step, standing, ADA) == "DEVICE_CODE_EXPIRED"


@pytest.mark.parametrize(("state", "is_expired"), FETCHES)
def test_a_device_fetches_what_was_approved(state, is_expired):
    standing = Standing(state, is_expired, ADA)
    assert outcome(devices.fetch, standing) == FETCHES[state, is_expired]


def test_the_interval_grows_with_each_hurry():
    pacer, device = Pacer(), uuid4()
    pacer.check(device, 0)
    assert outcome(pacer.check, device, 4.9) == "SLOW_DOWN"
    assert outcome(pacer.check, device, 14.8) == "SLOW_DOWN"  # ten seconds by now
    assert outcome(pacer.check, device, 14.8 + 14.9) == "SLOW_DOWN"
    assert outcome(pacer.check, device, 29.7 + 20) is None


def test_user_codes_spell_no_words_and_forgive_typing():
    code = devices.new_user_code()
    assert not set("AEIOUY0123456789") & set(code)
    typed = code.replace("-", " ").lower()
    assert devices.user_code_digest(typed) == devices.user_code_digest(code)
    assert devices.shown(typed) == code


async def start(client: Client, name: str = "weft 0.1.0 on laptop") -> auth_pb2.DeviceAuthorization:
    request = auth_pb2.StartDeviceAuthorizationRequest(client_name=name)
    return await client.auth.StartDeviceAuthorization(request)


def fetch(client: Client, device: auth_pb2.DeviceAuthorization):
    request = auth_pb2.ExchangeTokenRequest(device_code=device.device_code)
    return client.auth.ExchangeToken(request)


async def test_a_device_is_signed_in_as_who_approved(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    device = await start(anyone)
    assert device.interval.seconds == 5
    assert device.verification_uri_complete.endswith(device.user_code)
    pending = ("FAILED_PRECONDITION", "AUTHORIZATION_PENDING")
    assert await refused(fetch(anyone, device)) == pending
    assert await refused(fetch(anyone, device)) == ("RESOURCE_EXHAUSTED", "SLOW_DOWN")
    seen = await admin.auth.GetDeviceAuthorization(
        auth_pb2.GetDeviceAuthorizationRequest(user_code=device.user_code.lower())
    )
    assert (seen.client_name, seen.device_code) == ("weft 0.1.0 on laptop", "")
    assert seen.address == "127.0.0.1"
    approve = auth_pb2.ApproveDeviceRequest(user_code=device.user_code)
    for _ in range(2):
        approved = await admin.auth.ApproveDevice(approve)
        assert approved.state == auth_pb2.DEVICE_AUTHORIZATION_STATE_APPROVED
    plane.clock.advance(seconds=20)
    tokens = await fetch(anyone, device)
    assert tokens.subject == admin.subject
    laptop = await plane.as_user(tokens)
    whoami = await laptop.auth.GetCurrentPrincipal(auth_pb2.GetCurrentPrincipalRequest())
    assert whoami.email == ADMIN_EMAIL
    assert await refused(fetch(anyone, device)) == ("UNAUTHENTICATED", "INVALID_GRANT")


async def test_a_refused_device_stays_outside(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    device = await start(anyone)
    deny = auth_pb2.DenyDeviceRequest(user_code=device.user_code)
    for _ in range(2):
        denied = await admin.auth.DenyDevice(deny)
        assert denied.state == auth_pb2.DEVICE_AUTHORIZATION_STATE_DENIED
    approve = auth_pb2.ApproveDeviceRequest(user_code=device.user_code)
    illegal = ("FAILED_PRECONDITION", "ILLEGAL_TRANSITION")
    assert await refused(admin.auth.ApproveDevice(approve)) == illegal
    assert await refused(fetch(anyone, device)) == ("PERMISSION_DENIED", "DEVICE_DENIED")


async def test_codes_end_after_ten_minutes(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    device = await start(anyone)
    plane.clock.advance(minutes=9, seconds=59)
    admin = await plane.sign_in()
    get = auth_pb2.GetDeviceAuthorizationRequest(user_code=device.user_code)
    assert (await admin.auth.GetDeviceAuthorization(get)).user_code == device.user_code
    plane.clock.advance(seconds=1)
    missing = ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    expired = ("FAILED_PRECONDITION", "DEVICE_CODE_EXPIRED")
    assert await refused(admin.auth.GetDeviceAuthorization(get)) == missing
    approve = auth_pb2.ApproveDeviceRequest(user_code=device.user_code)
    assert await refused(admin.auth.ApproveDevice(approve)) == expired
    deny = auth_pb2.DenyDeviceRequest(user_code=device.user_code)
    assert await refused(admin.auth.DenyDevice(deny)) == expired
    assert await refused(fetch(anyone, device)) == expired


async def test_codes_are_not_to_be_guessed(tmp_path, sqlite_url: str) -> None:
    async with running(tmp_path, sqlite_url, sign_in_per_minute=3) as plane:
        admin = await plane.set_up()
        guess = auth_pb2.ApproveDeviceRequest(user_code="BCDF-GHJK")
        for _ in range(3):
            assert (await refused(admin.auth.ApproveDevice(guess)))[0] == "NOT_FOUND"
        limited = ("RESOURCE_EXHAUSTED", "RATE_LIMITED")
        assert await refused(admin.auth.ApproveDevice(guess)) == limited
        deny = auth_pb2.DenyDeviceRequest(user_code="BCDF-GHJK")
        assert await refused(admin.auth.DenyDevice(deny)) == limited
        anyone = await plane.edge()
        for _ in range(3):
            await start(anyone)
        request = auth_pb2.StartDeviceAuthorizationRequest()
        assert await refused(anyone.auth.StartDeviceAuthorization(request)) == limited


async def test_only_people_approve(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    device = await start(anyone)
    for method, request in (
        (anyone.auth.ApproveDevice, auth_pb2.ApproveDeviceRequest),
        (anyone.auth.DenyDevice, auth_pb2.DenyDeviceRequest),
        (anyone.auth.GetDeviceAuthorization, auth_pb2.GetDeviceAuthorizationRequest),
    ):
        call = method(request(user_code=device.user_code))
        assert await refused(call) == ("UNAUTHENTICATED", "INVALID_CREDENTIAL")


async def test_a_person_sees_whether_the_device_asked_from_where_they_are(
    plane: Plane, admin: Client
) -> None:
    """Who is talked into approving somebody else's code gets one last hint."""
    device = await start(await plane.edge())
    request = auth_pb2.GetDeviceAuthorizationRequest(user_code=device.user_code)
    assert (await admin.auth.GetDeviceAuthorization(request)).same_address
    member = await plane.enroll(admin, GATEWAY, await workspace_of(plane, admin))
    through = await plane.mesh(member.pair, admin.tokens.access_token)
    far = (("x-weft-client-address", "203.0.113.9"),)
    assert not (await through.auth.GetDeviceAuthorization(request, metadata=far)).same_address


async def workspace_of(plane: Plane, admin: Client) -> str:
    return (await plane.new_workspace(admin, "default")).name.rpartition("/")[2]
