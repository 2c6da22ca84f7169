"""Nobody locks an organization: whoever is in charge of it can still sign in."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from controlplane.store.schema import User
from tests.controlplane.fake_github import Account, FakeGitHub
from tests.controlplane.harness import (
    ORGANIZATION,
    PASSWORD,
    Client,
    Plane,
    bind,
    refused,
    running,
)
from tests.controlplane.lying_provider import lying
from tests.controlplane.sign_on import GITHUB, SETTINGS, SignIn, add_provider, name_of, set_provider
from weftapi.controlplane.v1 import auth_pb2, identity_providers_pb2, members_pb2, users_pb2

LAST = ("FAILED_PRECONDITION", "LAST_ADMINISTRATOR")


@pytest.fixture
async def plane(tmp_path: Path, database_url: str) -> AsyncIterator[Plane]:
    async with running(tmp_path, database_url, **SETTINGS) as plane:
        yield plane


@pytest.fixture
async def github(admin: Client) -> AsyncIterator[FakeGitHub]:
    async with lying(FakeGitHub()) as server:
        await add_provider(admin, "github", server.issuer, kind=GITHUB)
        yield server


async def by_provider(plane: Plane, github: FakeGitHub, number: int, provider: str) -> Client:
    flow = await SignIn.of(plane, provider)
    return await flow.finish(github.authorize(await flow.begin(), Account(number, "grace")))


async def new_administrator(plane: Plane, admin: Client, github: FakeGitHub) -> Client:
    """Somebody in charge who has never had a password."""
    grace = await by_provider(plane, github, 7, "github")
    await bind(admin, grace.subject, "admin", ORGANIZATION)
    return grace


def remove(client: Client, who: Client) -> Any:
    name = f"{ORGANIZATION}/members/{who.subject.removeprefix('users/')}"
    return client.members.RemoveMember(members_pb2.RemoveMemberRequest(name=name))


def delete_provider(client: Client, id_: str) -> Any:
    request = identity_providers_pb2.DeleteIdentityProviderRequest(name=name_of(id_))
    return client.providers.DeleteIdentityProvider(request)


async def test_the_only_way_in_of_who_is_in_charge_stays(
    plane: Plane, admin: Client, github: FakeGitHub
) -> None:
    grace = await new_administrator(plane, admin, github)
    await remove(admin, admin)
    assert await refused(set_provider(grace, "github", disabled=True)) == LAST
    assert await refused(delete_provider(grace, "github")) == LAST
    # Another provider of another issuer knows nobody in charge.
    await add_provider(grace, "okta", "https://okta.example")
    assert await refused(delete_provider(grace, "github")) == LAST
    # One of the same issuer does: through it they are the same person.
    await add_provider(grace, "second", github.issuer, kind=GITHUB, disabled=True)
    assert await refused(delete_provider(grace, "github")) == LAST
    await set_provider(grace, "second", disabled=False)
    await delete_provider(grace, "github")
    again = await by_provider(plane, github, 7, "second")
    assert again.subject == grace.subject
    assert await refused(set_provider(again, "second", disabled=True)) == LAST


async def test_a_password_is_a_way_in(plane: Plane, admin: Client, github: FakeGitHub) -> None:
    grace = await new_administrator(plane, admin, github)
    await set_provider(grace, "github", disabled=True)
    # With her way in gone, she does not count as in charge.
    assert await refused(remove(admin, admin)) == LAST
    await set_provider(admin, "github", disabled=False)
    await remove(admin, admin)
    created = await grace.users.CreateUser(
        users_pb2.CreateUserRequest(
            organization=ORGANIZATION, user=users_pb2.User(email="bob@example.com")
        )
    )
    await bind(grace, created.user.name, "admin", ORGANIZATION)
    # In charge by name, but they never chose a password.
    assert await refused(delete_provider(grace, "github")) == LAST
    await grace.users.SetPassword(
        users_pb2.SetPasswordRequest(
            email="bob@example.com",
            password_token=created.password_token,
            new_password="correct horse battery",
        )
    )
    await delete_provider(grace, "github")


async def test_of_two_ways_in_closed_at_once_one_stays(
    plane: Plane, admin: Client, github: FakeGitHub
) -> None:
    grace = await new_administrator(plane, admin, github)
    outcomes = await asyncio.gather(
        remove(grace, admin), delete_provider(admin, "github"), return_exceptions=True
    )
    assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 1


async def test_who_runs_the_control_plane_gets_in_again(tmp_path: Path, database_url: str) -> None:
    """Nothing above keeps a provider elsewhere from ending; the next start helps."""
    async with running(tmp_path, database_url) as plane:
        await plane.set_up()
        door = await plane.database()
        await door.write(
            lambda session: session.execute(sa.update(User).values(password_hash=None))
        )
    async with running(tmp_path, database_url) as plane:
        anyone = await plane.edge()
        request = auth_pb2.CreateFirstAdministratorRequest(
            setup_token=plane.setup_token, email="eve@example.com", password=PASSWORD
        )
        eve = await plane.as_user(await anyone.auth.CreateFirstAdministrator(request))
        listed = await eve.members.ListMembers(members_pb2.ListMembersRequest(parent=ORGANIZATION))
        assert len(listed.members) == 2
    async with running(tmp_path, database_url) as plane:
        assert not (plane.settings.data_dir / "setup-token").exists()


async def test_a_sign_in_under_way_ends_with_its_provider(
    plane: Plane, admin: Client, github: FakeGitHub
) -> None:
    flow = await SignIn.of(plane, "github")
    code = await flow.code(github.authorize(await flow.begin(), Account(7, "grace")))
    await set_provider(admin, "github", disabled=True)
    assert await refused(flow.redeem(code)) == ("UNAUTHENTICATED", "INVALID_GRANT")
    await set_provider(admin, "github", disabled=False)
    await flow.redeem(code)
