"""UserService: accounts, passwords and personal access tokens."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf import field_mask_pb2

from meshkit import opaque
from tests.controlplane.harness import (
    ADMIN_EMAIL,
    ORGANIZATION,
    PASSWORD,
    Client,
    Plane,
    refused,
)
from weftapi.controlplane.v1 import auth_pb2, users_pb2

DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")
INVALID_GRANT = ("UNAUTHENTICATED", "INVALID_GRANT")
UNAUTHENTICATED = ("UNAUTHENTICATED", "INVALID_CREDENTIAL")


def get(client: Client, name: str) -> Any:
    return client.users.GetUser(users_pb2.GetUserRequest(name=name))


def create(client: Client, email: str, **fields: str) -> Any:
    request = users_pb2.CreateUserRequest(
        organization=ORGANIZATION, user=users_pb2.User(email=email), **fields
    )
    return client.users.CreateUser(request)


def update(
    client: Client, name: str, *, paths: tuple[str, ...] = (), request_id: str = "", **fields: str
) -> Any:
    request = users_pb2.UpdateUserRequest(
        user=users_pb2.User(name=name, **fields),
        update_mask=field_mask_pb2.FieldMask(paths=paths),
        request_id=request_id,
    )
    return client.users.UpdateUser(request)


def set_password(client: Client, email: str, new: str = PASSWORD, **proof: str) -> Any:
    request = users_pb2.SetPasswordRequest(email=email, new_password=new, **proof)
    return client.users.SetPassword(request)


def create_token(client: Client, parent: str = "users/me", **fields: Any) -> Any:
    token = users_pb2.PersonalAccessToken(**{"display_name": "ci", **fields})
    request = users_pb2.CreatePersonalAccessTokenRequest(parent=parent, personal_access_token=token)
    return client.users.CreatePersonalAccessToken(request)


def list_tokens(client: Client, parent: str = "users/me", **fields: Any) -> Any:
    request = users_pb2.ListPersonalAccessTokensRequest(parent=parent, **fields)
    return client.users.ListPersonalAccessTokens(request)


def delete_token(client: Client, name: str) -> Any:
    request = users_pb2.DeletePersonalAccessTokenRequest(name=name)
    return client.users.DeletePersonalAccessToken(request)


def exchange(client: Client, secret: str) -> Any:
    request = auth_pb2.ExchangeTokenRequest(personal_access_token=secret)
    return client.auth.ExchangeToken(request)


async def test_people_see_themselves_and_colleagues_if_they_may(
    plane: Plane, admin: Client
) -> None:
    assert (await get(admin, "users/me")).name == admin.subject
    viewer = await plane.new_user(admin, "vi@example.com", role="viewer")
    nobody = await plane.new_user(admin, "no@example.com")
    assert (await get(viewer, admin.subject)).email == ADMIN_EMAIL
    assert (await get(nobody, nobody.subject)).email == "no@example.com"
    for name in (admin.subject, f"users/{uuid4()}", "users/somebody"):
        assert await refused(get(nobody, name)) == DENIED
    assert await refused(get(admin, f"users/{uuid4()}")) == DENIED
    assert (await refused(get(admin, "projects/x")))[0] == "INVALID_ARGUMENT"
    assert await refused(get(await plane.edge(), "users/me")) == UNAUTHENTICATED


async def test_people_change_their_own_name(plane: Plane, admin: Client) -> None:
    bob = await plane.new_user(admin, "bob@example.com")
    for name in ("users/me", bob.subject):
        changed = await update(bob, name, display_name="Bob", request_id=str(uuid4()))
        assert (changed.name, changed.display_name) == (bob.subject, "Bob")
    assert (await get(bob, "users/me")).display_name == "Bob"
    cleared = await update(bob, "users/me", display_name="", paths=("display_name",))
    assert cleared.display_name == ""
    for name in (bob.subject, f"users/{uuid4()}", ""):
        assert await refused(update(admin, name, display_name="Mallory")) == DENIED
    nobody = update(admin, "users/", display_name="Mallory")
    assert await refused(nobody) == ("INVALID_ARGUMENT", "INVALID_FIELDS")
    for path in ("email", "name", "password_hash", "no_such"):
        wrong = update(bob, "users/me", email="eve@example.com", paths=(path,))
        assert await refused(wrong) == ("INVALID_ARGUMENT", "INVALID_FIELDS")
    too_long = update(bob, "users/me", display_name="x" * 129)
    assert (await refused(too_long))[0] == "INVALID_ARGUMENT"
    assert await refused(update(await plane.edge(), "users/me")) == UNAUTHENTICATED


async def test_an_account_is_claimed_with_its_token_once(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    created = await create(admin, "bob@example.com")
    proof = {"password_token": created.password_token}
    wrong_account = set_password(anyone, ADMIN_EMAIL, **proof)
    assert await refused(wrong_account) == INVALID_GRANT
    weak = set_password(anyone, "bob@example.com", "bob@example.com", **proof)
    assert await refused(weak) == ("INVALID_ARGUMENT", "WEAK_PASSWORD")
    await set_password(anyone, "bob@example.com", **proof)
    assert (await plane.sign_in("bob@example.com")).subject == created.user.name
    assert await refused(set_password(anyone, "bob@example.com", **proof)) == INVALID_GRANT
    late = await create(admin, "late@example.com")
    plane.clock.advance(days=3, seconds=1)
    call = set_password(anyone, "late@example.com", password_token=late.password_token)
    assert await refused(call) == INVALID_GRANT


async def test_a_new_password_ends_every_session(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    other = await plane.sign_in()
    changed = "another fine password"
    wrong = set_password(anyone, ADMIN_EMAIL, changed, current_password="wrong password!")
    assert await refused(wrong) == INVALID_GRANT
    assert await refused(set_password(anyone, ADMIN_EMAIL, changed)) == INVALID_GRANT
    await set_password(anyone, ADMIN_EMAIL, changed, current_password=PASSWORD)
    for client in (admin, other):
        assert await refused(get(client, "users/me")) == UNAUTHENTICATED
    assert (await plane.sign_in(password=changed)).subject == admin.subject


async def test_of_fifty_uses_of_a_password_token_one_counts(plane: Plane, admin: Client) -> None:
    created = await create(admin, "bob@example.com")
    anyone = await plane.edge()
    results = await asyncio.gather(
        *(
            set_password(
                anyone,
                "bob@example.com",
                f"password number {number}",
                password_token=created.password_token,
            )
            for number in range(50)
        ),
        return_exceptions=True,
    )
    assert sum(not isinstance(result, BaseException) for result in results) == 1


async def test_creating_a_user_is_safe_to_repeat(plane: Plane, admin: Client) -> None:
    id_ = str(uuid4())
    first = await create(admin, "bob@example.com", request_id=id_)
    second = await create(admin, "bob@example.com", request_id=id_)
    assert second.user == first.user
    anyone = await plane.edge()
    stale = set_password(anyone, "bob@example.com", password_token=first.password_token)
    assert await refused(stale) == INVALID_GRANT
    await set_password(anyone, "bob@example.com", password_token=second.password_token)
    assert not (await create(admin, "bob@example.com", request_id=id_)).password_token
    reused = create(admin, "other@example.com", request_id=id_)
    assert await refused(reused) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")
    assert await refused(create(admin, "")) == ("INVALID_ARGUMENT", "INVALID_FIELDS")
    taken = create(admin, "BOB@example.com")
    assert await refused(taken) == ("ALREADY_EXISTS", "RESOURCE_EXISTS")
    editor = await plane.new_user(admin, "ed@example.com", role="editor")
    assert await refused(create(editor, "x@example.com")) == DENIED


async def test_personal_tokens_live_and_die(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    created = await create_token(admin)
    token = created.personal_access_token
    assert created.secret.startswith("weft_pat_")
    assert created.secret.startswith(token.prefix)
    assert token.expire_time.seconds - token.create_time.seconds == 30 * 86400
    granted = await exchange(anyone, created.secret)
    assert not granted.refresh_token
    script = await plane.as_user(granted)
    assert (await get(script, "users/me")).name == admin.subject
    (listed,) = (await list_tokens(admin)).personal_access_tokens
    assert listed.last_used_time.seconds % 60 == 0
    assert listed.last_used_time.seconds > 0
    await delete_token(admin, token.name)
    assert await refused(get(script, "users/me")) == UNAUTHENTICATED
    assert await refused(exchange(anyone, created.secret)) == INVALID_GRANT
    missing = ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    assert await refused(delete_token(admin, token.name)) == missing


async def test_personal_tokens_expire(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    soon = datetime.now(UTC) + timedelta(minutes=2)
    created = await create_token(admin, expire_time=soon)
    granted = await exchange(anyone, created.secret)
    assert abs(granted.expire_time.seconds - soon.timestamp()) <= 2
    plane.clock.advance(minutes=3)
    assert await refused(exchange(anyone, created.secret)) == INVALID_GRANT
    admin = await plane.sign_in()
    for days in (-1, 91):
        wrong = create_token(admin, expire_time=datetime.now(UTC) + timedelta(days=days))
        assert await refused(wrong) == ("INVALID_ARGUMENT", "INVALID_FIELDS")


async def test_personal_tokens_are_revoked_by_their_bearer(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    created = await create_token(admin)
    genuine = opaque.parse(created.secret)
    forged, _ = opaque.make(genuine.prefix, genuine.id)
    await anyone.auth.RevokeToken(auth_pb2.RevokeTokenRequest(token=forged))
    await exchange(anyone, created.secret)
    assert await refused(exchange(anyone, forged)) == INVALID_GRANT
    await anyone.auth.RevokeToken(auth_pb2.RevokeTokenRequest(token=created.secret))
    assert await refused(exchange(anyone, created.secret)) == INVALID_GRANT


async def test_nobody_touches_the_tokens_of_others(plane: Plane, admin: Client) -> None:
    viewer = await plane.new_user(admin, "vi@example.com", role="viewer")
    own = (await create_token(viewer)).personal_access_token
    for call in (
        create_token(admin, viewer.subject),
        list_tokens(admin, viewer.subject),
        delete_token(admin, own.name),
    ):
        assert (await refused(call))[0] == "PERMISSION_DENIED"
    # Under one's own name, the id of another's token is as good as absent.
    disguised = own.name.replace(viewer.subject, admin.subject)
    assert (await refused(delete_token(admin, disguised)))[0] == "NOT_FOUND"
    assert len((await list_tokens(viewer)).personal_access_tokens) == 1
    await create_token(viewer)
    page = await list_tokens(viewer, page_size=1)
    assert page.next_page_token
    foreign = list_tokens(admin, page_size=1, page_token=page.next_page_token)
    assert (await refused(foreign))[1] == "INVALID_PAGE_TOKEN"


async def test_a_personal_token_makes_nothing_that_outlives_it(plane: Plane, admin: Client) -> None:
    anyone = await plane.edge()
    script = await plane.as_user(await exchange(anyone, (await create_token(admin)).secret))
    not_allowed = ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED")
    assert await refused(create_token(script)) == not_allowed
    device = await anyone.auth.StartDeviceAuthorization(auth_pb2.StartDeviceAuthorizationRequest())
    approve = auth_pb2.ApproveDeviceRequest(user_code=device.user_code)
    assert await refused(script.auth.ApproveDevice(approve)) == not_allowed
    assert len((await list_tokens(script)).personal_access_tokens) == 1


async def test_hostile_texts_are_stored_or_refused(plane: Plane, admin: Client) -> None:
    """Whatever a text holds, the answer is never INTERNAL."""
    texts = ["\x00", "a\x00b", "'; DROP TABLE users; --", "\u202e", "\U0001f9f5" * 64, "%s{}\\"]
    refusals = set()
    for number, text in enumerate(texts):
        request = users_pb2.CreateUserRequest(
            organization=ORGANIZATION,
            user=users_pb2.User(email=f"u{number}@example.com", display_name=text),
        )
        try:
            created = await admin.users.CreateUser(request)
        except grpc.aio.AioRpcError as error:
            refusals.add(error.code())
            continue
        assert (await get(admin, created.user.name)).display_name == text
    assert refusals <= {grpc.StatusCode.INVALID_ARGUMENT}
