"""API keys of service accounts: shown once, two at most, rotated."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc

from meshkit import opaque
from tests.controlplane.harness import (
    GATEWAY,
    WORKSPACE,
    Client,
    Plane,
    refused,
    running,
)
from tests.controlplane.programs import (
    ACCOUNT,
    INVALID_GRANT,
    MISSING,
    UNAUTHENTICATED,
    delete_key,
    exchange,
    get_key,
    list_keys,
    new_account,
    new_key,
    rotate,
    sign_in,
    whoami,
)
from weftapi.controlplane.v1 import auth_pb2
from weftapi.controlplane.v1 import service_accounts_pb2 as pb

FULL = ("FAILED_PRECONDITION", "TOO_MANY_KEYS")


async def test_a_key_is_shown_once_and_exchanged(plane: Plane, admin: Client) -> None:
    account = await new_account(admin, display_name="CI")
    created = await new_key(admin, ACCOUNT, display_name="laptop")
    key = created.api_key
    assert created.secret.startswith("weft_key_")
    assert created.secret.startswith(key.prefix)
    assert key.expire_time.seconds - key.create_time.seconds == 90 * 86400
    granted = await exchange(await plane.edge(), created.secret)
    assert not granted.refresh_token
    assert granted.subject == f"serviceAccounts/{account.uid}"
    program = await plane.as_user(granted)
    me = await whoami(program)
    assert (me.subject, me.name, me.display_name) == (granted.subject, ACCOUNT, "CI")
    assert me.email == ""
    (listed,) = (await list_keys(admin)).api_keys
    assert listed.last_used_time.seconds % 60 == 0
    assert listed.last_used_time.seconds > 0
    assert await get_key(admin, key.name) == listed


async def test_keys_are_renamed_and_listed_in_pages(plane: Plane, admin: Client) -> None:
    await new_account(admin)
    first = (await new_key(admin, ACCOUNT)).api_key
    second = (await new_key(admin, ACCOUNT)).api_key
    page = await list_keys(admin, page_size=1)
    assert [key.name for key in page.api_keys] == [second.name]
    rest = await list_keys(admin, page_token=page.next_page_token)
    assert [key.name for key in rest.api_keys] == [first.name]
    first.display_name = "renamed"
    update = pb.UpdateApiKeyRequest(api_key=first)
    renamed = await admin.service_accounts.UpdateApiKey(update)
    assert renamed.display_name == "renamed"
    again = admin.service_accounts.UpdateApiKey(update)
    assert await refused(again) == ("ABORTED", "ETAG_MISMATCH")


async def test_keys_expire(plane: Plane, admin: Client) -> None:
    await new_account(admin)
    anyone = await plane.edge()
    soon = datetime.now(UTC) + timedelta(minutes=2)
    secret = (await new_key(admin, ACCOUNT, expire_time=soon)).secret
    granted = await exchange(anyone, secret)
    assert abs(granted.expire_time.seconds - soon.timestamp()) <= 2
    for wrong in (timedelta(days=-1), timedelta(days=366)):
        call = new_key(admin, ACCOUNT, expire_time=datetime.now(UTC) + wrong)
        assert await refused(call) == ("INVALID_ARGUMENT", "INVALID_FIELDS")
    plane.clock.advance(minutes=3)
    assert await refused(exchange(anyone, secret)) == INVALID_GRANT


async def test_a_wrong_secret_is_refused_whatever_is_wrong(plane: Plane, admin: Client) -> None:
    await new_account(admin)
    secret = (await new_key(admin, ACCOUNT)).secret
    anyone = await plane.edge()
    genuine = opaque.parse(secret)
    forged, _ = opaque.make(genuine.prefix, genuine.id)
    typo = secret[:-9] + ("a" if secret[-9] != "a" else "b") + secret[-8:]
    disguised = secret.replace("weft_key_", "weft_pat_")
    for text in (forged, typo, disguised, secret.upper(), f"{secret} ", secret[:-1], "weft_key_"):
        assert await refused(exchange(anyone, text)) == INVALID_GRANT
    as_pat = auth_pb2.ExchangeTokenRequest(personal_access_token=secret)
    assert await refused(anyone.auth.ExchangeToken(as_pat)) == INVALID_GRANT
    bearer = await plane.edge(secret)
    assert await refused(whoami(bearer)) == UNAUTHENTICATED
    await anyone.auth.RevokeToken(auth_pb2.RevokeTokenRequest(token=forged))
    program = await plane.as_user(await exchange(anyone, secret))
    await anyone.auth.RevokeToken(auth_pb2.RevokeTokenRequest(token=secret))
    assert await refused(whoami(program)) == UNAUTHENTICATED
    assert not (await list_keys(admin)).api_keys


async def test_two_keys_live_at_most_also_under_races(plane: Plane, admin: Client) -> None:
    await new_account(admin)
    calls = (new_key(admin, ACCOUNT) for _ in range(20))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    made = [each for each in outcomes if not isinstance(each, BaseException)]
    assert len(made) == 2
    errors = [each for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]
    assert {error.code().name for error in errors} == {"FAILED_PRECONDITION"}
    assert await refused(new_key(admin, ACCOUNT)) == FULL
    assert await refused(rotate(admin, made[0].api_key.name, seconds=60)) == FULL
    await delete_key(admin, made[0].api_key.name)
    assert await refused(delete_key(admin, made[0].api_key.name)) == MISSING
    key = made[1].api_key.name
    rotations = (rotate(admin, key, seconds=60) for _ in range(20))
    rotated = await asyncio.gather(*rotations, return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in rotated) == 1


async def test_rotation_keeps_the_old_key_for_a_while(plane: Plane, admin: Client) -> None:
    await new_account(admin)
    end = datetime.now(UTC) + timedelta(days=10)
    old = await new_key(admin, ACCOUNT, expire_time=end, display_name="deploy")
    anyone = await plane.edge()
    rotated = await rotate(admin, old.api_key.name, seconds=120)
    assert rotated.api_key.display_name == "deploy"
    life = rotated.api_key.expire_time.seconds - rotated.api_key.create_time.seconds
    assert abs(life - 10 * 86400) <= 2
    assert rotated.replaced_key.expire_time.seconds <= end.timestamp()
    for secret in (old.secret, rotated.secret):
        assert await whoami(await plane.as_user(await exchange(anyone, secret)))
    plane.clock.advance(seconds=121)
    assert await refused(exchange(anyone, old.secret)) == INVALID_GRANT
    assert (await exchange(anyone, rotated.secret)).access_token
    expired = ("FAILED_PRECONDITION", "KEY_EXPIRED")
    admin = await plane.sign_in()
    assert await refused(rotate(admin, old.api_key.name)) == expired
    for seconds in (-1, 31 * 86400, 10**11):
        call = rotate(admin, rotated.api_key.name, seconds=seconds)
        assert await refused(call) == ("INVALID_ARGUMENT", "INVALID_FIELDS")


async def test_rotation_without_retention_ends_the_old_key_at_once(
    plane: Plane, admin: Client
) -> None:
    await new_account(admin)
    old = await new_key(admin, ACCOUNT)
    await new_key(admin, ACCOUNT)
    program = await sign_in(plane, old.secret)
    # Two lived before, and two live after.
    rotated = await rotate(admin, old.api_key.name)
    assert await refused(whoami(program)) == UNAUTHENTICATED
    assert await refused(exchange(await plane.edge(), old.secret)) == INVALID_GRANT
    assert await whoami(await sign_in(plane, rotated.secret))


async def test_what_was_made_from_a_replaced_key_ends_with_it(
    tmp_path: Path, database_url: str
) -> None:
    """Tokens from before the rotation may live for hours: they are revoked when the key ends."""
    async with running(tmp_path, database_url) as plane:
        admin = await plane.set_up()
        await new_account(admin)
        old = await new_key(admin, ACCOUNT)
        await plane.new_workspace(admin, "w1")
        member = await plane.enroll(admin, WORKSPACE, "w1")
        await rotate(admin, old.api_key.name, seconds=60)
        link = await plane.link(member)
        assert not (await link.hear("policy")).revocations
    plane.clock.advance(seconds=61)
    # What is due is done at the start, and each few seconds from then on.
    async with running(tmp_path, database_url, clock=plane.clock) as plane:
        link = await plane.link(member)
        while not (revocations := (await link.hear("policy")).revocations):
            pass
        assert [each.subject for each in revocations] == [f"sessions/{old.api_key.uid}"]


async def test_a_gateway_carries_a_program_but_no_key(plane: Plane, admin: Client) -> None:
    await new_account(admin)
    secret = (await new_key(admin, ACCOUNT)).secret
    granted = await exchange(await plane.edge(), secret)
    await plane.new_workspace(admin, "w1")
    gateway = await plane.enroll(admin, GATEWAY, "w1")
    assert (await whoami(await plane.mesh(gateway.pair, granted.access_token))).name == ACCOUNT
    through = await plane.mesh(gateway.pair, secret)
    assert await refused(whoami(through)) == UNAUTHENTICATED
