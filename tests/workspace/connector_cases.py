"""One case for each type of connector: how it is set up, and what it is asked for."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.workspace.aws_cloud import REGION, ROLE, AwsCloud, AwsFront, aws_front
from tests.workspace.cloud_fakes import (
    AZURE_SECRET,
    CLIENT,
    CLUSTER_TOKEN,
    PASSWORD,
    SUBSCRIPTION,
    TENANT,
    USER,
    Fake,
    FakeAzure,
    FakeCluster,
    FakeGoogle,
    FakeOAuth,
    FakeRegistry,
    serving,
)
from tests.workspace.harness import Harness
from weftapi.workspace.v1 import service_connectors_pb2 as pb


@dataclass
class Case:
    """A connector with a service behind it."""

    service: Any
    type: str
    auth_method: str
    config: dict[str, str]
    secrets: dict[str, str] = field(repr=False)
    wrong: dict[str, str] = field(repr=False)
    identity: str
    resource_type: str
    resource_id: str
    # None where the service has no list of them.
    listed: list[str] | None
    # The field of the answer with the credentials.
    kind: str

    @property
    def url(self) -> str:
        found: str = self.service.url
        return found


def _google(fake: FakeGoogle) -> Case:
    return Case(
        fake,
        "gcp",
        "service-account",
        {"project": "lab-1", "endpoint_url": fake.url},
        {"service_account_key": fake.key_file()},
        {"service_account_key": fake.key_file(rsa.generate_private_key(65537, 2048))},
        fake.email,
        "gcs-bucket",
        "models/team",
        ["models"],
        "gcp",
    )


def _azure(fake: FakeAzure) -> Case:
    config = {"tenant_id": TENANT, "client_id": CLIENT, "subscription_id": SUBSCRIPTION}
    return Case(
        fake,
        "azure",
        "service-principal",
        {**config, "storage_account": "weftlab", "endpoint_url": fake.url},
        {"client_secret": AZURE_SECRET},
        {"client_secret": "another-secret"},
        CLIENT,
        "blob-container",
        "weftlab/models",
        ["weftlab/data", "weftlab/models"],
        "azure",
    )


def registry_case(fake: FakeRegistry) -> Case:
    return Case(
        fake,
        "docker",
        "password",
        {"registry": fake.url, "username": USER},
        {"password": PASSWORD},
        {"password": "another-password"},
        USER,
        "docker-registry",
        "team/train",
        ["team/serve", "team/train"],
        "registry",
    )


def oauth_case(fake: FakeOAuth) -> Case:
    return Case(
        fake,
        "oauth2",
        "client-credentials",
        {"token_url": f"{fake.url}/token", "client_id": USER, "scope": "api"},
        {"client_secret": PASSWORD},
        {"client_secret": "another-password"},
        USER,
        "oauth2-api",
        "",
        None,
        "bearer",
    )


def _cluster(fake: FakeCluster) -> Case:
    document = {
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": fake.url}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "weft"}}],
        "users": [{"name": "weft", "user": {"token": CLUSTER_TOKEN}}],
    }
    wrong = json.dumps(document).replace(CLUSTER_TOKEN, "another-token")
    return Case(
        fake,
        "kubernetes",
        "kubeconfig",
        {"namespace": "lab", "service_account": "trainer"},
        {"kubeconfig": json.dumps(document)},
        {"kubeconfig": wrong},
        "system:serviceaccount:weft:issuer",
        "kubernetes-cluster",
        "cluster",
        ["cluster"],
        "kubernetes",
    )


def _aws(front: AwsFront) -> Case:
    keys = front.cloud.keys
    config = {"access_key_id": keys.access_key_id, "role_arn": ROLE, "region": REGION}
    return Case(
        front,
        "aws",
        "assume-role",
        {**config, "endpoint_url": front.url},
        {"secret_access_key": keys.secret_access_key},
        {"secret_access_key": "another-key"},
        "arn:aws:sts::123456789012:assumed-role/training/weft",
        "s3-bucket",
        "models/team",
        ["datasets", "models"],
        "aws",
    )


async def connect(
    ws: Harness, case: Case, id_: str = "one", token: str | None = None, **fields: Any
) -> pb.ServiceConnector:
    """A connector of the case, as an administrator makes it."""
    connector = pb.ServiceConnector(
        type=f"connectorTypes/{case.type}",
        auth_method=case.auth_method,
        **{"secret_config": case.secrets, **fields},
    )
    connector.config.update(case.config)
    request = pb.CreateServiceConnectorRequest(
        service_connector_id=id_, service_connector=connector
    )
    made: pb.ServiceConnector = await ws.connectors(token).CreateServiceConnector(request)
    return made


_FAKES: dict[str, tuple[type[Fake], Callable[..., Case]]] = {
    "azure": (FakeAzure, _azure),
    "docker": (FakeRegistry, registry_case),
    "gcp": (FakeGoogle, _google),
    "kubernetes": (FakeCluster, _cluster),
    "oauth2": (FakeOAuth, oauth_case),
}
TYPES = ("aws", *_FAKES)


@asynccontextmanager
async def standing(type_: str, cloud: Callable[[], AwsCloud]) -> AsyncIterator[Case]:
    """The case of a type, with its service up; `cloud` answers where AWS is, if it is asked for."""
    if type_ == "aws":
        async with aws_front(cloud()) as front:
            yield _aws(front)
        return
    fake, make = _FAKES[type_]
    async with serving(fake()) as service:
        yield make(service)
