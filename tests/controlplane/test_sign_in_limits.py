"""Ten tries a minute for each address and for each account, also through gateways (ruling 28)."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.controlplane.harness import (
    ADMIN_EMAIL,
    GATEWAY,
    ORGANIZATION,
    PASSWORD,
    Client,
    Plane,
    reason_of,
    running,
)
from weftapi.controlplane.v1 import auth_pb2

_PER_MINUTE = 10
LIMITED = "RATE_LIMITED"
OK = ""


@pytest.fixture
async def plane(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Plane]:
    """With the limit that everybody has who set none."""
    async with running(tmp_path, sqlite_url, sign_in_per_minute=_PER_MINUTE) as plane:
        yield plane


@pytest.fixture
async def gateway(plane: Plane, admin: Client) -> Client:
    await plane.new_workspace(admin, "w1")
    return await plane.mesh((await plane.enroll(admin, GATEWAY, "w1")).pair)


async def hears(call: Any) -> str:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return reason_of(error)
    return OK


def guess(client: Client, email: str, address: str, password: str = "wrong password") -> Any:
    request = auth_pb2.SignInRequest(email=email, password=password)
    return hears(client.auth.SignIn(request, metadata=_from(address)))


def device(client: Client, address: str) -> Any:
    request = auth_pb2.StartDeviceAuthorizationRequest()
    return hears(client.auth.StartDeviceAuthorization(request, metadata=_from(address)))


def _from(address: str) -> tuple[tuple[str, str], ...]:
    return (("x-weft-client-address", address),)


async def test_a_thousand_addresses_gain_nothing_on_one_account(
    plane: Plane, gateway: Client
) -> None:
    found = [await guess(gateway, ADMIN_EMAIL, f"198.51.100.{n}") for n in range(60)]
    assert Counter(found) == {"SIGN_IN_FAILED": _PER_MINUTE, LIMITED: 50}
    # However the address is spelled, and also with the right password.
    assert await guess(gateway, ADMIN_EMAIL.upper(), "192.0.2.1", PASSWORD) == LIMITED
    plane.clock.advance(seconds=6)
    assert await guess(gateway, ADMIN_EMAIL, "192.0.2.2", PASSWORD) == OK
    assert await guess(gateway, ADMIN_EMAIL, "192.0.2.3", PASSWORD) == LIMITED


async def test_an_address_gains_nothing_over_a_thousand_accounts(gateway: Client) -> None:
    found = [await guess(gateway, f"u{n}@example.com", "203.0.113.7") for n in range(60)]
    assert Counter(found) == {"SIGN_IN_FAILED": _PER_MINUTE, LIMITED: 50}
    # Its tries past the limit were none on those accounts, nor anybody else's.
    assert await guess(gateway, ADMIN_EMAIL, "203.0.113.8", PASSWORD) == OK


async def test_device_codes_are_limited_for_each_address(plane: Plane, gateway: Client) -> None:
    for address in ("203.0.113.7", "203.0.113.8"):
        found = [await device(gateway, address) for _ in range(_PER_MINUTE + 5)]
        assert Counter(found) == {OK: _PER_MINUTE, LIMITED: 5}
    # Behind two gateways an address is still one.
    other = await plane.mesh((await plane.enroll(await plane.sign_in(), GATEWAY, "w1")).pair)
    assert await device(other, "203.0.113.7") == LIMITED
    plane.clock.advance(minutes=1)
    assert await device(other, "203.0.113.7") == OK


async def test_organizations_are_guessed_no_faster_than_accounts(
    plane: Plane, gateway: Client
) -> None:
    async def hear(address: str, organization: str = "") -> str:
        request = auth_pb2.GetAuthConfigRequest(organization=organization)
        return await hears(gateway.auth.GetAuthConfig(request, metadata=_from(address)))

    found = [await hear("203.0.113.7", f"organizations/o{n}") for n in range(_PER_MINUTE + 5)]
    assert Counter(found) == {OK: _PER_MINUTE, LIMITED: 5}
    # One that exists is told by its answer no sooner; whoever names none is no guesser.
    assert await hear("203.0.113.7", ORGANIZATION) == LIMITED
    assert await hear("203.0.113.7") == OK
    assert await hear("203.0.113.8", ORGANIZATION) == OK
    plane.clock.advance(minutes=1)
    assert await hear("203.0.113.7", ORGANIZATION) == OK


async def test_only_gateways_speak_for_addresses(plane: Plane) -> None:
    anyone = await plane.edge()
    found = [await device(anyone, f"203.0.113.{n}") for n in range(_PER_MINUTE + 5)]
    assert Counter(found) == {OK: _PER_MINUTE, LIMITED: 5}


async def test_a_network_of_one_household_is_one_address(gateway: Client) -> None:
    """Whoever has an IPv6 address has 2^64 of them."""
    found = [await device(gateway, f"2001:db8:0:1::{n:x}") for n in range(_PER_MINUTE + 5)]
    assert Counter(found) == {OK: _PER_MINUTE, LIMITED: 5}
    assert await device(gateway, "2001:db8:0:2::1") == OK
    # The same address in the other notation.
    found = [await device(gateway, f"::ffff:192.0.2.{n}") for n in (1, 2)]
    assert found == [OK, OK]
    found = [await device(gateway, "192.0.2.1") for _ in range(_PER_MINUTE)]
    assert Counter(found) == {OK: _PER_MINUTE - 1, LIMITED: 1}
