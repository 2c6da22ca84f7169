"""Signing keys: published ahead, kept on, replaced by age, the same after a restart."""

import asyncio
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt

from tests.controlplane.harness import ORGANIZATION, Client, Plane, refused, running
from weftapi.controlplane.v1 import auth_pb2, users_pb2


async def jwks(client: Client) -> list[str]:
    keys = await client.auth.GetJwks(auth_pb2.GetJwksRequest())
    assert all(key.use == "sig" and key.alg in ("EdDSA", "ES256") for key in keys.keys)
    return [key.kid for key in keys.keys]


def rotate(client: Client, **fields: Any) -> Any:
    request = auth_pb2.RotateSigningKeyRequest(organization=ORGANIZATION, **fields)
    return client.auth.RotateSigningKey(request)


def kid_of(tokens: auth_pb2.TokenSet) -> str:
    return str(jwt.get_unverified_header(tokens.access_token)["kid"])


def me(client: Client) -> Any:
    return client.users.GetUser(users_pb2.GetUserRequest(name="users/me"))


async def test_a_rotation_refuses_nobody(plane: Plane, admin: Client) -> None:
    active, upcoming = await jwks(admin)
    assert kid_of(admin.tokens) == active
    plane.clock.advance(days=1)
    admin = await plane.sign_in()
    rotated = [key.kid for key in (await rotate(admin)).keys]
    assert rotated[:2] == [active, upcoming]
    assert len(rotated) == 3
    later = await plane.sign_in()
    assert kid_of(later.tokens) == upcoming
    for client in (admin, later):
        assert (await me(client)).name == admin.subject
    viewer = await plane.new_user(admin, "vi@example.com", role="viewer")
    assert await refused(rotate(viewer)) == ("PERMISSION_DENIED", "NOT_PERMITTED")


async def test_a_key_signs_only_after_a_day_in_public(plane: Plane, admin: Client) -> None:
    before = await jwks(admin)
    too_new = ("FAILED_PRECONDITION", "SIGNING_KEY_TOO_NEW")
    assert await refused(rotate(admin)) == too_new
    assert await jwks(admin) == before
    plane.clock.advance(hours=24)
    admin = await plane.sign_in()
    await rotate(admin)
    # The one after it has just been published.
    assert await refused(rotate(admin)) == too_new


async def test_a_compromised_key_is_withdrawn_at_once(plane: Plane, admin: Client) -> None:
    active, upcoming = await jwks(admin)
    rotated = await rotate(admin, compromised=True)
    assert rotated.keys[0].kid == upcoming
    assert active not in await jwks(await plane.edge())
    assert await refused(me(admin)) == ("UNAUTHENTICATED", "INVALID_CREDENTIAL")
    assert not (plane.settings.data_dir / "signing-keys" / f"{active}.pem").exists()
    # The session is not the key's: it goes on.
    request = auth_pb2.ExchangeTokenRequest(refresh_token=admin.tokens.refresh_token)
    renewed = await plane.as_user(await (await plane.edge()).auth.ExchangeToken(request))
    assert (kid_of(renewed.tokens), (await me(renewed)).name) == (upcoming, admin.subject)


async def test_eight_clients_notice_no_rotation(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path, database_url, signing_key_notice_s=0) as plane:
        admin = await plane.set_up()
        clients = [await plane.sign_in() for _ in range(8)]
        rotations = 0

        async def work(client: Client) -> set[str]:
            kids = set()
            while rotations < 5:
                assert (await me(client)).name == admin.subject
                request = auth_pb2.ExchangeTokenRequest(refresh_token=client.tokens.refresh_token)
                client = await plane.as_user(await client.auth.ExchangeToken(request))
                kids.add(kid_of(client.tokens))
            return kids

        working = [asyncio.create_task(work(client)) for client in clients]
        for _ in range(5):
            await rotate(admin)
            rotations += 1
        kids = set[str]().union(*await asyncio.gather(*working))
        assert kids <= set(await jwks(admin))


async def test_a_repeated_rotation_is_one(tmp_path: Path, sqlite_url: str) -> None:
    """What it made for nothing is removed once it is sure that nobody names it."""
    async with running(tmp_path, sqlite_url, signing_key_notice_s=0) as plane:
        admin, id_ = await plane.set_up(), str(uuid4())
        first = await rotate(admin, request_id=id_)
        assert await rotate(admin, request_id=id_) == first
        named = set(await jwks(admin))
        assert len(named) == 3
        files = list((plane.settings.data_dir / "signing-keys").iterdir())
        assert named < {path.stem for path in files}
    for path in files:
        os.utime(path, (0, 0))
    async with running(tmp_path, sqlite_url) as plane:
        left = {path.stem for path in (plane.settings.data_dir / "signing-keys").iterdir()}
        assert left == named == set(await jwks(await plane.edge()))


async def test_private_keys_are_ours_alone(plane: Plane, admin: Client) -> None:
    data = plane.settings.data_dir
    secrets = [
        *(data / "signing-keys").iterdir(),
        *(data / "ca-keys").iterdir(),
        data / "page-token.key",
    ]
    secrets.append(plane.settings.credentials_dir / "key.pem")
    assert [path.stat().st_mode & 0o777 for path in secrets] == [0o600] * 5
    assert data.stat().st_mode & 0o777 == 0o700


async def test_old_keys_are_replaced_and_then_forgotten(tmp_path: Path, database_url: str) -> None:
    """Rotation by age happens at the next start at the latest; overlap until tokens are dead."""
    # Beyond a workspace token's life, below half of a certificate's.
    age = {"signing_key_s": 10 * 3600, "signing_key_notice_s": 3600}
    async with running(tmp_path, database_url, **age) as plane:
        admin = await plane.set_up()
        before = await jwks(admin)
        clock = plane.clock
    clock.advance(seconds=plane.settings.signing_key_s + 1)
    async with running(tmp_path, database_url, clock=clock, **age) as plane:
        anyone = await plane.edge()
        async with timeout():
            while len(during := await jwks(anyone)) != 3:
                await tick()
        assert set(before) < set(during)
        assert kid_of((await plane.sign_in()).tokens) == before[1]
    clock.advance(seconds=plane.settings.workspace_token_s + 60)
    async with running(tmp_path, database_url, clock=clock, **age) as plane:
        anyone = await plane.edge()
        async with timeout():
            while len(after := await jwks(anyone)) != 2:
                await tick()
        assert after == [kid for kid in during if kid != before[0]]
        # The file goes right after the key.
        async with timeout():
            while (plane.settings.data_dir / "signing-keys" / f"{before[0]}.pem").exists():
                await tick()


async def test_a_restart_keeps_everything(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path, database_url) as plane:
        admin = await plane.set_up()
        tokens, trust, identity = admin.tokens, plane.trust, plane.identity
        keys = await jwks(admin)
        await plane.new_workspace(admin, "w1")
    async with running(tmp_path, database_url) as plane:
        assert (plane.trust, plane.identity) == (trust, identity)
        assert not (plane.settings.data_dir / "setup-token").exists()
        admin = await plane.as_user(tokens)
        assert await jwks(admin) == keys
        assert (await me(admin)).name == tokens.subject
        request = auth_pb2.ExchangeTokenRequest(refresh_token=tokens.refresh_token)
        assert (await admin.auth.ExchangeToken(request)).refresh_token
        assert (await plane.sign_in()).subject == tokens.subject


async def test_the_setup_token_survives_a_restart_or_is_replaced(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url) as plane:
        first = plane.setup_token
    async with running(tmp_path, sqlite_url) as plane:
        assert plane.setup_token == first
        path = plane.settings.data_dir / "setup-token"
    path.unlink()
    async with running(tmp_path, sqlite_url) as plane:
        assert plane.setup_token != first
        await plane.set_up()


def timeout() -> Any:
    return asyncio.timeout(20)


async def tick() -> None:
    await asyncio.sleep(0.01)
