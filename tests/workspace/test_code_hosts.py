"""Repositories through the REST APIs of GitHub and GitLab, and all that can go wrong there."""

import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.workspace.code_hosts import TOKEN, FakeGitHub, FakeGitLab, serving
from tests.workspace.coding import (
    GITHUB,
    GITLAB,
    change,
    register,
    resolve,
    snapshot_of,
    verify,
)
from tests.workspace.git_server import Checkout
from tests.workspace.harness import Harness, refused, workspace
from tests.workspace.test_code_of_commits import files_of
from weftapi.workspace.v1 import secrets_pb2

Host = FakeGitHub | FakeGitLab
_KINDS: dict[type[Host], Any] = {FakeGitHub: GITHUB, FakeGitLab: GITLAB}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout", tmp_path / "served/models.git")


@pytest.fixture(params=[FakeGitHub, FakeGitLab])
async def host(request: pytest.FixtureRequest, checkout: Checkout) -> AsyncIterator[Host]:
    fake: Host = request.param(checkout.served)
    async with serving(fake):
        yield fake


# What a host may take; on a busy machine also one that answers at once takes a while.
_LONG_S = 60.0


@pytest.fixture
async def ws(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str, host: Host
) -> AsyncIterator[Harness]:
    """A workspace with the host's repository, and its token in a secret."""
    patience_s = getattr(request, "param", _LONG_S)
    settings = {"egress_networks": "127.0.0.0/8", "connector_timeout_s": patience_s}
    async with workspace(tmp_path, database_url, **settings) as harness:
        await harness.create_project()
        await keep_token(harness, TOKEN)
        await register(harness, url=host.url, kind=_KINDS[type(host)], secret_name="secrets/code")
        yield harness


async def keep_token(ws: Harness, token: str) -> None:
    secret = secrets_pb2.Secret(values={"token": token, "other": token})
    request = secrets_pb2.CreateSecretRequest(secret_id="code", secret=secret)
    await ws.secrets().CreateSecret(request)


async def test_commits_are_found_and_fetched_with_the_token(
    ws: Harness, host: Host, checkout: Checkout
) -> None:
    first = checkout.commit("First\n\nwith a body", train_py="1", team__a_py="a")
    checkout.git("tag", "v1")
    checkout.git("branch", "feature/x")
    second = checkout.commit("Second", train_py="2")
    checkout.push("--all")
    checkout.push("--tags")
    answer = await verify(ws)
    assert (answer.default_branch, answer.head.commit) == ("main", second)
    assert (answer.head.subject, await resolve(ws)) == ("Second", answer.head)
    told = int(checkout.git("log", "-1", "--format=%ct"))
    assert answer.head.commit_time.seconds == told
    for revision in ("v1", "refs/tags/v1", "feature/x", first, first[:7]):
        found = await resolve(ws, revision)
        assert (found.commit, found.subject) == (first, "First"), revision
    made = await snapshot_of(ws, first)
    assert files_of(made) == {"train.py": b"1", "team/a.py": b"a"}
    assert files_of(await snapshot_of(ws, first, directory="team")) == {"a.py": b"a"}
    # The token went to the API with every call, and nowhere else.
    calls = zip(host.calls, host.tokens, strict=True)
    elsewhere = [given for call, given in calls if "?token" in call]
    assert set(elsewhere) <= {""}
    assert host.tokens.count(f"Bearer {TOKEN}") == len(host.tokens) - len(elsewhere)


async def test_what_is_not_there_is_told_apart(ws: Harness, host: Host, checkout: Checkout) -> None:
    async with refused("NOT_FOUND", "REVISION_UNKNOWN"):
        await verify(ws)
    first = checkout.commit("First", train_py="1")
    checkout.push()
    for revision in ("none", "f00d" * 10, "abcdef1", "refs/tags/v1"):
        async with refused("NOT_FOUND", "REVISION_UNKNOWN"):
            await resolve(ws, revision)
    async with refused("FAILED_PRECONDITION", "CODE_REPOSITORY_ABSENT"):
        await snapshot_of(ws, "f00d" * 10)
    await change(ws, "url", url=host.url.replace("models", "none"))
    for asking in (verify(ws), resolve(ws, "main"), resolve(ws, first)):
        async with refused("FAILED_PRECONDITION", "CODE_REPOSITORY_ABSENT"):
            await asking


async def test_tokens_that_do_not_open_are_told_apart(
    ws: Harness, host: Host, checkout: Checkout
) -> None:
    checkout.commit("First", train_py="1")
    checkout.push()
    await change(ws, "secret_key", secret_key="none")
    async with refused("FAILED_PRECONDITION", "CODE_REPOSITORY_REJECTED"):
        await verify(ws)
    await change(ws, "secret_key", secret_key="other")
    await verify(ws)
    await change(ws, "secret_name")
    async with refused("FAILED_PRECONDITION", "CODE_REPOSITORY_ABSENT"):
        await verify(ws)
    host.is_private = False
    await verify(ws)


_ANSWERS: tuple[tuple[int, dict[str, str], str, str], ...] = (
    (401, {}, "FAILED_PRECONDITION", "CODE_REPOSITORY_REJECTED"),
    (403, {}, "FAILED_PRECONDITION", "CODE_REPOSITORY_FORBIDDEN"),
    (403, {"x-ratelimit-remaining": "0"}, "UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE"),
    (404, {}, "FAILED_PRECONDITION", "CODE_REPOSITORY_ABSENT"),
    (429, {"retry-after": "60"}, "UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE"),
    (301, {"location": "http://127.0.0.1:1/"}, "UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE"),
    (500, {}, "UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE"),
    # Not what was asked for.
    (200, {}, "UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE"),
)


async def test_what_a_host_answers_is_said_with_its_reason(
    ws: Harness, host: Host, checkout: Checkout
) -> None:
    first = checkout.commit("First", train_py="1")
    checkout.push()
    for status, headers, code, reason in _ANSWERS:
        host.failure = (status, headers)
        for asking in (verify(ws), resolve(ws, "main"), resolve(ws, first)):
            async with refused(code, reason):
                await asking
    host.failure = (200, {})
    async with refused("FAILED_PRECONDITION", "CODE_UNUSABLE"):
        await snapshot_of(ws, first)


@pytest.mark.parametrize("ws", [2.0], indirect=True)
async def test_a_host_that_is_away_or_hangs_is_unavailable(ws: Harness, host: Host) -> None:
    host.hangs = True
    async with refused("UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE") as refusal:
        await verify(ws)
    assert refusal.error
    assert "takes too long" in refusal.error.message
    await change(ws, "api_url", api_url="http://127.0.0.1:1/api")
    async with refused("UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE"):
        await verify(ws)


async def test_archives_come_from_nowhere_private(
    ws: Harness, host: Host, checkout: Checkout
) -> None:
    first = checkout.commit("First", train_py="1")
    checkout.push()
    for there in ("https://10.0.0.1/x", "http://169.254.169.254/latest", "file:///etc/passwd", ""):
        host.archive_at = there or "https://user@[::1]:x/"
        async with refused("UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE"):
            await snapshot_of(ws, first)


async def test_hostile_archives_make_no_snapshot(
    ws: Harness, host: Host, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = checkout.commit("First", train_py="1")
    checkout.push()
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("top/../../etc/cron.d/owned"))
    for content in (raw.getvalue(), b"", b"<html>", raw.getvalue()[:40]):
        host.archive = content
        async with refused("FAILED_PRECONDITION", "CODE_UNUSABLE"):
            await snapshot_of(ws, first)
    monkeypatch.setattr("workspace.repositories.rest.MAX_TARBALL_BYTES", 1000)
    host.archive = bytes(2000)
    async with refused("FAILED_PRECONDITION", "CODE_UNUSABLE"):
        await snapshot_of(ws, first)
