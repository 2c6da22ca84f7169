"""The connector of AWS, against moto: what it signs, whom it says it is, what it issues."""

import base64
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from google.protobuf.duration_pb2 import Duration
from obstore.store import S3Store

from tests.workspace.aws_cloud import (
    CLUSTER_CA,
    REGION,
    ROLE,
    AwsCloud,
    AwsFront,
    aws_cloud,
    aws_front,
)
from tests.workspace.harness import Harness, refused, workspace
from weftapi.workspace.v1 import service_connectors_pb2 as pb
from workspace.connectors.aws.signing import Keys, Signer

WRITE = pb.CREDENTIAL_ACCESS_WRITE


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsCloud]:
    with aws_cloud() as cloud:
        yield cloud


@pytest.fixture
async def front(aws: AwsCloud) -> AsyncIterator[AwsFront]:
    async with aws_front(aws) as front:
        yield front


@pytest.fixture
async def ws(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Harness]:
    """One database is enough: what is tested here asks another service, not the database."""
    settings = {"egress_networks": "127.0.0.0/8", "workload_identity_dir": tmp_path}
    async with workspace(tmp_path, sqlite_url, **settings) as harness:
        yield harness


async def connect(
    ws: Harness, front: AwsFront, method: str = "assume-role", **changes: Any
) -> pb.ServiceConnector:
    """A connector of AWS that can do everything."""
    config = {"region": REGION, "endpoint_url": front.url}
    if method != "access-key":
        config["role_arn"] = ROLE
    secrets = {}
    if method != "web-identity":
        config["access_key_id"] = front.cloud.keys.access_key_id
        secrets["secret_access_key"] = front.cloud.keys.secret_access_key
    connector = pb.ServiceConnector(
        type="connectorTypes/aws",
        auth_method=method,
        secret_config=changes.pop("secret_config", secrets),
        **changes,
    )
    connector.config.update(config)
    request = pb.CreateServiceConnectorRequest(
        service_connector_id="aws", service_connector=connector
    )
    return await ws.connectors().CreateServiceConnector(request)


async def issue(ws: Harness, resource_type: str, resource_id: str = "", **more: Any) -> Any:
    request = pb.IssueCredentialsRequest(
        name="serviceConnectors/aws", resource_type=resource_type, resource_id=resource_id, **more
    )
    return await ws.connectors().IssueCredentials(request)


async def verify(ws: Harness) -> str:
    request = pb.VerifyServiceConnectorRequest(name="serviceConnectors/aws")
    return (await ws.connectors().VerifyServiceConnector(request)).identity


async def resources(ws: Harness, resource_type: str) -> list[str]:
    request = pb.ListConnectorResourcesRequest(
        parent="serviceConnectors/aws", resource_type=resource_type
    )
    answer = await ws.connectors().ListConnectorResources(request)
    return [each.resource_id for each in answer.resources]


def test_a_request_is_signed_as_the_reference_signs_it() -> None:
    """The example "GET Bucket Lifecycle" of the S3 reference."""
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    signed = Signer(keys, "us-east-1", "s3").headers(
        "GET",
        "https://examplebucket.s3.amazonaws.com/?lifecycle",
        headers={},
        body=b"",
        now=datetime(2013, 5, 24, tzinfo=UTC),
    )
    assert signed["authorization"].endswith(
        "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    )


@pytest.mark.parametrize(
    ("method", "identity"),
    [
        ("access-key", "arn:aws:iam::123456789012:user/weft"),
        ("assume-role", "arn:aws:sts::123456789012:assumed-role/training/weft"),
    ],
)
async def test_every_way_to_sign_in(
    ws: Harness, front: AwsFront, method: str, identity: str
) -> None:
    await connect(ws, front, method)
    assert await verify(ws) == identity
    assert await resources(ws, "s3-bucket") == ["datasets", "models"]


async def test_a_web_identity_is_given_or_mounted(
    ws: Harness, front: AwsFront, tmp_path: Path
) -> None:
    await connect(ws, front, "web-identity")
    async with refused("FAILED_PRECONDITION", "CONNECTOR_REJECTED"):
        await verify(ws)
    (tmp_path / "aws").write_text("the.mounted.token\n")
    front.cloud.check_everybody(False)
    try:
        assert await verify(ws) == "arn:aws:sts::123456789012:assumed-role/training/weft"
    finally:
        front.cloud.check_everybody(True)
    assert front.sessions[-1]["WebIdentityToken"] == "the.mounted.token"


async def test_keys_for_a_prefix_open_no_more_than_that(ws: Harness, front: AwsFront) -> None:
    await connect(ws, front)
    answer = await issue(ws, "s3-bucket", "models/team/a", access=WRITE)
    keys = answer.aws
    store = S3Store(
        "models",
        endpoint=keys.endpoint_uri,
        region=keys.region,
        access_key_id=keys.access_key_id,
        secret_access_key=keys.secret_access_key,
        session_token=keys.session_token,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    await store.put_async("team/a/weights", b"1")
    assert (keys.region, keys.endpoint_uri) == (REGION, front.url)
    location, listed, objects = front.policies[-1]["Statement"]
    assert location["Resource"] == ["arn:aws:s3:::models"]
    assert listed["Condition"] == {"StringLike": {"s3:prefix": ["team/a", "team/a/*"]}}
    assert objects["Resource"] == ["arn:aws:s3:::models/team/a/*"]
    assert "s3:PutObject" in objects["Action"]
    await issue(ws, "s3-bucket", "models")
    reading = front.policies[-1]["Statement"][2]
    assert (reading["Action"], reading["Resource"]) == (
        ["s3:GetObject"],
        ["arn:aws:s3:::models/*"],
    )


async def test_no_bucket_name_widens_the_policy(ws: Harness, front: AwsFront) -> None:
    await connect(ws, front)
    for name in ("*", "models/*", "mod?ls", "models/${aws:username}", "models/..", "a b", "M"):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await issue(ws, "s3-bucket", name)
    assert front.sessions == []


async def test_a_user_s_own_keys_never_leave(ws: Harness, front: AwsFront) -> None:
    await connect(ws, front, "access-key")
    answer = await issue(ws, "s3-bucket", "models")
    assert front.asked[-1] == "GetFederationToken"
    assert front.cloud.keys.secret_access_key not in str(answer)
    assert answer.aws.session_token
    await issue(ws, "aws-generic", access=WRITE)
    assert front.asked[-1] == "GetSessionToken"


async def test_reading_anything_takes_the_rights_to_write(ws: Harness, front: AwsFront) -> None:
    await connect(ws, front)
    await issue(ws, "aws-generic")
    assert front.sessions[-1]["PolicyArns.member.1.arn"].endswith(":policy/ReadOnlyAccess")
    await issue(ws, "aws-generic", access=WRITE)
    assert "PolicyArns.member.1.arn" not in front.sessions[-1]
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await issue(ws, "aws-generic", "something")


async def test_a_login_for_one_repository(ws: Harness, front: AwsFront) -> None:
    await connect(ws, front)
    (listed,) = await resources(ws, "docker-registry")
    answer = await issue(ws, "docker-registry", listed, access=WRITE)
    assert answer.resource_id == listed == f"{answer.registry.registry}/team/train"
    assert (answer.registry.username, bool(answer.registry.password)) == ("AWS", True)
    assert front.policies[-1]["Statement"][1]["Resource"] == [
        f"arn:aws:ecr:{REGION}:*:repository/team/train"
    ]
    asked = len(front.asked)
    # The same one by its short name.
    assert (await issue(ws, "docker-registry", "team/train", access=WRITE)) == answer
    assert len(front.asked) == asked
    async with refused("FAILED_PRECONDITION", "CONNECTOR_RESOURCE_UNKNOWN"):
        await issue(ws, "docker-registry", "team/absent")


async def test_a_token_of_a_cluster(ws: Harness, front: AwsFront) -> None:
    await connect(ws, front)
    assert await resources(ws, "kubernetes-cluster") == ["gpus"]
    answer = await issue(ws, "kubernetes-cluster", "gpus")
    assert answer.kubernetes.certificate_authority == CLUSTER_CA
    assert answer.kubernetes.server.startswith("https://")
    prefix, _, encoded = answer.kubernetes.token.partition(".")
    url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
    query = parse_qs(url.query)
    assert (prefix, query["Action"]) == ("k8s-aws-v1", ["GetCallerIdentity"])
    assert query["X-Amz-SignedHeaders"] == ["host;x-k8s-aws-id"]
    left = answer.expire_time.ToDatetime(UTC) - ws.clock.now()
    assert timedelta(minutes=13) < left <= timedelta(minutes=14)


async def test_a_session_lives_as_long_as_it_is_needed(ws: Harness, front: AwsFront) -> None:
    await connect(ws, front)
    for seconds, asked in ((60, "900"), (1800, "1800"), (3600, "3600")):
        await issue(ws, "s3-bucket", "models", ttl=Duration(seconds=seconds))
        assert front.sessions[-1]["DurationSeconds"] == asked
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await issue(ws, "s3-bucket", "models", ttl=Duration(seconds=3601))


async def test_wrong_keys_are_told_from_missing_rights(ws: Harness, front: AwsFront) -> None:
    await connect(ws, front, secret_config={"secret_access_key": "wrong" * 8})
    async with refused("FAILED_PRECONDITION", "CONNECTOR_REJECTED") as refusal:
        await verify(ws)
    assert refusal.error
    assert "SignatureDoesNotMatch" in refusal.error.message
    assert "weft connectors update" in refusal.error.message
    front.cloud.let_user_do_nothing()
    right = pb.ServiceConnector(
        name="serviceConnectors/aws",
        secret_config={"secret_access_key": front.cloud.keys.secret_access_key},
    )
    await ws.connectors().UpdateServiceConnector(
        pb.UpdateServiceConnectorRequest(service_connector=right)
    )
    try:
        async with refused("FAILED_PRECONDITION", "CONNECTOR_FORBIDDEN"):
            await verify(ws)
    finally:
        front.cloud.check_everybody(False)
        front.cloud.let_user_do_everything()
        front.cloud.check_everybody(True)
