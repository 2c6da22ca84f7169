"""AuditService: the audit log as people and their archives see it."""

import asyncio
import base64
import contextvars
from collections.abc import AsyncIterator

from google.api import httpbody_pb2
from google.protobuf.message import Message

from controlplane import names, store
from controlplane.auditing.exporting import export
from controlplane.auditing.notary import Notary
from controlplane.auditing.verifying import Verdict, start_of, verify
from controlplane.chains import PLATFORM, chain_of
from controlplane.operations import audit
from controlplane.operations.refusals import absent, not_permitted
from controlplane.servicers.conversions import timestamp
from controlplane.store.schema_audit import AuditCheckpoint
from meshkit.authentication import Context
from meshkit.caller import Caller
from meshkit.chain import Position, Row
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.paging import ListQuery, PageTokens
from meshkit.scopes import ExtraCheck
from weftapi.common.v1 import types_pb2
from weftapi.controlplane.v1 import audit_pb2, audit_pb2_grpc

_CONTENT_TYPE = "application/jsonl"
_KINDS = {
    "anonymous": audit_pb2.ACTOR_KIND_ANONYMOUS,
    "user": audit_pb2.ACTOR_KIND_USER,
    "service_account": audit_pb2.ACTOR_KIND_SERVICE_ACCOUNT,
    "run": audit_pb2.ACTOR_KIND_RUN,
    "peer": audit_pb2.ACTOR_KIND_PEER,
    "system": audit_pb2.ACTOR_KIND_SYSTEM,
}
_CHECKPOINT_KINDS = {
    "checkpoint": audit_pb2.AUDIT_CHECKPOINT_KIND_CHECKPOINT,
    "anchor": audit_pb2.AUDIT_CHECKPOINT_KIND_ANCHOR,
}


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """Reads chains; `home` is the organization that runs the control plane."""

    def __init__(
        self, database: Database, *, notary: Notary, pages: PageTokens, clock: Clock, home: str
    ) -> None:
        self._database = database
        self._notary = notary
        self._pages = pages
        self._clock = clock
        self._home = f"organizations/{home}"

    async def GetAuditEvent(
        self, request: audit_pb2.GetAuditEventRequest, _context: Context
    ) -> audit_pb2.AuditEvent:
        parent = chain_of(names.organization_of(request.name))
        chains = [parent, PLATFORM] if parent == self._home else [parent]
        uid = names.uid_of(request.name)
        row = await self._database.read(store.audit.find, chains, uid)
        if row is None:
            raise absent(request.name)
        return event_to_proto(row, parent)

    async def ListAuditEvents(
        self, request: audit_pb2.ListAuditEventsRequest, _context: Context
    ) -> audit_pb2.ListAuditEventsResponse:
        chain = _chain(request)
        filter_ = store.audit.FIELDS.parse(request.filter, now=self._clock.now())
        window = self._pages.window(
            ListQuery("ListAuditEvents", chain, request.filter),
            store.audit.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        rows = await self._database.read(store.audit.list_page, chain, filter_, window)
        page = window.page(
            rows,
            lambda row: event_to_proto(row, request.parent),
            revision=self._database.feed.head,
        )
        return audit_pb2.ListAuditEventsResponse(
            audit_events=page.items, next_page_token=page.next_page_token
        )

    async def ExportAuditEvents(
        self, request: audit_pb2.ExportAuditEventsRequest, _context: Context
    ) -> AsyncIterator[httpbody_pb2.HttpBody]:
        chain, after = _chain(request), request.after_sequence
        await self._database.read(start_of, chain, after)
        await self._database.write(audit.note_export, request.parent, chain, after)
        # In a context of its own: signing is not what the caller did.
        signing = asyncio.create_task(self._notary.certify(chain), context=contextvars.Context())
        signed = await signing
        end = await self._database.read(store.audit.head, chain)
        last = signed.sequence if signed else end.sequence
        async for piece in export(
            self._database, self._notary.signer, chain, after=after, last=last
        ):
            yield httpbody_pb2.HttpBody(content_type=_CONTENT_TYPE, data=piece)

    async def VerifyAuditChain(
        self, request: audit_pb2.VerifyAuditChainRequest, _context: Context
    ) -> audit_pb2.VerifyAuditChainResponse:
        chain = _chain(request)
        verdict = await verify(
            self._database,
            self._notary.signer,
            chain,
            after=request.after_sequence,
            witnessed=self._notary.witness.positions().get(chain, Position()),
        )
        return verdict_to_proto(verdict)

    async def ListAuditCheckpoints(
        self, request: audit_pb2.ListAuditCheckpointsRequest, _context: Context
    ) -> audit_pb2.ListAuditCheckpointsResponse:
        chain = _chain(request)
        window = self._pages.window(
            ListQuery("ListAuditCheckpoints", chain),
            store.audit.CHECKPOINT_ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        rows = await self._database.read(store.audit.checkpoint_page, chain, window)
        page = window.page(rows, checkpoint_to_proto, revision=self._database.feed.head)
        return audit_pb2.ListAuditCheckpointsResponse(
            audit_checkpoints=page.items, next_page_token=page.next_page_token
        )

    async def GetAuditKeys(
        self, _request: audit_pb2.GetAuditKeysRequest, _context: Context
    ) -> types_pb2.JsonWebKeySet:
        return await self._keys()

    async def RotateAuditKey(
        self, request: audit_pb2.RotateAuditKeyRequest, _context: Context
    ) -> types_pb2.JsonWebKeySet:
        # In a context of its own: signing is not what the caller did.
        replacing = self._notary.replace_key(request.kid)
        kid = await asyncio.create_task(replacing, context=contextvars.Context())
        # Again where the answer was lost: then it is said twice, and never not at all.
        await self._database.write(audit.note_key, request.organization, kid)
        return await self._keys()

    async def _keys(self) -> types_pb2.JsonWebKeySet:
        jwks = await asyncio.to_thread(lambda: self._notary.signer.jwks)
        return types_pb2.JsonWebKeySet(keys=[types_pb2.JsonWebKey(**jwk) for jwk in jwks])


def audit_checks(home: str) -> dict[str, ExtraCheck]:
    """The checks that options of the contract name."""

    async def platform_reader(_caller: Caller, request: Message) -> None:
        is_home = getattr(request, "parent", "") == f"organizations/{home}"
        if getattr(request, "platform", False) and not is_home:
            raise not_permitted("auditEvents")

    return {"platform_reader": platform_reader}


def _chain(request: Message) -> str:
    """The chain that a request reads; who may was decided before."""
    if getattr(request, "platform", False):
        return PLATFORM
    return chain_of(names.organization_of(getattr(request, "parent", "")))


def event_to_proto(row: Row, parent: str) -> audit_pb2.AuditEvent:
    record = row.record
    return audit_pb2.AuditEvent(
        name=f"{parent}/auditEvents/{record.uid}",
        uid=str(record.uid),
        chain=row.chain,
        sequence=row.sequence,
        time=timestamp(record.time),
        actor=audit_pb2.AuditActor(
            kind=_KINDS.get(record.actor_kind, audit_pb2.ACTOR_KIND_UNSPECIFIED),
            subject=record.actor,
            display_name=record.actor_name,
            peer=record.peer,
            address=record.address,
            user_agent=record.user_agent,
        ),
        action=record.action,
        method=record.method,
        resource=record.resource,
        workspace=record.workspace,
        changed_fields=record.fields,
        outcome=outcome_of(record.code),
        reason=record.reason,
        request_id=record.request_id,
        trace_id=record.trace_id,
        hash=row.hash.hex(),
    )


def outcome_of(code: int) -> str:
    """The name of a google.rpc.Code; a workspace may send what is none."""
    codes = store.audit.CODES
    return codes[code] if 0 <= code < len(codes) else "UNKNOWN"


def checkpoint_to_proto(row: AuditCheckpoint) -> audit_pb2.AuditCheckpoint:
    return audit_pb2.AuditCheckpoint(
        chain=row.chain,
        sequence=row.sequence,
        hash=row.hash.hex(),
        kind=_CHECKPOINT_KINDS[row.kind],
        time=timestamp(row.time),
        kid=row.kid,
        signature=base64.urlsafe_b64encode(row.signature).rstrip(b"=").decode(),
    )


def verdict_to_proto(verdict: Verdict) -> audit_pb2.VerifyAuditChainResponse:
    response = audit_pb2.VerifyAuditChainResponse(
        verified_count=verdict.verified,
        last_sequence=verdict.last,
        signed_sequence=verdict.signed,
        complete=verdict.complete,
    )
    if verdict.broken:
        response.broken.sequence = verdict.broken.sequence
        response.broken.problem = verdict.broken.problem.value
    return response
