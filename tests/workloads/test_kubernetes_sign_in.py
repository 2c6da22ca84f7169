"""Managers outside of their cluster sign in by a kubeconfig, of which the token runs out."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException

from meshtest.kubernetes.cluster import FakeCluster
from workloads.launchers.kubernetes.api import ApiError, Cluster, Kind, connect

# What a plugin of a cloud does, as far as a kubeconfig knows; it notes each time that it was asked.
PLUGIN = 'echo asked >> "$0.calls"; cat "$0"'
Renew = Callable[[str], object]


@asynccontextmanager
async def by_plugin(fake: FakeCluster, directory: Path) -> AsyncIterator[tuple[Cluster, Renew]]:
    credential = directory / "credential.json"

    def renew(token: str) -> None:
        version = "client.authentication.k8s.io/v1"
        said = {"apiVersion": version, "kind": "ExecCredential", "status": {"token": token}}
        credential.write_text(json.dumps(said))

    renew(fake.api.token)
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", PLUGIN, str(credential)],
        "interactiveMode": "Never",
    }
    async with signed_in(fake, directory, exec=plugin) as access:
        yield access, renew


@asynccontextmanager
async def by_file(fake: FakeCluster, directory: Path) -> AsyncIterator[tuple[Cluster, Renew]]:
    file = directory / "token"
    file.write_text(fake.api.token)
    async with signed_in(fake, directory, tokenFile=str(file)) as access:
        yield access, file.write_text


@asynccontextmanager
async def by_text(fake: FakeCluster, directory: Path) -> AsyncIterator[tuple[Cluster, Renew]]:
    """Somebody else writes the kubeconfig anew."""
    async with signed_in(fake, directory, token=fake.api.token) as access:
        yield access, lambda token: fake.api.kubeconfig(directory, token=token)


@asynccontextmanager
async def signed_in(fake: FakeCluster, directory: Path, **user: object) -> AsyncIterator[Cluster]:
    kubeconfig = fake.api.kubeconfig(directory, **user)
    access = await connect(fake.namespace, kubeconfig=str(kubeconfig))
    yield access
    await access.close()


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeCluster]:
    async with FakeCluster(tmp_path) as fake:
        yield fake


@pytest.mark.parametrize("way", [by_plugin, by_file, by_text])
async def test_a_token_that_ran_out_is_followed_by_another(way, fake, tmp_path):
    async with way(fake, tmp_path) as (access, renew):
        await access.list(Kind.JOB)
        fake.api.token = "another"
        renew("another")
        found, _ = await access.within(fake.namespace).list(Kind.JOB)
        assert found == []


async def test_one_who_is_not_let_in_asks_for_a_token_now_and_then(fake, tmp_path):
    async with by_plugin(fake, tmp_path) as (access, _):
        fake.api.token = "another"
        for _attempt in range(3):
            with pytest.raises(ApiError) as refused:
                await access.list(Kind.JOB)
            assert refused.value.status == 401
        asked = (tmp_path / "credential.json.calls").read_text().splitlines()
        assert len(asked) == 2  # at the beginning, and since


async def test_a_kubeconfig_that_is_gone_changes_nothing(fake, tmp_path):
    async with by_text(fake, tmp_path) as (access, _):
        (tmp_path / "kubeconfig").unlink()
        await access.list(Kind.JOB)
        fake.api.token = "another"
        with pytest.raises(ApiError, match="Unauthorized"):
            await access.list(Kind.JOB)


async def test_a_token_that_cannot_be_read_is_a_server_out_of_reach(fake):
    def refresh(_: Configuration) -> None:
        message = "Token file exists but empty."
        raise ConfigException(message)

    configuration = Configuration(host=f"http://127.0.0.1:{fake.api.port}")
    configuration.refresh_api_key_hook = refresh
    configuration.api_key["BearerToken"] = f"Bearer {fake.api.token}"
    access = Cluster(ApiClient(configuration), fake.namespace, None)
    with pytest.raises(ApiError, match="Token file exists but empty") as refused:
        await access.list(Kind.JOB)
    assert refused.value.status == 0
    configuration.refresh_api_key_hook = None
    assert await access.list(Kind.JOB)
    await access.close()
