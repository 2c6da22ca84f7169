"""UserService: accounts and personal access tokens."""

from uuid import UUID

from google.protobuf import empty_pb2

from controlplane import names, store
from controlplane.identity.accounts import Accounts
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import personal_tokens, users
from controlplane.servicers.conversions import (
    caller_sid,
    caller_subject,
    caller_uid,
    datetime_of,
    timestamp,
)
from controlplane.store.schema import PersonalAccessToken, User
from meshkit.authentication import Context
from meshkit.caller import current_call
from meshkit.database import Database
from meshkit.errors import NotFound
from meshkit.idempotency import once
from meshkit.paging import ListQuery, PageTokens
from meshkit.rules import resolve_update_mask
from weftapi.controlplane.v1 import users_pb2, users_pb2_grpc

_ME = "users/me"


class UserServicer(users_pb2_grpc.UserServiceServicer):
    """Keeps accounts."""

    def __init__(
        self, database: Database, *, accounts: Accounts, pages: PageTokens, lifetimes: Lifetimes
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._pages = pages
        self._lifetimes = lifetimes

    async def GetUser(self, request: users_pb2.GetUserRequest, _context: Context) -> users_pb2.User:
        uid = caller_uid() if request.name == _ME else names.uid_of(request.name)
        user = await self._database.read(store.users.get, uid)
        if user is None:
            raise NotFound(
                "RESOURCE_NOT_FOUND",
                f"There is no {request.name}.",
                metadata={"resource": request.name},
            )
        return user_to_proto(user)

    async def UpdateUser(
        self, request: users_pb2.UpdateUserRequest, _context: Context
    ) -> users_pb2.User:
        paths = resolve_update_mask(request.user, request.update_mask)
        return await self._database.write(
            users.change,
            caller_uid(),
            {path: getattr(request.user, path) for path in paths},
            once=once(request, users_pb2.User),
            reply=user_to_proto,
        )

    async def CreateUser(
        self, request: users_pb2.CreateUserRequest, _context: Context
    ) -> users_pb2.CreateUserResponse:
        user = await self._database.write(
            users.create,
            names.organization_of(request.organization),
            email=request.user.email,
            display_name=request.user.display_name,
            once=once(request, users_pb2.User),
            reply=user_to_proto,
        )
        # Not part of the stored reply: no secret is kept, a repetition makes a new one.
        secret = await self._database.write(users.issue_password_token, UUID(user.uid))
        return users_pb2.CreateUserResponse(user=user, password_token=secret or "")

    async def SetPassword(
        self, request: users_pb2.SetPasswordRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._accounts.set_password(
            request.email,
            password_token=request.password_token,
            current_password=request.current_password,
            new_password=request.new_password,
            address=current_call.get().caller.address,
        )
        return empty_pb2.Empty()

    async def CreatePersonalAccessToken(
        self, request: users_pb2.CreatePersonalAccessTokenRequest, _context: Context
    ) -> users_pb2.CreatePersonalAccessTokenResponse:
        wanted = request.personal_access_token
        created = await self._database.write(
            personal_tokens.create,
            caller_uid(),
            sid=caller_sid(),
            display_name=wanted.display_name,
            expire_time=datetime_of(wanted.expire_time) if wanted.HasField("expire_time") else None,
            scopes=list(wanted.scopes),
        )
        return users_pb2.CreatePersonalAccessTokenResponse(
            personal_access_token=token_to_proto(created.row), secret=created.secret
        )

    async def ListPersonalAccessTokens(
        self, request: users_pb2.ListPersonalAccessTokensRequest, _context: Context
    ) -> users_pb2.ListPersonalAccessTokensResponse:
        user_uid = caller_uid()
        window = self._pages.window(
            ListQuery("ListPersonalAccessTokens", f"users/{user_uid}"),
            store.personal_tokens.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        rows = await self._database.read(store.personal_tokens.list_page, user_uid, window)
        page = window.page(rows, token_to_proto, revision=self._database.feed.head)
        return users_pb2.ListPersonalAccessTokensResponse(
            personal_access_tokens=page.items, next_page_token=page.next_page_token
        )

    async def DeletePersonalAccessToken(
        self, request: users_pb2.DeletePersonalAccessTokenRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._database.write(
            personal_tokens.delete,
            caller_uid(),
            names.uid_of(request.name),
            lifetimes=self._lifetimes,
        )
        return empty_pb2.Empty()

    async def ListMemberTokens(
        self, request: users_pb2.ListMemberTokensRequest, _context: Context
    ) -> users_pb2.ListMemberTokensResponse:
        window = self._pages.window(
            ListQuery("ListMemberTokens", request.organization),
            store.personal_tokens.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        organization = names.organization_of(request.organization)
        list_page = store.personal_tokens.list_of_members
        rows = await self._database.read(list_page, organization, window)
        page = window.page(rows, token_to_proto, revision=self._database.feed.head)
        return users_pb2.ListMemberTokensResponse(
            personal_access_tokens=page.items, next_page_token=page.next_page_token
        )

    async def RevokeMemberToken(
        self, request: users_pb2.RevokeMemberTokenRequest, _context: Context
    ) -> empty_pb2.Empty:
        owner, _, _ = request.name.partition("/personalAccessTokens/")
        await self._database.write(
            personal_tokens.revoke_of_member,
            names.organization_of(request.organization),
            names.uid_of(owner),
            names.uid_of(request.name),
            caller=caller_subject(),
            lifetimes=self._lifetimes,
        )
        return empty_pb2.Empty()


def user_to_proto(row: User) -> users_pb2.User:
    return users_pb2.User(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        create_time=timestamp(row.create_time),
        email=row.email,
        has_password=row.password_hash is not None,
    )


def token_to_proto(row: PersonalAccessToken) -> users_pb2.PersonalAccessToken:
    return users_pb2.PersonalAccessToken(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        create_time=timestamp(row.create_time),
        expire_time=timestamp(row.expire_time),
        last_used_time=timestamp(row.last_used_time),
        prefix=row.prefix,
        scopes=row.scopes,
    )
