"""The way out: what may be reached, and what comes back."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from meshkit import egress as module
from meshkit.egress import MAX_BYTES, Egress, EgressError, EgressPolicy
from tests.controlplane.lying_provider import LyingProvider, Reply, lying

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
FORBIDDEN = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "192.0.2.1",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2001:db8::1",
    "fec0::1",
    "::10.0.0.1",
    "::ffff:0:10.0.0.1",
    "64:ff9b:1::a00:1",
]


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    egress = Egress(EgressPolicy(LOOPBACK))
    yield egress
    egress.close()


@pytest.fixture
async def server() -> AsyncIterator[LyingProvider]:
    async with lying() as server:
        yield server


async def get(egress: Egress, url: str) -> httpx2.Response:
    async with httpx2.AsyncClient(transport=egress.transport(), timeout=5) as client:
        return await client.get(url)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_addresses_of_our_own_are_out_of_reach(address: str) -> None:
    with pytest.raises(EgressError, match="not a public address"):
        EgressPolicy().require(ipaddress.ip_address(address), "https")


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_the_public_is_within_reach_by_https_alone(address: str) -> None:
    EgressPolicy().require(ipaddress.ip_address(address), "https")
    with pytest.raises(EgressError, match="only https"):
        EgressPolicy(LOOPBACK).require(ipaddress.ip_address(address), "http")


def test_a_listed_network_opens_itself_and_http_only_to_this_machine() -> None:
    policy = EgressPolicy((*LOOPBACK, ipaddress.ip_network("10.20.0.0/16")))
    policy.require(ipaddress.ip_address("10.20.1.1"), "https")
    policy.require(ipaddress.ip_address("127.0.0.1"), "http")
    for address, scheme in (("10.21.0.1", "https"), ("10.20.1.1", "http"), ("127.0.0.1", "ftp")):
        with pytest.raises(EgressError):
            policy.require(ipaddress.ip_address(address), scheme)


async def test_every_address_of_a_name_must_be_allowed(
    egress: Egress, server: LyingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One public address among them is what an attacker's DNS would offer."""
    found = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("169.254.169.254")]
    monkeypatch.setattr(module, "_look_up", lambda _host: found)
    port = server.issuer.rpartition(":")[2]
    with pytest.raises(EgressError):
        await get(egress, f"http://idp.example:{port}/jwks")
    assert server.asked == []


async def test_the_address_that_was_checked_is_the_one_that_is_asked(
    egress: Egress, server: LyingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS that answers otherwise the second time is not asked a second time."""
    answers = [[ipaddress.ip_address("127.0.0.1")], [ipaddress.ip_address("10.0.0.1")]]
    monkeypatch.setattr(module, "_look_up", lambda _host: answers.pop(0))
    port = server.issuer.rpartition(":")[2]
    response = await get(egress, f"http://idp.example:{port}/jwks")
    assert (response.status_code, len(answers)) == (200, 1)


async def test_a_host_is_looked_up_once_at_a_time(
    egress: Egress, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    answer = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look_up(host: str) -> list[Any]:
        asked.append(host)
        asyncio.run_coroutine_threadsafe(answer.wait(), loop).result(20)
        return [ipaddress.ip_address("127.0.0.1")]

    monkeypatch.setattr(module, "_look_up", look_up)
    waiting = [asyncio.create_task(egress.resolve("slow.example")) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    answer.set()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert asked == ["slow.example"]
    assert [str(end) for end in ends[1:]] == ["[IPv4Address('127.0.0.1')]"] * 49


async def test_answers_are_bounded_and_plain(egress: Egress, server: LyingProvider) -> None:
    server.replies = {
        "/fits": Reply(b"x" * MAX_BYTES),
        "/large": Reply(b"x" * (MAX_BYTES + 1)),
        "/packed": Reply(b"", headers={"content-encoding": "br"}),
        "/elsewhere": Reply(code=302, headers={"location": "http://127.0.0.1:1/"}),
    }
    assert len((await get(egress, f"{server.issuer}/fits")).content) == MAX_BYTES
    assert (await get(egress, f"{server.issuer}/elsewhere")).status_code == 302
    with pytest.raises(EgressError, match="more than"):
        await get(egress, f"{server.issuer}/large")
    with pytest.raises(EgressError, match="compressed"):
        await get(egress, f"{server.issuer}/packed")


async def test_a_name_that_is_nobody_s(egress: Egress) -> None:
    with pytest.raises(EgressError, match="cannot be resolved"):
        await get(egress, "https://nobody.invalid/")


@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        ("https://idp.example", True),
        ("https://idp.example:8443/tenant/", True),
        ("http://127.0.0.1:8080", True),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost", False),
        ("http://idp.example", False),
        ("https://user@idp.example", False),
        ("https://idp.example/#x", False),
        ("https:///path", False),
        ("//idp.example", False),
        ("", False),
        ("https://[::1", False),
    ],
)
def test_urls_that_could_be_fetched(url: str, accepted: bool) -> None:  # noqa: FBT001
    assert EgressPolicy(LOOPBACK).accepts(url) is accepted


async def test_a_private_ca_is_trusted_beside_the_public_ones(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Egress(EgressPolicy(ca_file=tmp_path / "absent.pem"))
