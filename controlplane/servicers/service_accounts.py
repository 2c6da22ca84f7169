"""ServiceAccountService: programs with roles of their own, and their API keys."""

from google.protobuf import empty_pb2

from controlplane import names, store
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import api_keys, service_accounts
from controlplane.operations.refusals import etag_of
from controlplane.operations.service_accounts import AccountName
from controlplane.servicers.conversions import caller_subject, datetime_of, timestamp
from controlplane.store.schema_accounts import ApiKey, ServiceAccount
from meshkit.authentication import Context
from meshkit.database import Database, Session
from meshkit.idempotency import once
from meshkit.paging import ListQuery, PageTokens, Window
from meshkit.rules import resolve_update_mask
from weftapi.controlplane.v1 import service_accounts_pb2 as pb
from weftapi.controlplane.v1 import service_accounts_pb2_grpc


class ServiceAccountServicer(service_accounts_pb2_grpc.ServiceAccountServiceServicer):
    """Keeps service accounts."""

    def __init__(self, database: Database, *, pages: PageTokens, lifetimes: Lifetimes) -> None:
        self._database = database
        self._pages = pages
        self._lifetimes = lifetimes

    async def GetServiceAccount(
        self, request: pb.GetServiceAccountRequest, _context: Context
    ) -> pb.ServiceAccount:
        name = AccountName.of(request.name)
        return account_to_proto(await self._database.read(service_accounts.require, name))

    async def ListServiceAccounts(
        self, request: pb.ListServiceAccountsRequest, _context: Context
    ) -> pb.ListServiceAccountsResponse:
        window = self._pages.window(
            ListQuery("ListServiceAccounts", request.parent),
            store.service_accounts.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        organization = names.organization_of(request.parent)
        rows = await self._database.read(store.service_accounts.list_page, organization, window)
        page = window.page(rows, account_to_proto, revision=self._database.feed.head)
        return pb.ListServiceAccountsResponse(
            service_accounts=page.items, next_page_token=page.next_page_token
        )

    async def CreateServiceAccount(
        self, request: pb.CreateServiceAccountRequest, _context: Context
    ) -> pb.ServiceAccount:
        organization = names.organization_of(request.parent)
        return await self._database.write(
            service_accounts.create,
            AccountName(organization, request.service_account_id),
            display_name=request.service_account.display_name,
            description=request.service_account.description,
            creator=caller_subject().claim,
            once=once(request, pb.ServiceAccount),
            reply=account_to_proto,
        )

    async def UpdateServiceAccount(
        self, request: pb.UpdateServiceAccountRequest, _context: Context
    ) -> pb.ServiceAccount:
        account = request.service_account
        paths = resolve_update_mask(account, request.update_mask)
        return await self._database.write(
            service_accounts.update,
            AccountName.of(account.name),
            {path: getattr(account, path) for path in paths},
            etag=account.etag,
            once=once(request, pb.ServiceAccount),
            reply=account_to_proto,
        )

    async def DeleteServiceAccount(
        self, request: pb.DeleteServiceAccountRequest, _context: Context
    ) -> empty_pb2.Empty:
        name = AccountName.of(request.name)
        await self._database.write(
            service_accounts.delete,
            name,
            etag=request.etag,
            caller=caller_subject(),
            lifetimes=self._lifetimes,
        )
        return empty_pb2.Empty()

    async def DisableServiceAccount(
        self, request: pb.DisableServiceAccountRequest, _context: Context
    ) -> pb.ServiceAccount:
        return await self._database.write(
            service_accounts.disable,
            AccountName.of(request.name),
            etag=request.etag,
            caller=caller_subject(),
            lifetimes=self._lifetimes,
            reply=account_to_proto,
        )

    async def EnableServiceAccount(
        self, request: pb.EnableServiceAccountRequest, _context: Context
    ) -> pb.ServiceAccount:
        return await self._database.write(
            service_accounts.enable,
            AccountName.of(request.name),
            etag=request.etag,
            caller=caller_subject(),
            reply=account_to_proto,
        )

    async def GetApiKey(self, request: pb.GetApiKeyRequest, _context: Context) -> pb.ApiKey:
        return key_to_proto(await self._database.read(_key, request.name))

    async def ListApiKeys(
        self, request: pb.ListApiKeysRequest, _context: Context
    ) -> pb.ListApiKeysResponse:
        window = self._pages.window(
            ListQuery("ListApiKeys", request.parent),
            store.service_accounts.KEY_ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        rows = await self._database.read(_keys, request.parent, window)
        page = window.page(rows, key_to_proto, revision=self._database.feed.head)
        return pb.ListApiKeysResponse(api_keys=page.items, next_page_token=page.next_page_token)

    async def CreateApiKey(
        self, request: pb.CreateApiKeyRequest, _context: Context
    ) -> pb.CreateApiKeyResponse:
        wanted = request.api_key
        created = await self._database.write(
            api_keys.create,
            AccountName.of(request.parent),
            caller=caller_subject(),
            display_name=wanted.display_name,
            expire_time=datetime_of(wanted.expire_time) if wanted.HasField("expire_time") else None,
        )
        return pb.CreateApiKeyResponse(api_key=key_to_proto(created.row), secret=created.secret)

    async def UpdateApiKey(self, request: pb.UpdateApiKeyRequest, _context: Context) -> pb.ApiKey:
        key = request.api_key
        paths = resolve_update_mask(key, request.update_mask)
        return await self._database.write(
            api_keys.update,
            AccountName.of(key.name),
            names.uid_of(key.name),
            {path: getattr(key, path) for path in paths},
            etag=key.etag,
            once=once(request, pb.ApiKey),
            reply=key_to_proto,
        )

    async def DeleteApiKey(
        self, request: pb.DeleteApiKeyRequest, _context: Context
    ) -> empty_pb2.Empty:
        name, uid = AccountName.of(request.name), names.uid_of(request.name)
        await self._database.write(
            api_keys.delete, name, uid, caller=caller_subject(), lifetimes=self._lifetimes
        )
        return empty_pb2.Empty()

    async def RotateApiKey(
        self, request: pb.RotateApiKeyRequest, _context: Context
    ) -> pb.RotateApiKeyResponse:
        created = await self._database.write(
            api_keys.rotate,
            AccountName.of(request.name),
            names.uid_of(request.name),
            caller=caller_subject(),
            retain=request.retain_period.ToTimedelta(),
            lifetimes=self._lifetimes,
        )
        return pb.RotateApiKeyResponse(
            api_key=key_to_proto(created.row),
            secret=created.secret,
            replaced_key=key_to_proto(created.replaced) if created.replaced else None,
        )


def _key(session: Session, name: str) -> ApiKey:
    account = service_accounts.require(session, AccountName.of(name))
    return api_keys.require(session, account, names.uid_of(name))


def _keys(session: Session, parent: str, window: Window) -> list[ApiKey]:
    account = service_accounts.require(session, AccountName.of(parent))
    return list(store.service_accounts.list_keys(session, account.uid, window))


def account_to_proto(row: ServiceAccount) -> pb.ServiceAccount:
    return pb.ServiceAccount(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        creator=row.creator,
        create_time=timestamp(row.create_time),
        update_time=timestamp(row.update_time),
        etag=etag_of(row),
        disable_time=timestamp(row.disable_time),
    )


def key_to_proto(row: ApiKey) -> pb.ApiKey:
    return pb.ApiKey(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        creator=row.creator,
        create_time=timestamp(row.create_time),
        update_time=timestamp(row.update_time),
        etag=etag_of(row),
        expire_time=timestamp(row.expire_time),
        last_used_time=timestamp(row.last_used_time),
        prefix=row.prefix,
    )
