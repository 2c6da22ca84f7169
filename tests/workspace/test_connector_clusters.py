"""What is a cluster's own: kubeconfigs that are never obeyed, client certificates, audiences."""

import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.duration_pb2 import Duration

from meshkit import certificates
from meshkit.errors import FailedPrecondition
from meshkit.spiffe import Role, SpiffeId
from tests.workspace.cloud_fakes import (
    CLUSTER_TOKEN,
    FakeCluster,
    serving,
)
from tests.workspace.connector_clients import NAME, connect, issue, verify
from tests.workspace.harness import Harness, refused, workspace
from weftapi.workspace.v1 import service_connectors_pb2 as pb
from workspace.connectors import kubeconfig

UID = UUID(int=9)


@pytest.fixture
async def ws(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Harness]:
    async with workspace(tmp_path, sqlite_url, egress_networks="127.0.0.0/8") as harness:
        yield harness


async def test_a_cluster_s_token_is_for_an_audience_and_a_time(ws: Harness) -> None:
    async with serving(FakeCluster()) as fake:
        config = {"server": fake.url, "namespace": "lab", "service_account": "trainer"}
        config |= {"audience": "https://vault.example", "cluster": "gpus"}
        await connect(ws, "kubernetes", "token", config, token=CLUSTER_TOKEN)
        for seconds, asked in ((60, 600), (1800, 1800)):
            ttl = Duration(seconds=seconds)
            found = await issue(ws, "kubernetes-cluster", "gpus", ttl=ttl)
            assert fake.tokens[found.kubernetes.token] == "cluster"
            assert (found.kubernetes.server, found.kubernetes.namespace) == (fake.url, "lab")
            assert fake.requests[-1] == {
                "expirationSeconds": asked,
                "audiences": ["https://vault.example"],
            }
        async with refused("FAILED_PRECONDITION", "CONNECTOR_RESOURCE_UNKNOWN"):
            await issue(ws, "kubernetes-cluster", "other")


def written(cluster: dict[str, Any], user: dict[str, Any]) -> str:
    document = {
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": "https://lab.example", **cluster}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "weft"}}],
        "users": [{"name": "weft", "user": user}],
    }
    return json.dumps(document)


@pytest.mark.parametrize(
    ("cluster", "user"),
    [
        ({}, {"exec": {"command": "/bin/sh"}}),
        ({}, {"auth-provider": {"name": "gcp"}}),
        ({}, {"tokenFile": "/etc/passwd"}),
        ({}, {"client-certificate": "/etc/passwd", "client-key": "/etc/passwd"}),
        ({"certificate-authority": "/etc/passwd"}, {"token": "x"}),
        ({"insecure-skip-tls-verify": True}, {"token": "x"}),
        ({"proxy-url": "http://10.0.0.1"}, {"token": "x"}),
    ],
)
def test_a_kubeconfig_is_read_and_never_obeyed(
    cluster: dict[str, Any], user: dict[str, Any]
) -> None:
    with pytest.raises(FailedPrecondition, match="is not obeyed here"):
        kubeconfig.read(written(cluster, user))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "a: &a [*a]",
        "current-context: x",
        "!!python/object/apply:os.system ['true']",
        written({}, {"client-certificate-data": "?"}),
        '{"current-context": "x", "contexts": [], "clusters": [], "users": []}',
    ],
)
def test_what_is_no_kubeconfig_is_said_to_be_none(text: str) -> None:
    with pytest.raises(FailedPrecondition):
        kubeconfig.read(text)


async def test_a_cluster_may_want_a_client_certificate(ws: Harness, tmp_path: Path) -> None:
    authority = certificates.make_authority("cluster CA", now=datetime.now(UTC))
    make = _certificates(authority)
    server, client = make(), make()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.pem.decode())
    tls.verify_mode = ssl.CERT_REQUIRED
    file = tmp_path / "server.pem"
    file.write_bytes(server[0] + server[1])
    tls.load_cert_chain(file)
    async with serving(FakeCluster(), tls) as fake:
        encoded = [base64.b64encode(part).decode() for part in (authority.pem, *client)]
        text = written(
            {"server": fake.url, "certificate-authority-data": encoded[0]},
            {
                "token": CLUSTER_TOKEN,
                "client-key-data": encoded[1],
                "client-certificate-data": encoded[2],
            },
        )
        config = {"namespace": "lab", "service_account": "trainer"}
        await connect(ws, "kubernetes", "kubeconfig", config, kubeconfig=text)
        assert await verify(ws) == "system:serviceaccount:weft:issuer"
        changed = pb.ServiceConnector(name=NAME)
        changed.secret_config["kubeconfig"] = written(
            {"server": fake.url, "certificate-authority-data": encoded[0]},
            {"token": CLUSTER_TOKEN},
        )
        await ws.connectors().UpdateServiceConnector(
            pb.UpdateServiceConnectorRequest(service_connector=changed)
        )
        async with refused("UNAVAILABLE", "CONNECTOR_UNAVAILABLE"):
            await verify(ws)


def _certificates(authority: certificates.Authority) -> Callable[[], tuple[bytes, bytes]]:
    """Makes keys and certificates of an authority, for this machine."""

    def make() -> tuple[bytes, bytes]:
        key = certificates.new_key()
        identity = SpiffeId("cluster.test", Role.GATEWAY, UID)
        leaf = certificates.sign_leaf(
            authority,
            key.public_key(),
            identity,
            now=datetime.now(UTC),
            extra_names=["127.0.0.1"],
        )
        return certificates.key_to_pem(key), leaf

    return make
