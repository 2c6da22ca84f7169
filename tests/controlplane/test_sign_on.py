"""Single sign-on through a real OpenID provider, npm's `oidc-provider`, as a browser sees it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.harness import (
    ADMIN_EMAIL,
    ORGANIZATION,
    PASSWORD,
    Client,
    Plane,
    refused,
    running,
)
from tests.controlplane.oidc_provider.process import Providers, RealProvider
from tests.controlplane.sign_on import (
    MEMBERS_ONLY,
    SETTINGS,
    TRUSTED_DOMAINS,
    SignIn,
    add_provider,
    name_of,
    registration,
    set_provider,
    sign_in,
    trust_domain,
    who,
)
from weftapi.controlplane.v1 import (
    auth_pb2,
    identity_providers_pb2,
    members_pb2,
    organizations_pb2,
)

GRACE = {"email": "grace@example.com", "email_verified": True, "name": "Grace", "groups": ["ml"]}


@pytest.fixture(scope="module")
def providers() -> Iterator[Providers]:
    launched = Providers.launch()
    yield launched
    launched.close()


@pytest.fixture
def real(providers: Providers) -> RealProvider:
    return providers.start([registration("okta")], {"grace": dict(GRACE)})


@pytest.fixture
async def plane(tmp_path: Path, database_url: str) -> AsyncIterator[Plane]:
    async with running(tmp_path, database_url, **SETTINGS) as plane:
        yield plane


@pytest.fixture
async def okta(admin: Client, real: RealProvider) -> RealProvider:
    """A provider that lets everybody in whom it knows."""
    await add_provider(admin, "okta", real.issuer)
    return real


async def test_a_person_signs_in_and_is_the_same_the_next_time(
    plane: Plane, okta: RealProvider
) -> None:
    first = await sign_in(plane, "okta", "grace")
    principal = await who(first)
    assert (principal.email, principal.display_name) == ("", "Grace")
    assert list(principal.roles) == []
    second = await sign_in(plane, "okta", "grace")
    assert second.subject == first.subject
    refreshed = await second.auth.ExchangeToken(
        auth_pb2.ExchangeTokenRequest(refresh_token=second.tokens.refresh_token)
    )
    assert refreshed.subject == first.subject


async def test_a_member_is_made_by_the_first_sign_in(
    plane: Plane, admin: Client, okta: RealProvider
) -> None:
    grace = await sign_in(plane, "okta", "grace")
    listed = await admin.members.ListMembers(members_pb2.ListMembersRequest(parent=ORGANIZATION))
    assert {member.user for member in listed.members} == {admin.subject, grace.subject}


async def test_the_options_show_who_vouches_here(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()

    async def options(**fields: str) -> list[str]:
        config = await anyone.auth.GetAuthConfig(auth_pb2.GetAuthConfigRequest(**fields))
        return [option.identity_provider for option in config.login_options]

    assert await options() == []
    await add_provider(admin, "okta", "https://okta.example")
    await add_provider(admin, "entra", "https://entra.example", disabled=True)
    assert await options() == await options(organization=ORGANIZATION) == [name_of("okta")]
    other = (
        await admin.organizations.CreateOrganization(
            organizations_pb2.CreateOrganizationRequest(organization_id="other")
        )
    ).name
    # An organization that nobody made is told from one without providers by nothing.
    assert (
        await options(organization="organizations/absent")
        == await options(organization=other)
        == []
    )
    await add_provider(admin, "okta", "https://other.okta.example", parent=other)
    assert await options(organization=other) == [f"{other}/identityProviders/okta"]
    assert await options() == [name_of("okta")]
    nonsense = anyone.auth.GetAuthConfig(auth_pb2.GetAuthConfigRequest(organization="Other Inc."))
    assert await refused(nonsense) == ("INVALID_ARGUMENT", "INVALID_FIELDS")


async def test_keys_may_rotate_between_two_sign_ins(plane: Plane, okta: RealProvider) -> None:
    first = await sign_in(plane, "okta", "grace")
    okta.rotate_keys()
    assert (await sign_in(plane, "okta", "grace")).subject == first.subject


async def test_a_state_and_a_code_work_once(plane: Plane, okta: RealProvider) -> None:
    flow = await SignIn.of(plane, "okta")
    brought = await flow.visit("grace")
    code = await flow.code(brought)
    assert await refused(flow.complete(brought)) == ("UNAUTHENTICATED", "INVALID_GRANT")
    assert await refused(flow.redeem(code, "x" * 43)) == ("UNAUTHENTICATED", "INVALID_GRANT")
    await flow.redeem(code)
    assert await refused(flow.redeem(code)) == ("UNAUTHENTICATED", "INVALID_GRANT")


async def test_states_and_codes_expire(plane: Plane, okta: RealProvider) -> None:
    flow = await SignIn.of(plane, "okta")
    code = await flow.code(await flow.visit("grace"))
    plane.clock.advance(minutes=1)
    assert await refused(flow.redeem(code)) == ("UNAUTHENTICATED", "INVALID_GRANT")
    slow = await SignIn.of(plane, "okta")
    brought = await slow.visit("grace")
    plane.clock.advance(minutes=10)
    assert await refused(slow.complete(brought)) == ("UNAUTHENTICATED", "INVALID_GRANT")


@pytest.mark.parametrize("state", ["", "x", "weft_login_" + "0" * 32 + "_" + "a" * 52 + "00000000"])
async def test_an_unknown_state_waits_for_nothing(
    plane: Plane, okta: RealProvider, state: str
) -> None:
    flow = await SignIn.of(plane, "okta")
    code = "INVALID_ARGUMENT" if not state else "UNAUTHENTICATED"
    assert (await refused(flow.complete({"state": state, "code": "c"})))[0] == code


async def test_somebody_else_s_code_is_of_no_use(plane: Plane, okta: RealProvider) -> None:
    """A code that an attacker got from their own sign-in is bound to their own PKCE verifier."""
    victim, attacker = await SignIn.of(plane, "okta"), await SignIn.of(plane, "okta")
    brought, stolen = await victim.visit("grace"), await attacker.visit("grace")
    assert await refused(victim.complete(brought, code=stolen["code"])) == (
        "UNAUTHENTICATED",
        "IDENTITY_REJECTED",
    )


async def test_the_person_may_refuse(plane: Plane, okta: RealProvider) -> None:
    flow = await SignIn.of(plane, "okta")
    brought = await flow.visit("grace", refuse=True)
    assert brought["error"] == "access_denied"
    assert await refused(flow.complete(brought)) == ("PERMISSION_DENIED", "LOGIN_DENIED")


async def test_two_providers_are_not_mixed_up(
    plane: Plane, admin: Client, okta: RealProvider, providers: Providers
) -> None:
    other = providers.start([registration("other")], {"grace": dict(GRACE)})
    await add_provider(admin, "other", other.issuer)
    flow = await SignIn.of(plane, "okta")
    brought = await flow.visit("grace")
    # The answer came to the other provider's address.
    assert await refused(flow.complete(brought, identity_provider=name_of("other"))) == (
        "UNAUTHENTICATED",
        "INVALID_GRANT",
    )
    # It says that the other provider gave it.
    assert await refused(flow.complete(brought, iss=other.issuer)) == (
        "UNAUTHENTICATED",
        "IDENTITY_REJECTED",
    )
    silent = await flow.visit("grace")
    del silent["iss"]
    assert await refused(flow.complete(silent)) == ("UNAUTHENTICATED", "IDENTITY_REJECTED")
    # The same login at two issuers is two people.
    assert (await sign_in(plane, "other", "grace")).subject != (
        await sign_in(plane, "okta", "grace")
    ).subject


async def test_a_disabled_provider_signs_nobody_in(
    plane: Plane, admin: Client, okta: RealProvider
) -> None:
    late = await SignIn.of(plane, "okta")
    brought = await late.visit("grace")
    before = await sign_in(plane, "okta", "grace")
    await set_provider(admin, "okta", disabled=True)
    assert await refused(late.complete(brought)) == ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    flow = await SignIn.of(plane, "okta")
    assert await refused(flow.begin()) == ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    assert (await who(before)).subject == before.subject


async def test_a_deleted_provider_leaves_its_people(
    plane: Plane, admin: Client, okta: RealProvider
) -> None:
    before = await sign_in(plane, "okta", "grace")
    flow = await SignIn.of(plane, "okta")
    brought = await flow.visit("grace")
    await admin.providers.DeleteIdentityProvider(
        identity_providers_pb2.DeleteIdentityProviderRequest(name=name_of("okta"))
    )
    assert await refused(flow.complete(brought)) == ("UNAUTHENTICATED", "INVALID_GRANT")
    await add_provider(admin, "okta", okta.issuer)
    assert (await sign_in(plane, "okta", "grace")).subject == before.subject


async def test_an_address_takes_over_no_account(
    plane: Plane, admin: Client, okta: RealProvider
) -> None:
    """The provider says that the person has the administrator's address."""
    okta.set_account("mallory", email=ADMIN_EMAIL, email_verified=True, name="Ada")
    assert (await sign_in(plane, "okta", "mallory")).subject != admin.subject
    await trust_domain(plane, admin, "example.com")
    okta.set_account("unverified", email=ADMIN_EMAIL, email_verified=False)
    assert (await sign_in(plane, "okta", "unverified")).subject != admin.subject
    # Nor is the address taken from the person who has it.
    assert (await plane.sign_in(ADMIN_EMAIL, PASSWORD)).subject == admin.subject


async def test_a_verified_address_in_a_trusted_domain_means_the_member_who_has_it(
    plane: Plane, admin: Client, okta: RealProvider
) -> None:
    await set_provider(admin, "okta", join_policy=MEMBERS_ONLY)
    await trust_domain(plane, admin, "example.com")
    okta.set_account("ada", email=ADMIN_EMAIL.upper(), email_verified=True)
    linked = await sign_in(plane, "okta", "ada")
    assert linked.subject == admin.subject
    assert (await who(linked)).email == ADMIN_EMAIL
    # The address was given to another person at the provider: not to this account.
    okta.set_account("successor", email=ADMIN_EMAIL, email_verified=True)
    flow = await SignIn.of(plane, "okta")
    brought = await flow.visit("successor")
    assert await refused(flow.complete(brought)) == ("PERMISSION_DENIED", "MEMBERSHIP_REQUIRED")


async def test_who_waits_in_an_account_is_out_when_its_person_comes(
    plane: Plane, admin: Client, okta: RealProvider
) -> None:
    """An inviter keeps the invitation to somebody else's address, and accepts it."""
    await trust_domain(plane, admin, "example.com")
    waiting = await plane.new_user(admin, "ceo@example.com")
    okta.set_account("ceo", email="ceo@example.com", email_verified=True)
    arrived = await sign_in(plane, "okta", "ceo")
    assert arrived.subject == waiting.subject
    refresh = auth_pb2.ExchangeTokenRequest(refresh_token=waiting.tokens.refresh_token)
    assert (await refused(waiting.auth.ExchangeToken(refresh)))[0] == "UNAUTHENTICATED"
    assert (await refused(who(waiting)))[0] == "UNAUTHENTICATED"
    again = auth_pb2.SignInRequest(email="ceo@example.com", password=PASSWORD)
    assert await refused(waiting.auth.SignIn(again)) == ("UNAUTHENTICATED", "SIGN_IN_FAILED")
    assert (await who(arrived)).email == "ceo@example.com"


async def test_a_provider_hands_over_no_account_that_others_share(
    plane: Plane, admin: Client, okta: RealProvider
) -> None:
    """What somebody holds in another organization is not this one's to give away."""
    await trust_domain(plane, admin, "example.com")
    await admin.organizations.CreateOrganization(
        organizations_pb2.CreateOrganizationRequest(organization_id="other")
    )
    okta.set_account("ada", email=ADMIN_EMAIL, email_verified=True)
    assert (await sign_in(plane, "okta", "ada")).subject != admin.subject
    assert (await plane.sign_in(ADMIN_EMAIL, PASSWORD)).subject == admin.subject


async def test_an_address_is_shown_once_its_domain_is_proven(
    plane: Plane, admin: Client, okta: RealProvider
) -> None:
    """A provider says what it likes; colleagues believe what they are shown."""
    grace = await sign_in(plane, "okta", "grace")
    request = members_pb2.GetMemberRequest(
        name=f"{ORGANIZATION}/members/{grace.subject.removeprefix('users/')}"
    )
    assert (await admin.members.GetMember(request)).email == ""
    await trust_domain(plane, admin, "example.com")
    assert (await sign_in(plane, "okta", "grace")).subject == grace.subject
    assert (await admin.members.GetMember(request)).email == GRACE["email"]


async def test_an_address_that_changes_at_the_provider_changes_nobody(
    plane: Plane, admin: Client, okta: RealProvider
) -> None:
    await trust_domain(plane, admin, "example.com")
    before = await sign_in(plane, "okta", "grace")
    okta.set_account("grace", **{**GRACE, "email": "hopper@example.com", "name": "G. Hopper"})
    after = await sign_in(plane, "okta", "grace")
    principal = await who(after)
    assert after.subject == before.subject
    assert (principal.email, principal.display_name) == ("hopper@example.com", "G. Hopper")
    # Moving onto an address that somebody has takes it from nobody.
    okta.set_account("grace", **{**GRACE, "email": ADMIN_EMAIL})
    assert (await sign_in(plane, "okta", "grace")).subject == before.subject
    assert (await plane.sign_in(ADMIN_EMAIL, PASSWORD)).subject == admin.subject


JOINING: list[tuple[int, dict[str, Any], bool]] = [
    (MEMBERS_ONLY, GRACE, False),
    (TRUSTED_DOMAINS, GRACE, True),
    (TRUSTED_DOMAINS, {**GRACE, "email_verified": False}, False),
    (TRUSTED_DOMAINS, {**GRACE, "email": "grace@sub.example.com"}, False),
    (TRUSTED_DOMAINS, {**GRACE, "email": "grace@example.com.evil"}, False),
    (TRUSTED_DOMAINS, {}, False),
]


@pytest.mark.parametrize("case", JOINING)
async def test_who_becomes_a_member(
    plane: Plane, admin: Client, okta: RealProvider, case: tuple[int, dict[str, Any], bool]
) -> None:
    policy, claims, joins = case
    await set_provider(admin, "okta", "join_policy", join_policy=policy)
    await trust_domain(plane, admin, "example.com")
    okta.set_account("grace", **claims)
    flow = await SignIn.of(plane, "okta")
    brought = await flow.visit("grace")
    if joins:
        await flow.finish(brought)
        return
    assert await refused(flow.complete(brought)) == ("PERMISSION_DENIED", "MEMBERSHIP_REQUIRED")
    listed = await admin.members.ListMembers(members_pb2.ListMembersRequest(parent=ORGANIZATION))
    assert [member.user for member in listed.members] == [admin.subject]


async def test_who_was_shut_out_or_erased_does_not_come_back_this_way(
    plane: Plane, admin: Client, okta: RealProvider
) -> None:
    before = await sign_in(plane, "okta", "grace")
    member = before.subject.replace("users", f"{ORGANIZATION}/members")
    flow = await SignIn.of(plane, "okta")
    code = await flow.code(await flow.visit("grace"))
    await admin.members.DeactivateMember(members_pb2.DeactivateMemberRequest(name=member))
    assert await refused(flow.redeem(code)) == ("UNAUTHENTICATED", "INVALID_GRANT")
    brought = await flow.visit("grace")
    assert await refused(flow.complete(brought)) == ("PERMISSION_DENIED", "MEMBERSHIP_REQUIRED")
    await admin.members.EraseMember(members_pb2.EraseMemberRequest(name=member))
    assert (await sign_in(plane, "okta", "grace")).subject != before.subject


async def test_only_allowed_groups_sign_in(plane: Plane, admin: Client, okta: RealProvider) -> None:
    await set_provider(
        admin,
        "okta",
        scopes=["openid", "email", "groups"],
        groups_claim="groups",
        allowed_groups=["ml", "platform"],
    )
    await sign_in(plane, "okta", "grace")
    okta.set_account("grace", **{**GRACE, "groups": ["sales"]})
    flow = await SignIn.of(plane, "okta")
    brought = await flow.visit("grace")
    assert await refused(flow.complete(brought)) == ("PERMISSION_DENIED", "MEMBERSHIP_REQUIRED")


async def test_a_sign_in_survives_a_restart_of_the_control_plane(
    tmp_path: Path, database_url: str, real: RealProvider
) -> None:
    async with running(tmp_path, database_url, **SETTINGS) as plane:
        await add_provider(await plane.set_up(), "okta", real.issuer)
        flow = await SignIn.of(plane, "okta")
        brought = await flow.visit("grace")
    async with running(tmp_path, database_url, **SETTINGS) as plane:
        again = await SignIn.of(plane, "okta")
        again.verifier, again.state = flow.verifier, flow.state
        assert (await again.finish(brought)).subject


async def test_a_working_provider_is_told_so(plane: Plane, admin: Client, okta: Any) -> None:
    request = identity_providers_pb2.TestIdentityProviderRequest(name=name_of("okta"))
    answer = await admin.providers.TestIdentityProvider(request)
    assert answer.healthy, answer
    assert [check.name for check in answer.checks] == ["discovery", "keys", "client"]
    await set_provider(admin, "okta", client_secret="not the secret")
    answer = await admin.providers.TestIdentityProvider(request)
    assert not answer.healthy
    assert "refuses our client id or secret (invalid_client)" in answer.checks[-1].message
