"""AuthService: every grant, every refusal, and what happens when many come at once."""

import asyncio
from collections import Counter
from typing import Any

import jwt

from meshkit.caller import CallerKind
from meshkit.tokens import SigningKey, TokenSigner
from tests.controlplane.harness import (
    ADMIN_EMAIL,
    GATEWAY,
    ORGANIZATION,
    PASSWORD,
    Client,
    ManualClock,
    Plane,
    refused,
    running,
)
from weftapi.controlplane.v1 import auth_pb2

UNAUTHENTICATED = ("UNAUTHENTICATED", "INVALID_CREDENTIAL")
INVALID_GRANT = ("UNAUTHENTICATED", "INVALID_GRANT")
WORKSPACE = f"{ORGANIZATION}/workspaces/w1"


def whoami(client: Client) -> Any:
    return client.auth.GetCurrentPrincipal(auth_pb2.GetCurrentPrincipalRequest())


def exchange(client: Client, **grant: str) -> Any:
    return client.auth.ExchangeToken(auth_pb2.ExchangeTokenRequest(**grant))


def mint(client: Client, workspace: str = WORKSPACE) -> Any:
    return client.auth.MintWorkspaceToken(auth_pb2.MintWorkspaceTokenRequest(workspace=workspace))


def first_administrator(plane: Plane, **fields: str) -> auth_pb2.CreateFirstAdministratorRequest:
    values = {"setup_token": plane.setup_token, "email": ADMIN_EMAIL, "password": PASSWORD}
    return auth_pb2.CreateFirstAdministratorRequest(**{**values, **fields})


async def tally(calls: list[Any]) -> Counter[str]:
    """How many calls were answered, and how many refused for which reason."""

    async def outcome(call: Any) -> str:
        return (await refused(call))[1]

    results = await asyncio.gather(*(outcome(call) for call in calls), return_exceptions=True)
    return Counter("OK" if isinstance(r, AssertionError) else str(r) for r in results)


async def test_setup_works_once_and_leaves_nothing_behind(plane: Plane) -> None:
    anyone = await plane.edge()
    config = await anyone.auth.GetAuthConfig(auth_pb2.GetAuthConfigRequest())
    assert config.setup_required
    assert config.verification_uri.endswith("/device")
    wrong = first_administrator(plane, setup_token="weft_setup_nonsense")
    assert await refused(anyone.auth.CreateFirstAdministrator(wrong)) == INVALID_GRANT
    weak = first_administrator(plane, password="aaaaaaaaaaaaaaa")
    assert (await refused(anyone.auth.CreateFirstAdministrator(weak)))[1] == "WEAK_PASSWORD"
    path = plane.settings.data_dir / "setup-token"
    assert path.stat().st_mode & 0o777 == 0o600
    request = first_administrator(plane)
    tokens = await anyone.auth.CreateFirstAdministrator(request)
    assert tokens.refresh_token
    assert not path.exists()
    again = anyone.auth.CreateFirstAdministrator(request)
    assert await refused(again) == ("FAILED_PRECONDITION", "ALREADY_SET_UP")
    config = await anyone.auth.GetAuthConfig(auth_pb2.GetAuthConfigRequest())
    assert not config.setup_required
    principal = await whoami(await plane.as_user(tokens))
    assert [role.role for role in principal.roles] == [f"{ORGANIZATION}/roles/admin"]


async def test_of_fifty_first_administrators_one_is_made(plane: Plane) -> None:
    anyone = await plane.edge()
    calls = [
        anyone.auth.CreateFirstAdministrator(
            first_administrator(plane, email=f"user{number}@example.com")
        )
        for number in range(50)
    ]
    assert await tally(calls) == {"OK": 1, "ALREADY_SET_UP": 49}


async def test_sign_in_tells_nobody_which_half_was_wrong(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    signed_in = await plane.sign_in(ADMIN_EMAIL.upper())
    assert signed_in.subject == admin.subject
    failures = set()
    for email, password in ((ADMIN_EMAIL, "wrong password"), ("nobody@example.com", PASSWORD)):
        request = auth_pb2.SignInRequest(email=email, password=password)
        failures.add(await refused(anyone.auth.SignIn(request)))
    assert failures == {("UNAUTHENTICATED", "SIGN_IN_FAILED")}


async def test_guessing_passwords_is_slow_from_everywhere(tmp_path: Any, sqlite_url: str) -> None:
    async with running(tmp_path, sqlite_url, sign_in_per_minute=3) as plane:
        await plane.set_up()
        anyone = await plane.edge()
        wrong = auth_pb2.SignInRequest(email=ADMIN_EMAIL, password="wrong password")
        calls = [anyone.auth.SignIn(wrong) for _ in range(5)]
        assert await tally(calls) == {"SIGN_IN_FAILED": 3, "RATE_LIMITED": 2}
        plane.clock.advance(minutes=1)
        assert (await plane.sign_in()).subject


async def test_only_a_sound_token_for_this_audience_is_a_credential(
    plane: Plane, admin: Client
) -> None:
    await plane.new_workspace(admin, "w1")
    genuine = admin.tokens.access_token
    claims = jwt.decode(genuine, options={"verify_signature": False})
    header = jwt.get_unverified_header(genuine)
    foreign = TokenSigner(claims["iss"], SigningKey.generate(), clock=ManualClock())
    same_kid = TokenSigner(
        claims["iss"], SigningKey(header["kid"], SigningKey.generate().key), clock=ManualClock()
    )
    forged = [
        signer.sign(
            CallerKind.USER,
            claims["sub"],
            audience=claims["aud"],
            lifetime=plane.settings.access_token_life,
            claims={"sid": claims["sid"]},
        )
        for signer in (foreign, same_kid)
    ]
    unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": header["kid"]})
    body = genuine.rsplit(".", 1)[0]
    other_audience = (await mint(admin)).access_token
    for token in (*forged, unsigned, f"{body}.", other_audience, "nonsense", genuine + "x"):
        assert await refused(whoami(await plane.edge(token))) == UNAUTHENTICATED
    assert await refused(whoami(await plane.edge())) == UNAUTHENTICATED
    plane.clock.advance(seconds=plane.settings.access_token_s + 31)
    assert await refused(whoami(admin)) == UNAUTHENTICATED


async def test_refresh_rotates_and_reuse_ends_the_session(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    first = admin.tokens.refresh_token
    second = await exchange(anyone, refresh_token=first)
    assert second.refresh_token != first
    client = await plane.as_user(second)
    assert (await whoami(client)).email == ADMIN_EMAIL
    reused = ("UNAUTHENTICATED", "REFRESH_TOKEN_REUSED")
    assert await refused(exchange(anyone, refresh_token=first)) == reused
    assert await refused(exchange(anyone, refresh_token=second.refresh_token)) == INVALID_GRANT
    assert await refused(whoami(client)) == UNAUTHENTICATED
    assert await refused(whoami(admin)) == UNAUTHENTICATED


async def test_of_fifty_refreshes_one_wins_and_the_session_ends(
    plane: Plane, admin: Client
) -> None:
    anyone = await plane.edge()
    calls = [exchange(anyone, refresh_token=admin.tokens.refresh_token) for _ in range(50)]
    assert await tally(calls) == {"OK": 1, "REFRESH_TOKEN_REUSED": 49}
    assert await refused(whoami(admin)) == UNAUTHENTICATED


async def test_a_forged_refresh_token_ends_nobodys_session(plane: Plane, admin: Client) -> None:
    from meshkit import opaque

    genuine = opaque.parse(admin.tokens.refresh_token)
    forged, _ = opaque.make(genuine.prefix, genuine.id)
    anyone = await plane.edge()
    assert await refused(exchange(anyone, refresh_token=forged)) == INVALID_GRANT
    await anyone.auth.RevokeToken(auth_pb2.RevokeTokenRequest(token=forged))
    assert (await whoami(admin)).email == ADMIN_EMAIL


async def test_sessions_end_when_idle_and_when_old(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    plane.clock.advance(seconds=plane.settings.session_idle_s + 1)
    idle = exchange(anyone, refresh_token=admin.tokens.refresh_token)
    assert await refused(idle) == INVALID_GRANT
    tokens = (await plane.sign_in()).tokens
    for _ in range(plane.settings.session_s // plane.settings.session_idle_s):
        plane.clock.advance(seconds=plane.settings.session_idle_s - 60)
        tokens = await exchange(anyone, refresh_token=tokens.refresh_token)
    plane.clock.advance(seconds=plane.settings.session_idle_s - 60)
    old = exchange(anyone, refresh_token=tokens.refresh_token)
    assert await refused(old) == INVALID_GRANT


async def test_signing_out_ends_the_session_at_once(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    await anyone.auth.RevokeToken(auth_pb2.RevokeTokenRequest(token=admin.tokens.refresh_token))
    assert await refused(whoami(admin)) == UNAUTHENTICATED
    for token in ("", "unknown", admin.tokens.refresh_token):
        request = auth_pb2.RevokeTokenRequest(token=token)
        if token:
            await anyone.auth.RevokeToken(request)
        else:
            assert (await refused(anyone.auth.RevokeToken(request)))[0] == "INVALID_ARGUMENT"


async def test_exchange_needs_a_grant(plane: Plane) -> None:
    anyone = await plane.edge()
    assert await refused(exchange(anyone)) == ("INVALID_ARGUMENT", "INVALID_FIELDS")
    for kind in ("device_code", "refresh_token", "personal_access_token"):
        assert await refused(exchange(anyone, **{kind: "weft_pat_x"})) == INVALID_GRANT


async def test_workspace_tokens_are_for_those_with_a_role(plane: Plane, admin: Client) -> None:
    workspace = await plane.new_workspace(admin, "w1")
    await plane.new_workspace(admin, "w2")
    minted = await mint(admin)
    claims = jwt.decode(minted.access_token, options={"verify_signature": False})
    own = jwt.decode(admin.tokens.access_token, options={"verify_signature": False})
    assert claims["aud"] == workspace.uid
    assert (claims["iss"], claims["sub"], claims["sid"]) == (own["aud"], own["sub"], own["sid"])
    assert claims["exp"] - claims["iat"] == plane.settings.workspace_token_s
    assert minted.expire_time.seconds == claims["exp"]
    assert minted.audience == WORKSPACE
    viewer = await plane.new_user(
        admin, "vi@example.com", role="viewer", resource=f"{WORKSPACE}/projects/p"
    )
    assert (await mint(viewer)).subject == viewer.subject
    denied = ("PERMISSION_DENIED", "NOT_PERMITTED")
    assert await refused(mint(viewer, f"{ORGANIZATION}/workspaces/w2")) == denied
    assert await refused(mint(viewer, f"{ORGANIZATION}/workspaces/absent")) == denied
    absent = mint(admin, f"{ORGANIZATION}/workspaces/absent")
    assert await refused(absent) == ("NOT_FOUND", "RESOURCE_NOT_FOUND")


async def test_a_gateway_forwards_people_and_nobody_else_does(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    gateway = await plane.enroll(admin, GATEWAY, "w1")
    forwarding = await plane.mesh(gateway.pair, admin.tokens.access_token)
    assert (await whoami(forwarding)).email == ADMIN_EMAIL
    alone = await plane.mesh(gateway.pair)
    assert await refused(whoami(alone)) == UNAUTHENTICATED
    server = await plane.enroll(admin, 2, "w1")
    impostor = await plane.mesh(server.pair, admin.tokens.access_token)
    assert await refused(whoami(impostor)) == UNAUTHENTICATED


async def test_principals_say_what_they_hold(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    editor = await plane.new_user(admin, "ed@example.com", role="editor", resource=WORKSPACE)
    principal = await whoami(editor)
    assert principal.email == "ed@example.com"
    assert [(held.role, held.resource) for held in principal.roles] == [
        (f"{ORGANIZATION}/roles/editor", WORKSPACE)
    ]
