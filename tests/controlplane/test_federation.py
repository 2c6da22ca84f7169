"""Programs elsewhere that become service accounts by a token of their own issuer."""

import asyncio
import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.controlplane.fake_issuer import FakeIssuer, fake_issuer, new_key
from tests.controlplane.harness import ORGANIZATION, Client, Plane, bind, refused, running
from tests.controlplane.programs import (
    ACCOUNT,
    DENIED,
    INVALID_GRANT,
    MISSING,
    NOT_ALLOWED,
    UNAUTHENTICATED,
    delete,
    disable,
    enable,
    new_account,
    whoami,
)
from weftapi.controlplane.v1 import auth_pb2
from weftapi.controlplane.v1 import federated_credentials_pb2 as pb

SUBJECT = "repo:acme/model:ref:refs/heads/main"
UNAVAILABLE = ("UNAVAILABLE", "IDENTITY_PROVIDER_UNAVAILABLE")
INVALID = ("INVALID_ARGUMENT", "INVALID_FIELDS")


@dataclass
class World:
    """A control plane, an issuer elsewhere, and an account that trusts it."""

    plane: Plane
    admin: Client
    issuer: FakeIssuer
    anyone: Client

    def trust(self, id_: str = "ci", *, by: Client | None = None, **fields: Any) -> Any:
        rules = {"issuer": self.issuer.url, "audience": "weft", "subject": SUBJECT, **fields}
        return (by or self.admin).federation.CreateFederatedCredential(
            pb.CreateFederatedCredentialRequest(
                parent=ACCOUNT,
                federated_credential_id=id_,
                federated_credential=pb.FederatedCredential(**rules),
            )
        )

    def exchange(self, token: str, account: str = ACCOUNT) -> Any:
        grant = auth_pb2.IdTokenGrant(id_token=token, service_account=account)
        return self.anyone.auth.ExchangeToken(auth_pb2.ExchangeTokenRequest(id_token=grant))

    async def program(self, **claims: Any) -> Client:
        return await self.plane.as_user(await self.exchange(self.issuer.token(**claims)))


# What an issuer may take; on a busy machine also one that answers at once takes a while.
_LONG_S = 30.0


@pytest.fixture
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, database_url: str
) -> AsyncIterator[World]:
    async with fake_issuer(tmp_path) as issuer:
        settings = {
            "egress_networks": "127.0.0.0/8",
            "egress_ca_file": tmp_path / "ca.pem",
            "identity_provider_timeout_s": getattr(request, "param", _LONG_S),
        }
        async with running(tmp_path, database_url, **settings) as plane:
            admin = await plane.set_up()
            await new_account(admin)
            yield World(plane, admin, issuer, await plane.edge())


async def test_a_job_becomes_an_account(world: World) -> None:
    await world.trust()
    granted = await world.exchange(world.issuer.token())
    assert not granted.refresh_token
    assert abs(granted.expire_time.seconds - time.time() - 3600) < 30
    program = await world.plane.as_user(granted)
    assert (await whoami(program)).name == ACCOUNT
    # What it mints ends with it: nothing renews a job.
    workspace = await world.plane.new_workspace(world.admin, "w1")
    await bind(world.admin, ACCOUNT, "editor", workspace.name)
    mint = auth_pb2.MintWorkspaceTokenRequest(workspace=workspace.name)
    minted = await program.auth.MintWorkspaceToken(mint)
    assert minted.expire_time.seconds <= granted.expire_time.seconds
    stub = world.admin.federation
    (found,) = (
        await stub.ListFederatedCredentials(pb.ListFederatedCredentialsRequest(parent=ACCOUNT))
    ).federated_credentials
    assert found.last_used_time.seconds > 0
    # Discovery and keys were fetched once.
    await world.exchange(world.issuer.token())
    assert world.issuer.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_of_many_who_start_at_once_one_asks_the_issuer(world: World) -> None:
    await world.trust()
    # More than may wait for one provider.
    tokens = [world.issuer.token() for _ in range(40)]
    granted = await asyncio.gather(*map(world.exchange, tokens))
    assert all(each.access_token for each in granted)
    assert world.issuer.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_a_token_counts_once_unless_it_may_be_used_again(world: World) -> None:
    await world.trust()
    assert await world.program()
    for token in (world.issuer.token(), world.issuer.token(jti=None)):
        results = await asyncio.gather(
            *(world.exchange(token) for _ in range(10)), return_exceptions=True
        )
        refusals = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
        assert len(refusals) == 9
        assert {error.code().name for error in refusals} == {"UNAUTHENTICATED"}
        assert await refused(world.exchange(token)) == INVALID_GRANT
        with pytest.raises(grpc.aio.AioRpcError, match="let each step of the job ask its CI"):
            await world.exchange(token)
    pod = "system:serviceaccount:ml:trainer"
    await world.trust("pods", subject=pod, reusable=True)
    # As Kubernetes mounts them: a list of one audience, the same token for every start.
    mounted = world.issuer.token(sub=pod, aud=["weft"])
    for _ in range(2):
        assert (await world.exchange(mounted)).access_token


RULES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "subject": ({}, {"sub": "repo:acme/model:ref:refs/heads/other"}),
    "subject_prefix": ({"subject": "repo:acme/*"}, {"sub": "repo:acme-evil/x"}),
    "subject_suffix": ({"subject": "*:refs/heads/main"}, {"sub": f"{SUBJECT}2"}),
    "case": ({}, {"sub": SUBJECT.upper()}),
    "audience": ({}, {"aud": "somebody else"}),
    "audiences": ({}, {"aud": ["weft", "somebody else"]}),
    "condition": (
        {"conditions": [pb.ClaimCondition(claim="environment", value="production")]},
        {"environment": "staging"},
    ),
    "condition_absent": (
        {"conditions": [pb.ClaimCondition(claim="environment", value="prod*")]},
        {"environment": None},
    ),
    "condition_of_a_boolean": (
        {"conditions": [pb.ClaimCondition(claim="ref_protected", value="true")]},
        {"ref_protected": False},
    ),
    "condition_of_a_list": (
        {"conditions": [pb.ClaimCondition(claim="environment", value="production")]},
        {"environment": ["production"]},
    ),
}


async def test_every_rule_must_fit(world: World) -> None:
    for name, (rules, claims) in RULES.items():
        made = await world.trust(**rules)
        assert await world.program()
        found = await refused(world.exchange(world.issuer.token(**claims)))
        assert (name, found) == (name, INVALID_GRANT)
        request = pb.DeleteFederatedCredentialRequest(name=made.name)
        await world.admin.federation.DeleteFederatedCredential(request)


TOO_WIDE: list[dict[str, Any]] = [
    {"subject": ""},
    {"subject": "*"},
    {"subject": "**"},
    {"subject": "repo:*:main"},
    {"subject": "*acme*"},
    {"audience": ""},
    {"issuer": ""},
    {"issuer": "http://issuer.example"},
    {"issuer": "https://user:secret@issuer.example"},
    {"issuer": "file:///etc/passwd"},
    {"issuer": "https://token.actions.githubusercontent.com", "subject": "repo:*"},
    {"issuer": "https://token.actions.githubusercontent.com", "subject": "*:main"},
    {"issuer": "https://gitlab.com", "subject": "project_path:a*"},
    {"conditions": [pb.ClaimCondition(claim="environment", value="*")]},
    {"conditions": [pb.ClaimCondition(claim="", value="x")]},
]


async def test_rules_that_let_in_more_than_is_meant_are_refused(world: World) -> None:
    for wrong in TOO_WIDE:
        assert (wrong, await refused(world.trust(**wrong))) == (wrong, INVALID)


def _claims(issuer: FakeIssuer) -> dict[str, Any]:
    return jwt.decode(issuer.token(), options={"verify_signature": False})


def _by_public_key(issuer: FakeIssuer) -> str:
    """HS256 with the public key as the secret: the oldest trick there is."""
    secret = issuer.keys["k1"].public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    header = urlsafe_b64encode(b'{"alg":"HS256","kid":"k1"}').rstrip(b"=").decode()
    signed = f"{header}.{issuer.token().split('.')[1]}"
    made = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{urlsafe_b64encode(made).rstrip(b'=').decode()}"


Forge = Callable[[FakeIssuer], str]
NOW = int(time.time())
FORGED: dict[str, Forge] = {
    "words": lambda _: "let me in",
    "alg_none": lambda i: jwt.encode(_claims(i), "", "none", headers={"kid": "k1"}),
    "hs256_of_the_key": _by_public_key,
    "another_key": lambda i: i.token(key=new_key()),
    "unknown_kid": lambda i: i.token(kid="k2", key=new_key()),
    "another_issuer": lambda i: i.token(iss="https://issuer.example"),
    "issuer_with_a_slash": lambda i: i.token(iss=f"{i.url}/"),
    "no_issuer": lambda i: i.token(iss=None),
    "no_subject": lambda i: i.token(sub=None),
    "no_end": lambda i: i.token(exp=None),
    "no_beginning": lambda i: i.token(iat=None),
    "an_hour_ago": lambda i: i.token(iat=NOW - 7200, nbf=NOW - 7200, exp=NOW - 3600),
    "in_an_hour": lambda i: i.token(iat=NOW + 3600, nbf=NOW + 3600, exp=NOW + 7200),
    "for_ever": lambda i: i.token(exp=NOW + 10**9),
    "time_of_text": lambda i: i.token(exp=str(NOW + 300)),
    "padded": lambda i: f"{i.token()}==",
}


async def test_forged_tokens_are_refused_alike(world: World) -> None:
    await world.trust()
    for name, forge in FORGED.items():
        found = await refused(world.exchange(forge(world.issuer)))
        assert (name, found) == (name, INVALID_GRANT)


async def test_nothing_is_fetched_for_whoever_is_not_trusted(world: World) -> None:
    assert await refused(world.exchange(world.issuer.token())) == INVALID_GRANT
    await world.trust(audience="another name of ours")
    assert await refused(world.exchange(world.issuer.token())) == INVALID_GRANT
    other = f"{ORGANIZATION}/serviceAccounts/none"
    assert await refused(world.exchange(world.issuer.token(), other)) == INVALID_GRANT
    assert world.issuer.asked == []


@pytest.mark.parametrize("world", [3.0], indirect=True)
async def test_a_lying_or_silent_issuer_is_a_trouble_of_its_own(world: World) -> None:
    await world.trust()
    discovery, issuer = "/.well-known/openid-configuration", world.issuer
    for lie in (
        b"<html>",
        b"[]",
        json.dumps({"issuer": "https://other", "jwks_uri": f"{issuer.url}/keys"}).encode(),
        json.dumps({"issuer": issuer.url, "jwks_uri": "http://169.254.169.254/"}).encode(),
        json.dumps({"issuer": issuer.url, "jwks_uri": "https://10.0.0.1/keys"}).encode(),
        b" " * (2 << 20),
    ):
        issuer.answers = {discovery: lie}
        assert await refused(world.exchange(issuer.token())) == UNAVAILABLE
    issuer.answers = {"/keys": b'{"keys": []}'}
    assert await refused(world.exchange(issuer.token())) == UNAVAILABLE
    issuer.answers, issuer.hangs = {}, True
    assert await refused(world.exchange(issuer.token())) == UNAVAILABLE
    # Everybody else goes on.
    assert await whoami(world.admin)
    issuer.hangs = False
    assert await world.program()


async def test_the_issuer_rotates_its_keys(world: World) -> None:
    await world.trust()
    assert await world.program()
    world.issuer.keys = {"k2": new_key()}
    assert await world.program(kid="k2")


async def test_what_ends_the_rule_ends_what_it_gave(world: World) -> None:
    made = await world.trust()
    program = await world.program()
    await disable(world.admin, ACCOUNT)
    assert await refused(whoami(program)) == UNAUTHENTICATED
    assert await refused(world.exchange(world.issuer.token())) == INVALID_GRANT
    await enable(world.admin, ACCOUNT)
    program = await world.program()
    request = pb.DeleteFederatedCredentialRequest(name=made.name)
    await world.admin.federation.DeleteFederatedCredential(request)
    assert await refused(whoami(program)) == UNAUTHENTICATED
    again = world.admin.federation.DeleteFederatedCredential(request)
    assert await refused(again) == MISSING
    await world.trust()
    program = await world.program()
    await delete(world.admin, ACCOUNT)
    await new_account(world.admin)
    assert await refused(whoami(program)) == UNAUTHENTICATED
    assert await refused(world.exchange(world.issuer.token())) == INVALID_GRANT


async def test_credentials_are_kept_as_everything_is(world: World) -> None:
    stub, id_ = world.admin.federation, str(uuid4())
    made = await world.trust(description="deploys")
    get = pb.GetFederatedCredentialRequest(name=made.name)
    assert await stub.GetFederatedCredential(get) == made
    assert await refused(world.trust()) == ("ALREADY_EXISTS", "RESOURCE_EXISTS")
    change = pb.UpdateFederatedCredentialRequest(federated_credential=made, request_id=id_)
    change.federated_credential.description = "deploys models"
    change.update_mask.paths.append("description")
    changed = await stub.UpdateFederatedCredential(change)
    assert (changed.description, changed.subject) == ("deploys models", SUBJECT)
    assert await stub.UpdateFederatedCredential(change) == changed
    change.request_id = ""
    stale = stub.UpdateFederatedCredential(change)
    assert await refused(stale) == ("ABORTED", "ETAG_MISMATCH")
    change.update_mask.paths[:] = ["subject"]
    assert await refused(stub.UpdateFederatedCredential(change)) == INVALID
    for number in range(9):
        await world.trust(f"c{number}")
    full = ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
    assert await refused(world.trust("eleventh")) == full


async def test_whoever_may_not_makes_no_way_in(world: World) -> None:
    made = await world.trust()
    viewer = await world.plane.new_user(world.admin, "vi@example.com", role="viewer")
    stub = viewer.federation
    for call in (
        world.trust("x", by=viewer),
        stub.GetFederatedCredential(pb.GetFederatedCredentialRequest(name=made.name)),
        stub.ListFederatedCredentials(pb.ListFederatedCredentialsRequest(parent=ACCOUNT)),
        stub.UpdateFederatedCredential(
            pb.UpdateFederatedCredentialRequest(federated_credential=made)
        ),
        stub.DeleteFederatedCredential(pb.DeleteFederatedCredentialRequest(name=made.name)),
    ):
        assert await refused(call) == DENIED
    await bind(world.admin, ACCOUNT, "admin", ORGANIZATION)
    program = await world.program()
    assert await refused(world.trust("mine", by=program)) == NOT_ALLOWED


async def test_our_clock_an_hour_off_is_no_way_in(world: World) -> None:
    await world.trust()
    token = world.issuer.token()
    world.plane.clock.advance(hours=1)
    assert await refused(world.exchange(token)) == INVALID_GRANT
