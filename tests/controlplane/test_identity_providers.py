"""Setting up who vouches for people: what is kept, what is refused, and who may."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from google.protobuf.message import Message
from pydantic import ValidationError

from controlplane.config import Settings
from controlplane.identity.vault import Vault
from controlplane.store.schema_identity import IdentityProvider
from meshkit.ids import new_uid
from tests.controlplane.fake_dns import FakeDns, serving_dns
from tests.controlplane.harness import ORGANIZATION, Client, Plane, refused, running
from tests.controlplane.sign_on import (
    ANYONE,
    CLIENT_SECRET,
    GITHUB,
    LOOPBACK,
    PUBLIC_URL,
    SETTINGS,
    SignIn,
    add_provider,
    name_of,
    set_provider,
)
from weftapi.controlplane.v1 import access_pb2
from weftapi.controlplane.v1 import identity_providers_pb2 as pb

OKTA = "https://okta.example"
BAD = ("INVALID_ARGUMENT", "INVALID_FIELDS")
ABSENT = ("NOT_FOUND", "RESOURCE_NOT_FOUND")


@pytest.fixture
async def names() -> AsyncIterator[FakeDns]:
    async with serving_dns() as server:
        yield server


@pytest.fixture
async def plane(tmp_path: Path, database_url: str, names: FakeDns) -> AsyncIterator[Plane]:
    settings = {**SETTINGS, "dns_servers": names.address}
    async with running(tmp_path, database_url, **settings) as plane:
        yield plane


async def get(client: Client, id_: str) -> pb.IdentityProvider:
    return await client.providers.GetIdentityProvider(
        pb.GetIdentityProviderRequest(name=name_of(id_))
    )


async def test_a_provider_is_kept_without_its_secret(plane: Plane, admin: Client) -> None:
    made = await add_provider(admin, "okta", OKTA, display_name="Okta", groups_claim="groups")
    assert made == await get(admin, "okta")
    assert (made.client_secret, made.creator) == ("", admin.subject)
    assert made.redirect_uri == f"{PUBLIC_URL}/oauth2/callback/default/okta"
    assert list(made.scopes) == ["openid", "profile", "email"]
    await set_provider(admin, "okta", display_name="Okta of Acme", disabled=True)
    changed = await get(admin, "okta")
    assert (changed.display_name, changed.disabled, changed.groups_claim) == (
        "Okta of Acme",
        True,
        "groups",
    )
    assert changed.etag != made.etag
    await add_provider(admin, "entra", "https://entra.example")
    request = pb.ListIdentityProvidersRequest(parent=ORGANIZATION, page_size=1)
    page = await admin.providers.ListIdentityProviders(request)
    assert [each.name for each in page.identity_providers] == [name_of("entra")]
    request.page_token = page.next_page_token
    page = await admin.providers.ListIdentityProviders(request)
    assert [each.name for each in page.identity_providers] == [name_of("okta")]


async def test_the_secret_is_sealed_for_its_row(plane: Plane, admin: Client) -> None:
    await add_provider(admin, "okta", OKTA)
    database = await plane.database()
    sealed, uid = await database.read(
        lambda session: session.execute(
            sa.select(IdentityProvider.client_secret, IdentityProvider.uid)
        ).one()
    )
    assert CLIENT_SECRET.encode() not in sealed
    key_file = plane.settings.data_dir / "vault.key"
    assert key_file.stat().st_mode & 0o777 == 0o600
    vault = Vault(key_file.read_bytes())
    assert vault.open(sealed, owner=uid) == CLIENT_SECRET
    assert CLIENT_SECRET not in repr(vault.open(sealed, owner=uid))
    altered = sealed[:-1] + bytes([sealed[-1] ^ 1])
    wrong = [(sealed, new_uid()), (altered, uid), (b"\x02" + sealed[1:], uid), (b"", uid)]
    for bytes_, owner in wrong:
        with pytest.raises(ValueError):
            vault.open(bytes_, owner=owner)
    with pytest.raises(ValueError, match="sealed with another key"):
        Vault(b"x" * 32).open(sealed, owner=uid)


WRONG: dict[str, dict[str, Any]] = {
    "no kind": {"kind": 0},
    "an unknown kind": {"kind": 99},
    "no client": {"client_id": ""},
    "no issuer": {"issuer": ""},
    "plain http": {"issuer": "http://okta.example"},
    "http by a name": {"issuer": "http://localhost:8080"},
    "a file": {"issuer": "file:///etc/passwd"},
    "a user in it": {"issuer": "https://user:secret@okta.example"},
    "a query": {"issuer": "https://okta.example/?tenant=1"},
    "a fragment": {"issuer": "https://okta.example/#x"},
    "a line break": {"issuer": "https://okta.example/\n"},
    "no openid": {"scopes": ["email"]},
    "a scope of two words": {"scopes": ["openid email"]},
    "groups without a claim": {"allowed_groups": ["ml"]},
    "anybody at GitHub": {"kind": GITHUB, "issuer": "", "join_policy": ANYONE},
    "an unknown policy": {"join_policy": 99},
    "a team elsewhere": {
        "groups_claim": "groups",
        "group_mappings": [pb.GroupMapping(group="ml", team="organizations/other/teams/ml")],
    },
}


async def test_what_makes_no_sense_is_refused(admin: Client) -> None:
    ends = {
        case: await refused(add_provider(admin, "okta", **{"issuer": OKTA, **fields}))
        for case, fields in WRONG.items()
    }
    assert ends == dict.fromkeys(WRONG, BAD)
    mapping = pb.GroupMapping(group="ml", team=f"{ORGANIZATION}/teams/absent")
    fields = {"groups_claim": "groups", "group_mappings": [mapping]}
    assert await refused(add_provider(admin, "okta", OKTA, **fields)) == ABSENT
    await add_provider(admin, "okta", OKTA)
    assert await refused(add_provider(admin, "okta", OKTA)) == (
        "ALREADY_EXISTS",
        "RESOURCE_EXISTS",
    )
    for paths in (["issuer"], ["kind"], ["name"], ["nonsense"], ["redirect_uri"]):
        assert await refused(set_provider(admin, "okta", *paths, issuer=OKTA)) == BAD
    assert await refused(set_provider(admin, "okta", "client_id")) == BAD
    assert await refused(set_provider(admin, "okta", allowed_groups=["ml"])) == BAD


async def test_an_old_etag_loses(admin: Client) -> None:
    old = (await add_provider(admin, "okta", OKTA)).etag
    await set_provider(admin, "okta", "disabled", disabled=True, etag=old)
    lost = ("ABORTED", "ETAG_MISMATCH")
    assert await refused(set_provider(admin, "okta", "disabled", etag=old)) == lost
    request = pb.DeleteIdentityProviderRequest(name=name_of("okta"), etag=old)
    assert await refused(admin.providers.DeleteIdentityProvider(request)) == lost
    request.etag = (await get(admin, "okta")).etag
    await admin.providers.DeleteIdentityProvider(request)
    request.etag = ""
    assert await refused(admin.providers.DeleteIdentityProvider(request)) == ABSENT
    assert await refused(get(admin, "okta")) == ABSENT
    assert await refused(set_provider(admin, "okta", disabled=True)) == ABSENT
    test = pb.TestIdentityProviderRequest(name=name_of("okta"))
    assert await refused(admin.providers.TestIdentityProvider(test)) == ABSENT


def every_request() -> dict[str, Message]:
    domain = f"{ORGANIZATION}/trustedDomains/01a200ee-7b8a-7133-8d3c-fdad4e40015e"
    provider = pb.IdentityProvider(name=name_of("okta"), disabled=True)
    return {
        "GetIdentityProvider": pb.GetIdentityProviderRequest(name=name_of("okta")),
        "ListIdentityProviders": pb.ListIdentityProvidersRequest(parent=ORGANIZATION),
        "CreateIdentityProvider": pb.CreateIdentityProviderRequest(
            parent=ORGANIZATION,
            identity_provider_id="evil",
            identity_provider=pb.IdentityProvider(kind=1, issuer=OKTA, client_id="c"),
        ),
        "UpdateIdentityProvider": pb.UpdateIdentityProviderRequest(identity_provider=provider),
        "DeleteIdentityProvider": pb.DeleteIdentityProviderRequest(name=name_of("okta")),
        "TestIdentityProvider": pb.TestIdentityProviderRequest(name=name_of("okta")),
        "ListTrustedDomains": pb.ListTrustedDomainsRequest(parent=ORGANIZATION),
        "AddTrustedDomain": pb.AddTrustedDomainRequest(parent=ORGANIZATION, domain="evil.example"),
        "VerifyTrustedDomain": pb.VerifyTrustedDomainRequest(name=domain),
        "RemoveTrustedDomain": pb.RemoveTrustedDomainRequest(name=domain),
    }


async def test_nobody_but_administrators(plane: Plane, admin: Client) -> None:
    await add_provider(admin, "okta", OKTA)
    editor = await plane.new_user(admin, "ed@example.com", role="editor")
    for method, request in every_request().items():
        call = getattr(editor.providers, method)(request)
        assert await refused(call) == ("PERMISSION_DENIED", "NOT_PERMITTED"), method


_CHANGES = (
    "CreateIdentityProvider",
    "UpdateIdentityProvider",
    "DeleteIdentityProvider",
    "AddTrustedDomain",
    "RemoveTrustedDomain",
)


async def test_who_may_set_up_providers_alone_makes_nobody_of_themselves(
    plane: Plane, admin: Client
) -> None:
    """With a provider of their own they could be any member, administrators too."""
    verbs = ["identityProviders.create", "identityProviders.update", "identityProviders.delete"]
    verbs += ["trustedDomains.add", "trustedDomains.remove"]
    await admin.access.CreateRole(
        access_pb2.CreateRoleRequest(
            parent=ORGANIZATION, role_id="sso", role=access_pb2.Role(permissions=verbs)
        )
    )
    await add_provider(admin, "okta", OKTA)
    setter = await plane.new_user(admin, "sam@example.com", role="sso")
    requests = every_request()
    for method in _CHANGES:
        call = getattr(setter.providers, method)(requests[method])
        assert await refused(call) == ("PERMISSION_DENIED", "PRIVILEGE_ESCALATION"), method


async def test_a_domain_is_trusted_by_its_record(
    plane: Plane, admin: Client, names: FakeDns
) -> None:
    added = await admin.providers.AddTrustedDomain(
        pb.AddTrustedDomainRequest(parent=ORGANIZATION, domain="Example.COM")
    )
    assert (added.domain, added.record_name) == ("example.com", "_weft-domain.example.com")
    assert added.state == pb.TRUSTED_DOMAIN_STATE_PENDING
    request = pb.VerifyTrustedDomainRequest(name=added.name)

    async def verify() -> Any:
        return await admin.providers.VerifyTrustedDomain(request)

    unproven = ("FAILED_PRECONDITION", "DOMAIN_NOT_PROVEN")
    assert await refused(verify()) == unproven
    for texts in ([], ["something else"], [added.record_value + "0"], [added.record_value[:-1]]):
        names.records = {added.record_name: texts}
        assert await refused(verify()) == unproven
    # The same record for another domain, or on the domain itself, proves nothing.
    names.records = {"example.com": [added.record_value]}
    assert await refused(verify()) == unproven
    names.records = {added.record_name: ["another record", added.record_value]}
    assert (await verify()).state == pb.TRUSTED_DOMAIN_STATE_VERIFIED
    listed = await admin.providers.ListTrustedDomains(
        pb.ListTrustedDomainsRequest(parent=ORGANIZATION)
    )
    assert [each.state for each in listed.trusted_domains] == [pb.TRUSTED_DOMAIN_STATE_VERIFIED]
    again = pb.AddTrustedDomainRequest(parent=ORGANIZATION, domain="example.com")
    assert await refused(admin.providers.AddTrustedDomain(again)) == (
        "ALREADY_EXISTS",
        "RESOURCE_EXISTS",
    )
    remove = pb.RemoveTrustedDomainRequest(name=added.name)
    await admin.providers.RemoveTrustedDomain(remove)
    assert await refused(admin.providers.RemoveTrustedDomain(remove)) == ABSENT
    assert await refused(verify()) == ABSENT


async def test_dns_that_does_not_answer_proves_nothing(admin: Client, names: FakeDns) -> None:
    added = await admin.providers.AddTrustedDomain(
        pb.AddTrustedDomainRequest(parent=ORGANIZATION, domain="example.com")
    )
    names.code = 2  # SERVFAIL
    verify = admin.providers.VerifyTrustedDomain(pb.VerifyTrustedDomainRequest(name=added.name))
    assert await refused(verify) == ("UNAVAILABLE", "DNS_UNAVAILABLE")


async def test_what_is_no_domain(admin: Client) -> None:
    for domain in ("", "com", "a b.com", "x" * 300, "-a.com", "a..com", "1.2.3.4"):
        request = pb.AddTrustedDomainRequest(parent=ORGANIZATION, domain=domain)
        assert await refused(admin.providers.AddTrustedDomain(request)) == BAD, domain


REDIRECTS = [
    "http://localhost:1234/callback",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:0/",
    "http://127.0.0.2:80/",
    "https://127.0.0.1:1234/",
    "http://127.0.0.1:1234@evil.example/",
    "http://127.0.0.1:1234/?next=x",
    "http://127.0.0.1:1234/#x",
    "http://127.0.0.1:1234.evil.example/",
    "https://evil.example/",
    f"{PUBLIC_URL}.evil.example/",
    f"{PUBLIC_URL}@evil.example/",
    f"{PUBLIC_URL}:8443/",
    "javascript:alert(1)",
    "weft://callback",
]


async def test_codes_go_to_this_machine_or_the_dashboard_alone(plane: Plane, admin: Client) -> None:
    await add_provider(admin, "okta", OKTA, disabled=True)
    flow = await SignIn.of(plane, "okta")
    for redirect_uri in REDIRECTS:
        request = flow.begin_request
        request.redirect_uri = redirect_uri
        assert await refused(flow.anyone.auth.BeginOidcLogin(request)) == BAD, redirect_uri
    for redirect_uri in (LOOPBACK, "http://[::1]:9/", f"{PUBLIC_URL}/signed-in"):
        request = flow.begin_request
        request.redirect_uri = redirect_uri
        assert await refused(flow.anyone.auth.BeginOidcLogin(request)) == ABSENT, redirect_uri


async def test_codes_go_to_further_gateways_that_the_settings_name(
    tmp_path: Path, sqlite_url: str
) -> None:
    settings = {**SETTINGS, "gateway_urls": "https://lab.example, https://hosts.example/weft/"}
    async with running(tmp_path, sqlite_url, **settings) as plane:
        await add_provider(await plane.set_up(), "okta", OKTA, disabled=True)
        flow = await SignIn.of(plane, "okta")
        ends = {
            "https://lab.example/auth/sign-on/done": ABSENT,
            "https://hosts.example/weft/auth/sign-on/done": ABSENT,
            f"{PUBLIC_URL}/auth/sign-on/done": ABSENT,
            "https://lab.example.evil.example/": BAD,
            "https://labXexample/": BAD,
            "http://lab.example/auth/sign-on/done": BAD,
            "https://hosts.example/other": BAD,
            "https://hosts.example/weftier": BAD,
        }
        for redirect_uri, end in ends.items():
            request = flow.begin_request
            request.redirect_uri = redirect_uri
            assert await refused(flow.anyone.auth.BeginOidcLogin(request)) == end, redirect_uri


@pytest.mark.parametrize(
    "url",
    ["http://lab.example", "lab.example", "https://a@lab.example", "https://lab.example?x", "*"],
)
def test_a_gateway_url_is_an_origin_with_a_path(url: str) -> None:
    with pytest.raises(ValidationError, match=r"must look like https://weft\.example\.com"):
        Settings(gateway_urls=url)  # type: ignore[arg-type]


async def test_sign_ins_are_counted(tmp_path: Path, sqlite_url: str) -> None:
    async with running(tmp_path, sqlite_url, **{**SETTINGS, "sign_in_per_minute": 3}) as plane:
        flow = await SignIn.of(plane, "okta")
        ends = [await refused(flow.begin()) for _ in range(4)]
        assert ends == [ABSENT] * 3 + [("RESOURCE_EXHAUSTED", "RATE_LIMITED")]
