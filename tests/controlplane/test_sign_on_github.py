"""Signing in through GitHub's OAuth, as a GitHub Enterprise Server speaks it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.fake_github import Account, FakeGitHub
from tests.controlplane.harness import ADMIN_EMAIL, Client, Plane, refused, running
from tests.controlplane.lying_provider import Reply, in_json, lying
from tests.controlplane.sign_on import (
    GITHUB,
    SETTINGS,
    SignIn,
    add_provider,
    name_of,
    set_provider,
    trust_domain,
    who,
)
from weftapi.controlplane.v1 import identity_providers_pb2 as pb

REJECTED = ("UNAUTHENTICATED", "IDENTITY_REJECTED")
UNAVAILABLE = ("UNAVAILABLE", "IDENTITY_PROVIDER_UNAVAILABLE")


def email(address: str, *, primary: bool = True, verified: bool = True) -> dict[str, Any]:
    return {"email": address, "primary": primary, "verified": verified}


@pytest.fixture
async def plane(tmp_path: Path, database_url: str) -> AsyncIterator[Plane]:
    async with running(tmp_path, database_url, **SETTINGS) as plane:
        yield plane


@pytest.fixture
async def github(admin: Client) -> AsyncIterator[FakeGitHub]:
    async with lying(FakeGitHub()) as server:
        await add_provider(admin, "github", server.issuer + "/", kind=GITHUB)
        yield server


async def sign_in(plane: Plane, github: FakeGitHub, account: Account) -> Client:
    flow = await SignIn.of(plane, "github")
    return await flow.finish(github.authorize(await flow.begin(), account))


async def test_a_person_is_their_number(plane: Plane, github: FakeGitHub) -> None:
    account = Account(7, "grace", "Grace", [email("old@x.example", primary=False)])
    account.emails += [email("grace@example.com")]
    first = await sign_in(plane, github, account)
    principal = await who(first)
    assert (principal.email, principal.display_name) == ("", "Grace")
    account.login = "hopper"
    assert (await sign_in(plane, github, account)).subject == first.subject
    successor = Account(8, "grace", "Grace", [email("grace@example.com")])
    assert (await sign_in(plane, github, successor)).subject != first.subject


async def test_only_a_verified_primary_address_counts(
    plane: Plane, admin: Client, github: FakeGitHub
) -> None:
    await trust_domain(plane, admin, "example.com")
    weak = [email(ADMIN_EMAIL, verified=False), email(ADMIN_EMAIL, primary=False)]
    for number, entry in enumerate(weak):
        client = await sign_in(plane, github, Account(10 + number, "mallory", emails=[entry]))
        assert (await who(client)).email == ""
        assert client.subject != admin.subject
    linked = await sign_in(plane, github, Account(20, "ada", emails=[email(ADMIN_EMAIL)]))
    assert linked.subject == admin.subject


async def test_organizations_and_teams_are_groups(
    plane: Plane, admin: Client, github: FakeGitHub
) -> None:
    await set_provider(admin, "github", allowed_groups=["acme/platform"])
    crowd = [f"org-{number}" for number in range(150)]
    member = Account(7, "grace", organizations=[*crowd, "acme"], teams=[("acme", "platform")])
    await sign_in(plane, github, member)
    for other in (Account(8, "x", organizations=["acme"]), Account(9, "y", teams=[("a", "acme")])):
        flow = await SignIn.of(plane, "github")
        brought = github.authorize(await flow.begin(), other)
        assert await refused(flow.complete(brought)) == ("PERMISSION_DENIED", "MEMBERSHIP_REQUIRED")
    await set_provider(admin, "github", allowed_groups=["org-149"])
    await sign_in(plane, github, member)


async def test_a_code_is_bound_to_its_sign_in(plane: Plane, github: FakeGitHub) -> None:
    victim, attacker = await SignIn.of(plane, "github"), await SignIn.of(plane, "github")
    brought = github.authorize(await victim.begin(), Account(7, "grace"))
    stolen = github.authorize(await attacker.begin(), Account(8, "mallory"))
    assert await refused(victim.complete(brought, code=stolen["code"])) == REJECTED


async def test_an_api_that_fails_signs_nobody_in(plane: Plane, github: FakeGitHub) -> None:
    failures = {
        "/api/v3/user": [
            in_json({}, 500),
            in_json([]),
            in_json({"id": "7"}),
            in_json({"id": True}),
        ],
        "/api/v3/user/emails": [in_json({"message": "no"}), in_json([], 403)],
        "/api/v3/user/teams": [Reply(b"<html>")],
    }
    for path, replies in failures.items():
        for reply in replies:
            github.replies = {path: reply}
            flow = await SignIn.of(plane, "github")
            brought = github.authorize(await flow.begin(), Account(7, "grace"))
            assert await refused(flow.complete(brought)) in {REJECTED, UNAVAILABLE}


async def test_the_client_is_tested(admin: Client, github: FakeGitHub) -> None:
    request = pb.TestIdentityProviderRequest(name=name_of("github"))
    assert (await admin.providers.TestIdentityProvider(request)).healthy
    await set_provider(admin, "github", client_secret="not the secret")
    answer = await admin.providers.TestIdentityProvider(request)
    assert not answer.healthy
    assert "incorrect_client_credentials" in answer.checks[0].message
