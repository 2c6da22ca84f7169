"""What is each cloud's own: how far it narrows what it issues, and what it is not made to do."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from google.protobuf.duration_pb2 import Duration

from tests.workspace.cloud_fakes import (
    AZURE_SECRET,
    CA,
    CLIENT,
    PASSWORD,
    SUBSCRIPTION,
    TENANT,
    USER,
    FakeAzure,
    FakeGoogle,
    FakeOAuth,
    FakeRegistry,
    serving,
)
from tests.workspace.connector_clients import NAME, connect, issue, resources, verify
from tests.workspace.harness import Harness, refused, workspace
from weftapi.workspace.v1 import service_connectors_pb2 as pb

WRITE = pb.CREDENTIAL_ACCESS_WRITE


@pytest.fixture
async def ws(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Harness]:
    settings = {"egress_networks": "127.0.0.0/8", "workload_identity_dir": tmp_path}
    for cloud in ("gcp", "azure"):
        (tmp_path / cloud).write_text("the.subject.token\n")
    async with workspace(tmp_path, sqlite_url, **settings) as harness:
        yield harness


# Google Cloud.


async def google(ws: Harness, fake: FakeGoogle, method: str, **config: str) -> None:
    secrets = {} if method == "external-account" else {"service_account_key": fake.key_file()}
    basic = {"project": "lab-1", "location": "europe-west1", "endpoint_url": fake.url}
    await connect(ws, "gcp", method, basic | config, **secrets)


async def test_google_s_token_opens_one_prefix_of_one_bucket(ws: Harness) -> None:
    async with serving(FakeGoogle()) as fake:
        await google(ws, fake, "service-account")
        answer = await issue(ws, "gcs-bucket", "models/team", access=WRITE)
        assert fake.tokens[answer.gcp.access_token] == "narrowed"
        (rule,) = fake.boundaries[-1]["accessBoundaryRules"]
        assert rule["availableResource"] == "//storage.googleapis.com/projects/_/buckets/models"
        assert rule["availablePermissions"] == ["inRole:roles/storage.objectUser"]
        expression = rule["availabilityCondition"]["expression"]
        assert "startsWith('projects/_/buckets/models/objects/team/')" in expression
        await issue(ws, "gcs-bucket", "models")
        (rule,) = fake.boundaries[-1]["accessBoundaryRules"]
        assert rule["availablePermissions"] == ["inRole:roles/storage.objectViewer"]
        assert "availabilityCondition" not in rule
        for name in ("models/') || true || ('", "models/..", "*"):
            async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
                await issue(ws, "gcs-bucket", name)


async def test_google_s_scopes_are_the_least(ws: Harness) -> None:
    async with serving(FakeGoogle()) as fake:
        await google(ws, fake, "service-account")
        (repository,) = await resources(ws, "docker-registry")
        login = (await issue(ws, "docker-registry", repository)).registry
        assert (login.registry, login.username) == (
            "europe-west1-docker.pkg.dev",
            "oauth2accesstoken",
        )
        assert fake.tokens[login.password].endswith("/devstorage.read_only")
        pushing = (await issue(ws, "docker-registry", repository, access=WRITE)).registry
        assert fake.tokens[pushing.password].endswith("/cloud-platform")
        reading = (await issue(ws, "gcp-generic")).gcp
        assert fake.tokens[reading.access_token].endswith("/cloud-platform.read-only")
        (cluster,) = await resources(ws, "kubernetes-cluster")
        found = (await issue(ws, "kubernetes-cluster", cluster)).kubernetes
        assert (found.server, found.certificate_authority) == ("https://203.0.113.7", CA)
        async with refused("FAILED_PRECONDITION", "CONNECTOR_RESOURCE_UNKNOWN"):
            await issue(ws, "kubernetes-cluster", "europe-west1/absent")


async def test_google_impersonates_whom_the_key_may(ws: Harness) -> None:
    trainer = "trainer@lab-1.iam.gserviceaccount.com"
    async with serving(FakeGoogle()) as fake:
        await google(ws, fake, "impersonation", service_account=trainer)
        assert await verify(ws) == trainer
        answer = await issue(ws, "gcp-generic", ttl=Duration(seconds=600))
        left = answer.expire_time.ToDatetime(UTC) - ws.clock.now()
        assert timedelta(minutes=9) < left <= timedelta(minutes=10)
        changed = pb.ServiceConnector(name=NAME)
        config = {"project": "lab-1", "endpoint_url": fake.url}
        changed.config.update({**config, "service_account": "other@lab-1.example"})
        await ws.connectors().UpdateServiceConnector(
            pb.UpdateServiceConnectorRequest(service_connector=changed)
        )
        async with refused("FAILED_PRECONDITION", "CONNECTOR_FORBIDDEN"):
            await verify(ws)


@pytest.mark.parametrize("account", ["", "trainer@lab-1.iam.gserviceaccount.com"])
async def test_google_trusts_the_workspace_s_own_identity(ws: Harness, account: str) -> None:
    audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p"
    async with serving(FakeGoogle()) as fake:
        config = {"service_account": account} if account else {}
        await google(ws, fake, "external-account", audience=audience, **config)
        assert await verify(ws) == (account or audience)
        assert (await issue(ws, "gcs-bucket", "models")).gcp.access_token
        assert [form["subject_token"] for form in fake.forms if "audience" in form]


@pytest.mark.parametrize("key", ["no JSON", "[]", '{"private_key": "none"}', "[" * 19_000])
async def test_what_is_no_key_file_is_said_to_be_none(ws: Harness, key: str) -> None:
    config = {"project": "lab-1", "endpoint_url": "http://127.0.0.1:1"}
    await connect(ws, "gcp", "service-account", config, service_account_key=key)
    async with refused("FAILED_PRECONDITION", "CONNECTOR_REJECTED"):
        await verify(ws)


# Azure.


async def azure(ws: Harness, fake: FakeAzure, method: str = "service-principal") -> None:
    config = {"tenant_id": TENANT, "client_id": CLIENT, "subscription_id": SUBSCRIPTION}
    secrets = {"client_secret": AZURE_SECRET} if method == "service-principal" else {}
    await connect(ws, "azure", method, config | {"endpoint_url": fake.url}, **secrets)


def signature(query: dict[str, list[str]], resource: str) -> str:
    """As the reference of user delegation signatures says that the service computes it."""
    value = {name: values[0] for name, values in query.items()}
    fields = [value["sp"], value["st"], value["se"], resource]
    fields += [value[name] for name in ("skoid", "sktid", "skt", "ske", "sks", "skv")]
    fields += ["", "", "", "", value["spr"], value["sv"], value["sr"]] + [""] * 7
    key = b"the key that signatures are made with"
    return base64.b64encode(hmac.digest(key, "\n".join(fields).encode(), hashlib.sha256)).decode()


async def test_azure_s_signature_opens_one_container(ws: Harness) -> None:
    async with serving(FakeAzure()) as fake:
        await azure(ws, fake)
        for access, letters in ((pb.CREDENTIAL_ACCESS_READ, "rl"), (WRITE, "racwdl")):
            answer = await issue(ws, "blob-container", "weftlab/models", access=access)
            query = parse_qs(answer.azure.sas_token)
            assert (query["sr"], query["sp"]) == (["c"], [letters])
            assert query["sig"] == [signature(query, "/blob/weftlab/models")]
            end = datetime.fromisoformat(query["se"][0])
            assert end == answer.expire_time.ToDatetime(UTC)
        for name in ("weftlab", "weftlab/models/x", "weftlab/..", "evil.example/x", "w?/models"):
            async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
                await issue(ws, "blob-container", name)


async def test_azure_s_registry_and_cluster(ws: Harness) -> None:
    async with serving(FakeAzure()) as fake:
        await azure(ws, fake)
        assert await resources(ws, "docker-registry") == ["weftlab.azurecr.io"]
        answer = await issue(ws, "docker-registry", "weftlab.azurecr.io/train")
        assert answer.registry.bearer_token
        assert fake.forms[-1]["scope"] == "repository:train:pull"
        await issue(ws, "docker-registry", "weftlab.azurecr.io/train", access=WRITE)
        assert fake.forms[-1]["scope"] == "repository:train:pull,push"
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await issue(ws, "docker-registry", "collector.example/train")
        assert await resources(ws, "kubernetes-cluster") == ["lab/gpus"]
        found = (await issue(ws, "kubernetes-cluster", "lab/gpus")).kubernetes
        assert (found.server, found.certificate_authority) == ("https://gpus.azmk8s.io", CA)
        assert fake.tokens[found.token].startswith("6dae42f8-")
        async with refused("FAILED_PRECONDITION", "CONNECTOR_UNSUPPORTED"):
            await resources(ws, "blob-container")


async def test_azure_gives_no_more_than_was_asked_for(ws: Harness) -> None:
    async with serving(FakeAzure()) as fake:
        await azure(ws, fake, "workload-identity")
        assert await verify(ws) == CLIENT
        async with refused("FAILED_PRECONDITION", "CONNECTOR_UNSUPPORTED"):
            await issue(ws, "azure-generic")
        token = (await issue(ws, "azure-generic", access=WRITE)).azure.access_token
        assert fake.tokens[token].startswith("https://management.azure.com/")


# Registries.


async def registry(ws: Harness, fake: FakeRegistry) -> None:
    config = {"registry": fake.url, "username": USER}
    await connect(ws, "docker", "password", config, password=PASSWORD)


async def test_a_registry_s_token_is_for_one_repository(ws: Harness) -> None:
    async with serving(FakeRegistry()) as fake:
        await registry(ws, fake)
        pulling = (await issue(ws, "docker-registry", "team/train")).registry
        assert fake.tokens[pulling.bearer_token] == "repository:team/train:pull"
        pushing = (await issue(ws, "docker-registry", "team/train", access=WRITE)).registry
        assert fake.tokens[pushing.bearer_token] == "repository:team/train:pull,push"
        for name in ("*", "team/*", "a:pull,push repository:b", "../x", "Team"):
            async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
                await issue(ws, "docker-registry", name)


async def test_a_registry_without_tokens_gets_no_password_out(ws: Harness) -> None:
    async with serving(FakeRegistry(has_token_service=False)) as fake:
        await registry(ws, fake)
        assert await verify(ws) == USER
        async with refused("FAILED_PRECONDITION", "CONNECTOR_UNSUPPORTED") as refusal:
            await issue(ws, "docker-registry", "team/train")
        assert refusal.error
        assert PASSWORD not in refusal.error.message


async def test_a_registry_leads_nobody_into_our_own_network(ws: Harness) -> None:
    async with serving(FakeRegistry()) as fake:
        await registry(ws, fake)
        fake.url = "https://169.254.169.254"
        async with refused("UNAVAILABLE", "CONNECTOR_UNAVAILABLE") as refusal:
            await verify(ws)
        assert refusal.error
        assert "not a public address" in refusal.error.message


# OAuth servers.


async def test_a_refresh_token_that_is_replaced_is_kept(ws: Harness) -> None:
    async with serving(FakeOAuth()) as fake:
        config = {"token_url": f"{fake.url}/token", "client_id": USER}
        secrets = {"client_secret": PASSWORD, "refresh_token": fake.refresh_token}
        await connect(ws, "oauth2", "refresh-token", config, **secrets)
        get = pb.GetServiceConnectorRequest(name=NAME)
        before = await ws.connectors().GetServiceConnector(get)
        for _ in range(3):
            answer = await issue(ws, "oauth2-api")
            assert fake.tokens[answer.bearer.access_token] == "api"
            ws.clock.move(seconds=600)
        assert await ws.connectors().GetServiceConnector(get) == before
        used = [form["refresh_token"] for form in fake.forms]
        assert len(set(used)) == 3


async def test_a_refresh_token_for_one_use_is_used_in_turns(ws: Harness) -> None:
    async with serving(FakeOAuth()) as fake:
        config = {"token_url": f"{fake.url}/token", "client_id": USER}
        secrets = {"client_secret": PASSWORD, "refresh_token": fake.refresh_token}
        await connect(ws, "oauth2", "refresh-token", config, **secrets)
        fake.hangs = True
        # What is asked for in different ways is not asked for once.
        kinds = (pb.CREDENTIAL_ACCESS_READ, WRITE)
        calls = [asyncio.ensure_future(issue(ws, "oauth2-api", access=kind)) for kind in kinds]
        await fake.heard.wait()
        fake.wake()
        tokens = {answer.bearer.access_token for answer in await asyncio.gather(*calls)}
        assert [fake.tokens[token] for token in tokens] == ["api", "api"]


async def test_reading_has_a_scope_of_its_own(ws: Harness) -> None:
    async with serving(FakeOAuth()) as fake:
        config = {
            "token_url": f"{fake.url}/token",
            "client_id": USER,
            "scope": "read write",
            "read_scope": "read",
            "audience": "https://api.example",
        }
        await connect(ws, "oauth2", "client-credentials", config, client_secret=PASSWORD)
        assert (await issue(ws, "oauth2-api")).bearer.scope == "read"
        assert (await issue(ws, "oauth2-api", access=WRITE)).bearer.scope == "read write"
        assert fake.forms[-1]["audience"] == "https://api.example"
