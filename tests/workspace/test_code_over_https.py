"""Git over https against the real `git http-backend`: logins, certificates, and hosts that fail."""

import asyncio
from collections.abc import AsyncIterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from tests.workspace.coding import change, register, resolve, snapshot_of, verify
from tests.workspace.git_https import LOGIN, NAME, GitHttps, git_https
from tests.workspace.git_server import Checkout
from tests.workspace.harness import Harness, refused, workspace
from tests.workspace.test_code_of_commits import files_of
from weftapi.workspace.v1 import secrets_pb2


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout", tmp_path / "served/models.git")


@pytest.fixture
async def server(tmp_path: Path, checkout: Checkout) -> AsyncIterator[GitHttps]:
    async with git_https(checkout.served.parent, tmp_path / "keys") as serving:
        yield serving


# What a host may take; on a busy machine git and its server take a while to start.
_LONG_S = 60.0


@pytest.fixture
async def ws(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str, server: GitHttps
) -> AsyncIterator[Harness]:
    """A workspace that trusts the server's certificate, with its token in a secret."""
    settings = {
        "egress_networks": "127.0.0.0/8",
        "egress_ca_file": server.ca_file,
        "connector_timeout_s": getattr(request, "param", _LONG_S),
    }
    async with workspace(tmp_path, database_url, **settings) as harness:
        await harness.create_project()
        secret = secrets_pb2.Secret(values={"token": LOGIN[1], "wrong": "x"})
        request = secrets_pb2.CreateSecretRequest(secret_id="code", secret=secret)
        await harness.secrets().CreateSecret(request)
        await register(
            harness, url=server.url("models.git"), username=LOGIN[0], secret_name="secrets/code"
        )
        yield harness


async def test_a_private_repository_opens_to_its_token_alone(
    ws: Harness, server: GitHttps, checkout: Checkout
) -> None:
    first = checkout.commit("First", train_py="1")
    checkout.push()
    assert (await verify(ws)).head.commit == first
    assert (await resolve(ws, "main")).subject == "First"
    assert files_of(await snapshot_of(ws, first)) == {"train.py": b"1"}
    await change(ws, "secret_key", secret_key="wrong")
    async with refused("FAILED_PRECONDITION", "CODE_REPOSITORY_REJECTED"):
        await verify(ws)
    await change(ws, "secret_name")
    async with refused("FAILED_PRECONDITION", "CODE_REPOSITORY_REJECTED"):
        await verify(ws)
    server.login = None
    await change(ws, "url", url=server.url("none.git"))
    async with refused("FAILED_PRECONDITION", "CODE_REPOSITORY_ABSENT"):
        await verify(ws)


async def test_what_a_host_answers_is_said_with_its_reason(
    ws: Harness, server: GitHttps, checkout: Checkout
) -> None:
    checkout.commit("First", train_py="1")
    checkout.push()
    elsewhere = {"location": "https://169.254.169.254/models.git/info/refs"}
    for status, headers, code, reason in (
        (403, {}, "FAILED_PRECONDITION", "CODE_REPOSITORY_FORBIDDEN"),
        (404, {}, "FAILED_PRECONDITION", "CODE_REPOSITORY_ABSENT"),
        (429, {}, "UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE"),
        (302, elsewhere, "UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE"),
        (500, {}, "UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE"),
    ):
        server.failure = (status, headers)
        async with refused(code, reason) as refusal:
            await verify(ws)
        assert refusal.error
        assert LOGIN[1] not in refusal.error.message


async def test_git_connects_to_the_address_that_was_checked(
    ws: Harness, server: GitHttps, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS is asked once, by us: git has a name that only we could look up."""
    first = checkout.commit("First", train_py="1")
    checkout.push()
    looked_up: list[str] = []

    def answer(host: str) -> list[IPv4Address]:
        looked_up.append(host)
        return [IPv4Address("127.0.0.1")]

    monkeypatch.setattr("meshkit.egress._look_up", answer)
    await change(ws, "url", url=server.url("models.git").replace("127.0.0.1", NAME))
    assert (await resolve(ws, first)).commit == first
    assert set(looked_up) == {NAME}
    monkeypatch.setattr("meshkit.egress._look_up", lambda _host: [IPv4Address("10.0.0.1")])
    async with refused("UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE") as refusal:
        await resolve(ws, first)
    assert refusal.error
    assert "not a public address" in refusal.error.message


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    ws: Harness, tmp_path: Path, checkout: Checkout
) -> None:
    async with git_https(checkout.served.parent, tmp_path / "others") as stranger:
        await change(ws, "url", url=stranger.url("models.git"))
        async with refused("UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE"):
            await verify(ws)
        # Nobody who is not known got the token.
        assert stranger.seen == []


@pytest.mark.parametrize("ws", [3.0], indirect=True)
async def test_a_host_that_hangs_costs_its_own_call_alone(ws: Harness) -> None:
    """It takes the connection, and says nothing; what was started for it is ended."""
    held = asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await change(ws, "url", url=f"git://127.0.0.1:{port}/models.git")
    calls = [asyncio.ensure_future(verify(ws)) for _ in range(6)]
    done = await asyncio.gather(*calls, return_exceptions=True)
    told = [str(error) for error in done]
    assert sum("too many callers" in each for each in told) == 2
    assert sum("takes too long" in each for each in told) == 4
    held.set()
    server.close()
    await server.wait_closed()
