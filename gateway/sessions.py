"""Browser sessions: the cookie goes in, and short tokens for the services behind come out.

The session lives in the control plane; here is but a small cache of what it was exchanged for.
Nothing of authority hangs on the cache: services judge every token themselves, and take none
of a session that has ended. Rules 63 and 65.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import grpc

from gateway.headers import Metadata
from gateway.upstreams import Upstream
from meshkit import opaque
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

MOST_SESSIONS: Final = 10_000
_CONTROL_PLANE: Final = ""
_TIMEOUT_S: Final = 10
# Of a token's life, after which the next one is fetched.
_RENEWED_AFTER: Final = 0.8
# While the control plane is away, tokens that still hold serve on; this long nobody asks it, as
# each question may wait for its deadline.
_RETRY_S: Final = 5
_AWAY: Final = frozenset((grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED))


@dataclass(frozen=True, slots=True)
class _Token:
    encoded: str
    renew_at: float
    ends_at: float


@dataclass(slots=True)
class _Session:
    """What one cookie was exchanged for, by workspace; of the control plane under no name."""

    tokens: dict[str, _Token] = field(default_factory=dict)
    ends_at: float = 0
    # Until then nobody asks the control plane, which was away, for what still holds.
    retry_at: float = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Sessions:
    """Exchanges cookies, and remembers the answers of the sessions that were used last."""

    def __init__(
        self,
        control_plane: Upstream,
        *,
        most: int = MOST_SESSIONS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._control_plane = control_plane
        self._most = most
        self._now = now
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    async def bearer(self, cookie: str, metadata: Metadata, server: Upstream) -> str:
        """A token of the cookie's session for a server; empty where the session has ended.

        `metadata` tells the control plane who is at the other end. Raises AioRpcError for what
        else it answers: a workspace in which the person has no role is PERMISSION_DENIED.
        """
        if not _is_ours(cookie):
            return ""
        session = self._of(cookie)
        async with session.lock:
            try:
                return await self._token(session, cookie, metadata, server.workspace)
            except grpc.aio.AioRpcError as error:
                is_over = error.code() is grpc.StatusCode.UNAUTHENTICATED
                # What was never exchanged takes nobody's place, also while nobody can say more.
                if is_over or not session.tokens:
                    self.forget(cookie)
                if not is_over:
                    raise
                return ""

    def expire_time(self, cookie: str) -> float:
        """When the session of a cookie that was exchanged ends at the latest, in Unix time."""
        return self._of(cookie).ends_at

    def forget(self, cookie: str) -> None:
        """Exchanges the cookie anew the next time: a service took none of what we had."""
        self._sessions.pop(_key(cookie), None)

    async def _token(
        self, session: _Session, cookie: str, metadata: Metadata, workspace: str
    ) -> str:
        now = self._now()
        held = session.tokens.get(workspace)
        if held is not None and now < min(session.retry_at, held.ends_at):
            return held.encoded
        try:
            # The control plane's own first, whoever the token is for: it keeps the session alive.
            own = session.tokens.get(_CONTROL_PLANE)
            if own is None or own.renew_at <= now:
                own = await self._exchange(session, cookie, metadata)
            wanted = session.tokens.get(workspace)
            if wanted is None or wanted.renew_at <= now:
                wanted = await self._mint(session, own, metadata, workspace)
        except grpc.aio.AioRpcError as error:
            now = self._now()
            if error.code() not in _AWAY or held is None or held.ends_at <= now:
                raise
            session.retry_at = now + _RETRY_S
            return held.encoded
        return wanted.encoded

    async def _exchange(self, session: _Session, cookie: str, metadata: Metadata) -> _Token:
        request = auth_pb2.ExchangeTokenRequest(session_token=cookie)
        answer = await self._auth().ExchangeToken(request, metadata=metadata, timeout=_TIMEOUT_S)
        session.ends_at = answer.source_expire_time.seconds
        return self._keep(session, _CONTROL_PLANE, answer)

    async def _mint(
        self, session: _Session, own: _Token, metadata: Metadata, workspace: str
    ) -> _Token:
        bearer: Metadata = [*metadata, ("authorization", f"Bearer {own.encoded}")]
        request = auth_pb2.MintWorkspaceTokenRequest(workspace=workspace)
        answer = await self._auth().MintWorkspaceToken(request, metadata=bearer, timeout=_TIMEOUT_S)
        return self._keep(session, workspace, answer)

    def _keep(self, session: _Session, name: str, answer: auth_pb2.TokenSet) -> _Token:
        now, ends_at = self._now(), answer.expire_time.seconds
        token = _Token(answer.access_token, now + (ends_at - now) * _RENEWED_AFTER, ends_at)
        session.tokens[name] = token
        return token

    def _of(self, cookie: str) -> _Session:
        key = _key(cookie)
        session = self._sessions.setdefault(key, _Session())
        self._sessions.move_to_end(key)
        if len(self._sessions) > self._most:
            self._sessions.popitem(last=False)
        return session

    def _auth(self) -> Any:
        return auth_pb2_grpc.AuthServiceStub(self._control_plane.unary())


def _is_ours(cookie: str) -> bool:
    """Whether the checksum fits: what is no cookie of ours costs nobody a call, or a place."""
    try:
        opaque.parse(cookie)
    except ValueError:
        return False
    return True


def _key(cookie: str) -> bytes:
    """A dump of this process's memory must not be a bag of cookies."""
    return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).digest()
