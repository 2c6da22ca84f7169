"""FederatedCredentialService: whose tokens, from elsewhere, count for service accounts."""

from google.protobuf import empty_pb2

from controlplane import store
from controlplane.identity.claims import Rule
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import federated_credentials, service_accounts
from controlplane.operations.federated_credentials import NewCredential
from controlplane.operations.refusals import etag_of
from controlplane.operations.service_accounts import AccountName
from controlplane.servicers.conversions import caller_subject, timestamp
from controlplane.store.schema_accounts import FederatedCredential
from meshkit.authentication import Context
from meshkit.database import Database, Session
from meshkit.egress import EgressPolicy
from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.idempotency import once
from meshkit.paging import ListQuery, PageTokens, Window
from meshkit.rules import resolve_update_mask
from weftapi.controlplane.v1 import federated_credentials_pb2 as pb
from weftapi.controlplane.v1 import federated_credentials_pb2_grpc


class FederatedCredentialServicer(
    federated_credentials_pb2_grpc.FederatedCredentialServiceServicer
):
    """Keeps federated credentials."""

    def __init__(
        self, database: Database, *, policy: EgressPolicy, pages: PageTokens, lifetimes: Lifetimes
    ) -> None:
        self._database = database
        self._policy = policy
        self._pages = pages
        self._lifetimes = lifetimes

    async def GetFederatedCredential(
        self, request: pb.GetFederatedCredentialRequest, _context: Context
    ) -> pb.FederatedCredential:
        return credential_to_proto(await self._database.read(_get, request.name))

    async def ListFederatedCredentials(
        self, request: pb.ListFederatedCredentialsRequest, _context: Context
    ) -> pb.ListFederatedCredentialsResponse:
        window = self._pages.window(
            ListQuery("ListFederatedCredentials", request.parent),
            store.federated_credentials.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        rows = await self._database.read(_list, request.parent, window)
        page = window.page(rows, credential_to_proto, revision=self._database.feed.head)
        return pb.ListFederatedCredentialsResponse(
            federated_credentials=page.items, next_page_token=page.next_page_token
        )

    async def CreateFederatedCredential(
        self, request: pb.CreateFederatedCredentialRequest, _context: Context
    ) -> pb.FederatedCredential:
        new = _new(request.federated_credential_id, request.federated_credential)
        self._require_issuer(new.issuer)
        new.require_sound()
        return await self._database.write(
            federated_credentials.create,
            AccountName.of(request.parent),
            new,
            caller=caller_subject(),
            once=once(request, pb.FederatedCredential),
            reply=credential_to_proto,
        )

    async def UpdateFederatedCredential(
        self, request: pb.UpdateFederatedCredentialRequest, _context: Context
    ) -> pb.FederatedCredential:
        credential = request.federated_credential
        paths = resolve_update_mask(credential, request.update_mask)
        return await self._database.write(
            federated_credentials.update,
            AccountName.of(credential.name),
            _id_of(credential.name),
            {path: getattr(credential, path) for path in paths},
            etag=credential.etag,
            once=once(request, pb.FederatedCredential),
            reply=credential_to_proto,
        )

    async def DeleteFederatedCredential(
        self, request: pb.DeleteFederatedCredentialRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._database.write(
            federated_credentials.delete,
            AccountName.of(request.name),
            _id_of(request.name),
            caller=caller_subject(),
            lifetimes=self._lifetimes,
        )
        return empty_pb2.Empty()

    def _require_issuer(self, issuer: str) -> None:
        if not self._policy.accepts(issuer):
            problem = "must be an https URL that may be reached from here"
            field = "federated_credential.issuer"
            raise InvalidArgument(
                "INVALID_FIELDS", f"{field} {problem}", violations=[FieldViolation(field, problem)]
            )


def _id_of(name: str) -> str:
    return name.rpartition("/")[2]


def _get(session: Session, name: str) -> FederatedCredential:
    account = service_accounts.require(session, AccountName.of(name))
    return federated_credentials.require(session, account, _id_of(name))


def _list(session: Session, parent: str, window: Window) -> list[FederatedCredential]:
    account = service_accounts.require(session, AccountName.of(parent))
    return list(store.federated_credentials.list_page(session, account.uid, window))


def _new(id_: str, wanted: pb.FederatedCredential) -> NewCredential:
    return NewCredential(
        id=id_,
        display_name=wanted.display_name,
        description=wanted.description,
        issuer=wanted.issuer,
        audience=wanted.audience,
        subject=wanted.subject,
        conditions=tuple(Rule(each.claim, each.value) for each in wanted.conditions),
        is_reusable=wanted.reusable,
    )


def credential_to_proto(row: FederatedCredential) -> pb.FederatedCredential:
    return pb.FederatedCredential(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        creator=row.creator,
        create_time=timestamp(row.create_time),
        update_time=timestamp(row.update_time),
        etag=etag_of(row),
        issuer=row.issuer,
        audience=row.audience,
        subject=row.subject,
        conditions=[pb.ClaimCondition(claim=claim, value=value) for claim, value in row.conditions],
        reusable=row.is_reusable,
        last_used_time=timestamp(row.last_used_time),
    )
