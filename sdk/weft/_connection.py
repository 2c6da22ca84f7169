"""Calls to the servers of a mesh: channels, tokens, deadlines, and errors in our own words.

Everything heavy is imported when the first call is made. A connection may be shared by
threads.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from weft._contexts import Context, ContextStore, MemorySecrets, Secrets, SignIn
from weft.errors import NotSignedInError, error_from_rpc

if TYPE_CHECKING:
    import grpc

    from weftapi.controlplane.v1 import auth_pb2

Q = TypeVar("Q")
A = TypeVar("A")
S = TypeVar("S")

CONTROL_PLANE = "controlplane"
_CALL_TIMEOUT_S = 10.0
# A token is renewed while it still lives, so that no call is refused for a slow clock.
_TOKEN_MARGIN_S = 60.0
# Reads, and changes that carry a request id, are safe to repeat: all of our calls are.
_SERVICE_CONFIG = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)
_OPTIONS = [
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Without it a stalled reader lets the server send megabytes ahead before it blocks (S25).
    ("grpc.http2.bdp_probe", 0),
]


class TokenSource(Protocol):
    """Gives a bearer token ("" for none); a fresh one after the last was refused."""

    def __call__(self, *, is_fresh: bool) -> str: ...


def no_token(*, is_fresh: bool) -> str:  # noqa: ARG001 - the signature of a TokenSource
    """The token of calls that need none."""
    return ""


class Endpoint:
    """One server, called with the tokens of one principal."""

    def __init__(self, target: str, *, ca_pem: str = "", token: TokenSource) -> None:
        self.target = target
        self._ca_pem = ca_pem
        self._token = token
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None

    @property
    def channel(self) -> grpc.Channel:
        """The channel, opened at the first use."""
        with self._lock:
            if self._channel is None:
                import grpc

                roots = self._ca_pem.encode() or None
                credentials = grpc.ssl_channel_credentials(roots)
                self._channel = grpc.secure_channel(self.target, credentials, options=_OPTIONS)
            return self._channel

    def stub(self, factory: Callable[[grpc.Channel], S]) -> S:
        """A service's stub on this endpoint."""
        return factory(self.channel)

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[Q, A],
        request: Q,
        *,
        timeout_s: float = _CALL_TIMEOUT_S,
    ) -> A:
        """Makes a unary call; raises ApiError. A refused token is renewed and tried once more."""
        try:
            return self.call_once(method, request, timeout_s=timeout_s)
        except NotSignedInError:
            return self.call_once(method, request, timeout_s=timeout_s, is_fresh=True)

    def open(
        self, method: Any, request: Any, *, timeout_s: float | None = None, is_fresh: bool = False
    ) -> Any:
        """Opens a stream; the caller turns its `grpc.RpcError` into ours (`error_from_rpc`)."""
        return method(request, timeout=timeout_s, metadata=self._metadata(is_fresh=is_fresh))

    def read(self, method: Any, request: Any) -> Iterator[Any]:
        """Reads a stream to its end; raises ApiError."""
        import grpc

        try:
            yield from self.open(method, request)
        except grpc.RpcError as error:
            raise error_from_rpc(error) from None

    def close(self) -> None:
        """Closes the channel."""
        with self._lock:
            if self._channel is not None:
                self._channel.close()
                self._channel = None

    def call_once(
        self,
        method: grpc.UnaryUnaryMultiCallable[Q, A],
        request: Q,
        *,
        timeout_s: float = _CALL_TIMEOUT_S,
        is_fresh: bool = False,
    ) -> A:
        """Makes a unary call without a second try after a refusal; raises ApiError."""
        import grpc

        metadata = self._metadata(is_fresh=is_fresh)
        try:
            return method(request, timeout=timeout_s, metadata=metadata)
        except grpc.RpcError as error:
            raise error_from_rpc(error) from None

    def _metadata(self, *, is_fresh: bool) -> tuple[tuple[str, str], ...]:
        metadata = (("x-request-id", str(uuid.uuid4())),)
        token = self._token(is_fresh=is_fresh)
        return (*metadata, ("authorization", f"Bearer {token}")) if token else metadata


class Connection:
    """The servers of a context, called as whoever signed in there."""

    def __init__(self, context: Context, secrets: Secrets) -> None:
        self.context = context
        self._secrets = secrets
        self.anonymous = Endpoint(context.control_plane, ca_pem=context.ca_pem, token=no_token)
        self.control_plane = Endpoint(
            context.control_plane, ca_pem=context.ca_pem, token=self._control_plane_token
        )
        self.workspace = Endpoint(
            context.workspace_endpoint, ca_pem=context.ca_pem, token=self._workspace_token
        )

    @classmethod
    def current(cls) -> Connection:
        """The context in use; raises ContextError where there is none."""
        store = ContextStore()
        key = os.environ.get("WEFT_API_KEY")
        secrets = MemorySecrets(SignIn(personal_access_token=key)) if key else store
        return cls(store.current(), secrets)

    @property
    def project(self) -> str:
        """Resource name of the project in use."""
        return f"projects/{self.context.project}"

    def close(self) -> None:
        """Closes all channels."""
        for endpoint in (self.anonymous, self.control_plane, self.workspace):
            endpoint.close()

    def _control_plane_token(self, *, is_fresh: bool) -> str:
        return self._token(CONTROL_PLANE, self._sign_in_again, is_fresh=is_fresh)

    def _workspace_token(self, *, is_fresh: bool) -> str:
        return self._token(self.context.workspace, self._mint, is_fresh=is_fresh)

    def _token(self, audience: str, renew: Callable[[SignIn], SignIn], *, is_fresh: bool) -> str:
        if not is_fresh and (
            token := _living(self._secrets.sign_in_of(self.context.name), audience)
        ):
            return token
        if audience != CONTROL_PLANE:
            # The lock is not reentrant, and minting needs the control plane's token.
            self._control_plane_token(is_fresh=False)
        with self._secrets.changing(self.context.name) as keep:
            before = self._secrets.sign_in_of(self.context.name)
            # Another process may have renewed it while this one waited for the lock.
            if not is_fresh and (token := _living(before, audience)):
                return token
            after = renew(before)
            keep(after)
        return after.tokens[audience][0]

    def _sign_in_again(self, secrets: SignIn) -> SignIn:
        from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

        if not (secrets.refresh_token or secrets.personal_access_token):
            raise NotSignedInError(
                f"you are not signed in to {self.context.control_plane}: run "
                f"`weft login {self.context.control_plane}`"
            )
        request = auth_pb2.ExchangeTokenRequest()
        if secrets.personal_access_token:
            request.personal_access_token = secrets.personal_access_token
        else:
            request.refresh_token = secrets.refresh_token
        stub = self.anonymous.stub(auth_pb2_grpc.AuthServiceStub)
        answer = self.anonymous.call(stub.ExchangeToken, request)
        # Tokens for workspaces go too: they came from the access token that this one replaces.
        return SignIn(
            answer.refresh_token, secrets.personal_access_token, {CONTROL_PLANE: _kept(answer)}
        )

    def _mint(self, secrets: SignIn) -> SignIn:
        from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

        request = auth_pb2.MintWorkspaceTokenRequest(workspace=self.context.workspace)
        stub = self.control_plane.stub(auth_pb2_grpc.AuthServiceStub)
        answer = self.control_plane.call_once(stub.MintWorkspaceToken, request)
        tokens = {**secrets.tokens, self.context.workspace: _kept(answer)}
        return replace(secrets, tokens=tokens)


def _kept(answer: auth_pb2.TokenSet) -> tuple[str, float]:
    return answer.access_token, answer.expire_time.seconds


def _living(secrets: SignIn, audience: str) -> str:
    token, end = secrets.tokens.get(audience, ("", 0.0))
    return token if end - _TOKEN_MARGIN_S > time.time() else ""
