"""SessionService."""

from functools import partial
from uuid import UUID

from google.protobuf import empty_pb2

from controlplane import names, store
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import sessions
from controlplane.servicers.conversions import (
    caller_sid,
    caller_subject,
    caller_uid,
    timestamp,
)
from controlplane.store.schema import Session
from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.paging import ListQuery, PageTokens
from weftapi.controlplane.v1 import sessions_pb2, sessions_pb2_grpc

_ME = "users/me"


class SessionServicer(sessions_pb2_grpc.SessionServiceServicer):
    """Answers and ends sessions."""

    def __init__(self, database: Database, *, pages: PageTokens, lifetimes: Lifetimes) -> None:
        self._database = database
        self._pages = pages
        self._lifetimes = lifetimes

    async def ListSessions(
        self, request: sessions_pb2.ListSessionsRequest, _context: Context
    ) -> sessions_pb2.ListSessionsResponse:
        user_uid = _user_uid(request.parent)
        window = self._pages.window(
            ListQuery("ListSessions", f"users/{user_uid}"),
            store.sessions.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        rows = await self._database.read(store.sessions.list_page, user_uid, window)
        to_proto = partial(session_to_proto, current=caller_sid())
        page = window.page(rows, to_proto, revision=self._database.feed.head)
        return sessions_pb2.ListSessionsResponse(
            sessions=page.items, next_page_token=page.next_page_token
        )

    async def RevokeSession(
        self, request: sessions_pb2.RevokeSessionRequest, _context: Context
    ) -> empty_pb2.Empty:
        owner = request.name.partition("/sessions/")[0]
        await self._database.write(
            sessions.end_one,
            _user_uid(owner),
            names.uid_of(request.name),
            caller=caller_subject(),
            lifetimes=self._lifetimes,
        )
        return empty_pb2.Empty()

    async def RevokeAllSessions(
        self, request: sessions_pb2.RevokeAllSessionsRequest, _context: Context
    ) -> sessions_pb2.RevokeAllSessionsResponse:
        count = await self._database.write(
            sessions.end_others,
            _user_uid(request.parent),
            kept=caller_sid() if request.keep_current else None,
            caller=caller_subject(),
            lifetimes=self._lifetimes,
        )
        return sessions_pb2.RevokeAllSessionsResponse(revoked_count=count)


def _user_uid(name: str) -> UUID:
    return caller_uid() if name == _ME else names.uid_of(name)


def session_to_proto(row: Session, *, current: UUID) -> sessions_pb2.Session:
    return sessions_pb2.Session(
        name=row.name,
        uid=str(row.uid),
        create_time=timestamp(row.create_time),
        origin=row.origin,
        client=row.client,
        address=row.address,
        last_used_time=timestamp(row.last_used_time),
        expire_time=timestamp(min(row.expire_time, row.idle_expire_time)),
        current=row.uid == current,
    )
