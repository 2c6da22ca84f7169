"""A program that a real identity provider vouches for, by a token of its own client credentials."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.controlplane.harness import Plane, refused, running
from tests.controlplane.oidc_provider.process import Providers, RealProvider
from tests.controlplane.programs import ACCOUNT, INVALID_GRANT, new_account, whoami
from weftapi.controlplane.v1 import auth_pb2
from weftapi.controlplane.v1 import federated_credentials_pb2 as pb

AUDIENCE = "urn:weft"
SECRET = "a secret of the job's own"
JOB = {
    "client_id": "nightly",
    "client_secret": SECRET,
    "grant_types": ["client_credentials"],
    "redirect_uris": [],
    "response_types": [],
}


@pytest.fixture(scope="module")
def provider() -> Iterator[RealProvider]:
    providers = Providers.launch()
    yield providers.start([JOB], {})
    providers.close()


@pytest.fixture
async def plane(tmp_path: Path, database_url: str) -> AsyncIterator[Plane]:
    async with running(tmp_path, database_url, egress_networks="127.0.0.0/8") as plane:
        yield plane


async def token(provider: RealProvider, audience: str = AUDIENCE) -> str:
    """What the provider gives the job for its own name and secret."""
    form = {"grant_type": "client_credentials", "resource": audience}
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{provider.issuer}/token", data=form, auth=("nightly", SECRET))
    return str(answer.raise_for_status().json()["access_token"])


async def exchange(plane: Plane, id_token: str) -> auth_pb2.TokenSet:
    anyone = await plane.edge()
    grant = auth_pb2.IdTokenGrant(id_token=id_token, service_account=ACCOUNT)
    return await anyone.auth.ExchangeToken(auth_pb2.ExchangeTokenRequest(id_token=grant))


async def test_a_program_comes_in_on_the_word_of_a_real_provider(
    plane: Plane, provider: RealProvider
) -> None:
    admin = await plane.set_up()
    await new_account(admin)
    rules = pb.FederatedCredential(issuer=provider.issuer, audience=AUDIENCE, subject="nightly")
    await admin.federation.CreateFederatedCredential(
        pb.CreateFederatedCredentialRequest(
            parent=ACCOUNT, federated_credential_id="nightly", federated_credential=rules
        )
    )
    program = await plane.as_user(await exchange(plane, await token(provider)))
    assert (await whoami(program)).name == ACCOUNT
    for_others = await token(provider, "urn:somebody-else")
    assert await refused(exchange(plane, for_others)) == INVALID_GRANT
    # Keys that were replaced are looked for again; what the old ones signed is over.
    before = await token(provider)
    provider.rotate_keys()
    assert (await exchange(plane, await token(provider))).access_token
    assert await refused(exchange(plane, before)) == INVALID_GRANT
