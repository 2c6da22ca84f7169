"""Calls to the servers of a mesh: channels, tokens, deadlines, and errors in our own words.

Everything heavy is imported when the first call is made. A connection may be shared by
threads.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from weft._backoff import Backoff
from weft._contexts import Context, ContextStore, MemorySecrets, Secrets, SignIn
from weft._transport import targets_of
from weft.errors import ApiError, ContextError, NotSignedInError, error_from_rpc

if TYPE_CHECKING:
    import grpc

    from weftapi.controlplane.v1 import auth_pb2

Q = TypeVar("Q")
A = TypeVar("A")
S = TypeVar("S")

CONTROL_PLANE = "controlplane"
LOCAL = "local"
"""The context of the mesh that `weft up` starts on this machine."""
_CALL_TIMEOUT_S = 10.0
_UNAUTHENTICATED = 16
# A token is renewed while it still lives, so that no call is refused for a slow clock.
_TOKEN_MARGIN_S = 60.0
# CANCELLED: a server that drains says it to calls that arrive before they hear of its end.
_PASSING = frozenset({1, 14})
_OWN_DOING = "Channel closed!"
# Either may hold an API key of a service account or a personal access token.
_KEY_VARIABLES = ("WEFT_API_KEY", "WEFT_TOKEN")
_API_KEY = "weft_key_"
_ATTEMPTS = 4


class TokenSource(Protocol):
    """Gives a bearer token ("" for none); a fresh one after the last was refused."""

    def __call__(self, *, is_fresh: bool) -> str: ...


def no_token(*, is_fresh: bool) -> str:  # noqa: ARG001 - the signature of a TokenSource
    """The token of calls that need none."""
    return ""


class Endpoint:
    """One server, or its replicas, called with the tokens of one principal."""

    def __init__(self, target: str, *, ca_pem: str = "", token: TokenSource) -> None:
        self.target = target
        self._ca_pem = ca_pem
        self._token = token
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        # Those of before `trust`: what runs over them goes on until it breaks.
        self._outdated: list[grpc.Channel] = []
        # Whether the server ever answered: then it is away for a while, and no wrong address.
        self.was_heard: bool = False

    @property
    def channel(self) -> grpc.Channel:
        """The channel, opened at the first use; another one once other CAs are trusted."""
        with self._lock:
            if self._channel is None:
                from weft._channels import open_channel

                self._channel = open_channel(self.target, self._ca_pem)
            return self._channel

    def stub(self, factory: Callable[[grpc.Channel], S]) -> S:
        """A service's stub on this endpoint; ask again after a break, as CAs may have changed."""
        return factory(self.channel)

    def trust(self, bundle_pem: str) -> bool:
        """Takes over the CAs of the mesh, whose members replace them; answers whether it did.

        Only where one of them is trusted already: who trusts another CA in front of the mesh, a
        company's own, goes on trusting that.
        """
        with self._lock:
            known, told = _certificates(self._ca_pem), _certificates(bundle_pem)
            if known == told or not known & told:
                return False
            self._ca_pem = bundle_pem
            if self._channel is not None:
                self._outdated.append(self._channel)
                self._channel = None
            return True

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[Q, A],
        request: Q,
        *,
        timeout_s: float = _CALL_TIMEOUT_S,
    ) -> A:
        """Makes a unary call; raises ApiError. A refused token is renewed and tried once more."""
        # Outside of the try: a sign-in that has ended is no reason to ask for it again.
        metadata = self._metadata(is_fresh=False)
        try:
            return self._invoke(method, request, metadata, timeout_s)
        except NotSignedInError:
            return self._invoke(method, request, self._metadata(is_fresh=True), timeout_s)

    def open(
        self, method: Any, request: Any, *, timeout_s: float | None = None, is_fresh: bool = False
    ) -> Any:
        """Opens a stream; the caller turns its `grpc.RpcError` into ours (`error_of`)."""
        from weft._channels import uninterrupted

        metadata = self._metadata(is_fresh=is_fresh)
        return uninterrupted(lambda: method(request, timeout=timeout_s, metadata=metadata))

    def read(self, method: Any, request: Any) -> Iterator[Any]:
        """Reads a stream to its end; raises ApiError. A refused token is renewed once."""
        import grpc

        is_fresh = is_open = False
        while True:
            try:
                for message in self.open(method, request, is_fresh=is_fresh):
                    is_open = True
                    yield message
            except grpc.RpcError as rpc_error:
                error = self.error_of(rpc_error)
                if is_open or is_fresh or not isinstance(error, NotSignedInError):
                    raise error from None
                is_fresh = True
            else:
                return

    def error_of(self, error: grpc.RpcError) -> ApiError:
        """What an error of a call here means, in our words."""
        return error_from_rpc(error, self.target)

    def close(self) -> None:
        """Closes the channel."""
        with self._lock:
            channels = [*self._outdated, *([self._channel] if self._channel else [])]
            self._channel = None
            self._outdated.clear()
        for channel in channels:
            channel.close()

    def _invoke(
        self,
        method: grpc.UnaryUnaryMultiCallable[Q, A],
        request: Q,
        metadata: tuple[tuple[str, str], ...],
        timeout_s: float,
    ) -> A:
        import grpc

        # Reads, and changes that carry a request id, are safe to repeat: all of our calls are.
        backoff = Backoff(0.1, 1.0)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = method(request, timeout=timeout_s, metadata=metadata)
            except grpc.RpcError as rpc_error:
                error = self.error_of(rpc_error)
            else:
                self.was_heard = True
                return answer
            is_passing = error.code in _PASSING and error.detail != _OWN_DOING
            if not is_passing or attempt == _ATTEMPTS:
                break
            backoff.wait()
        raise error

    def _metadata(self, *, is_fresh: bool) -> tuple[tuple[str, str], ...]:
        metadata = (("x-request-id", str(uuid.uuid4())),)
        token = self._token(is_fresh=is_fresh)
        return (*metadata, ("authorization", f"Bearer {token}")) if token else metadata


class Connection:
    """The servers of a context, called as whoever signed in there; raises ContextError."""

    def __init__(self, context: Context, secrets: Secrets) -> None:
        control_plane, workspace = targets_of(context)
        self.context = context
        self._secrets = secrets
        self.anonymous: Endpoint = Endpoint(control_plane, ca_pem=context.ca_pem, token=no_token)
        self.control_plane: Endpoint = Endpoint(
            control_plane, ca_pem=context.ca_pem, token=self._control_plane_token
        )
        self._workspace = Endpoint(workspace, ca_pem=context.ca_pem, token=self._workspace_token)
        # The tokens given out last, by audience: what a refusal speaks of.
        self._given: dict[str, str] = {}
        self._minting = threading.Lock()

    @classmethod
    def current(cls) -> Connection:
        """The context in use; raises ContextError where there is none."""
        store = ContextStore()
        key = _key_of_environment()
        secrets = MemorySecrets(SignIn(personal_access_token=key)) if key else store
        return cls(store.current(), secrets)

    @property
    def workspace(self) -> Endpoint:
        """The workspace server; raises ContextError where the context has none."""
        if not self.context.workspace_endpoint:
            raise ContextError(
                f"context {self.context.name!r} has no workspace: once there is one for you, run "
                f"`weft login {self.context.control_plane}` again"
            )
        return self._workspace

    @property
    def project(self) -> str:
        """Resource name of the project in use."""
        return f"projects/{self.context.project}"

    def close(self) -> None:
        """Closes all channels."""
        for endpoint in (self.anonymous, self.control_plane, self._workspace):
            endpoint.close()

    def follow_trust(self) -> None:
        """Takes over the CAs of the mesh: while one replaces another, both are trusted."""
        from weftapi.controlplane.v1 import system_pb2, system_pb2_grpc

        stub = self.anonymous.stub(system_pb2_grpc.SystemServiceStub)
        with contextlib.suppress(ApiError):
            info = self.anonymous.call(stub.GetServerInfo, system_pb2.GetServerInfoRequest())
            endpoints = (self.anonymous, self.control_plane, self._workspace)
            followed = [endpoint.trust(info.trust_bundle_pem) for endpoint in endpoints]
            if any(followed):
                self._secrets.trust(self.context.name, info.trust_bundle_pem)

    def _control_plane_token(self, *, is_fresh: bool) -> str:
        token = self._usable(CONTROL_PLANE, is_fresh=is_fresh)
        if not token:
            # A refresh token works once: one process renews, the others find what it got.
            with self._secrets.changing(self.context.name) as keep:
                token = self._usable(CONTROL_PLANE, is_fresh=is_fresh)
                if not token:
                    renewed = self._sign_in_again(self._secrets.sign_in_of(self.context.name))
                    keep(renewed)
                    token = renewed.tokens[CONTROL_PLANE][0]
        self._given[CONTROL_PLANE] = token
        return token

    def _workspace_token(self, *, is_fresh: bool) -> str:
        audience = self.context.workspace
        with self._minting:
            # Minting twice harms nobody, so no other process waits for it.
            token = self._usable(audience, is_fresh=is_fresh) or self._mint(audience)
            self._given[audience] = token
            return token

    def _usable(self, audience: str, *, is_fresh: bool) -> str:
        """The stored token, if it lives and is not the one that was just refused."""
        token, end = self._secrets.sign_in_of(self.context.name).tokens.get(audience, ("", 0.0))
        is_refused = is_fresh and token == self._given.get(audience)
        return token if end - _TOKEN_MARGIN_S > time.time() and not is_refused else ""

    def _sign_in_again(self, secrets: SignIn) -> SignIn:
        from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

        if not (secrets.refresh_token or secrets.personal_access_token):
            raise NotSignedInError(self._advice("you are not signed in"), code=_UNAUTHENTICATED)
        request = auth_pb2.ExchangeTokenRequest()
        key = secrets.personal_access_token
        if key.startswith(_API_KEY):
            request.api_key = key
        elif key:
            request.personal_access_token = key
        else:
            request.refresh_token = secrets.refresh_token
        stub = self.anonymous.stub(auth_pb2_grpc.AuthServiceStub)
        try:
            answer = self.anonymous.call(stub.ExchangeToken, request)
        except NotSignedInError as error:
            raise NotSignedInError(
                self._advice("your sign-in has ended"),
                code=_UNAUTHENTICATED,
                reason=error.reason,
            ) from None
        self.follow_trust()
        # Tokens for workspaces go too: they came from the access token that this one replaces.
        return SignIn(
            answer.refresh_token, secrets.personal_access_token, {CONTROL_PLANE: _kept(answer)}
        )

    def _advice(self, trouble: str) -> str:
        where = self.context.control_plane
        for variable in _KEY_VARIABLES:
            if os.environ.get(variable):
                return f"{where} does not accept the key in {variable}: make a new one"
        cure = "weft up" if self.context.name == LOCAL else f"weft login {where}"
        return f"{trouble} to {where}: run `{cure}`"

    def _mint(self, audience: str) -> str:
        from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

        request = auth_pb2.MintWorkspaceTokenRequest(workspace=audience)
        stub = self.control_plane.stub(auth_pb2_grpc.AuthServiceStub)
        answer = self.control_plane.call(stub.MintWorkspaceToken, request)
        with self._secrets.changing(self.context.name) as keep:
            now = self._secrets.sign_in_of(self.context.name)
            keep(replace(now, tokens={**now.tokens, audience: _kept(answer)}))
        return answer.access_token


def _key_of_environment() -> str:
    """The secret of a program or a script, which is used instead of the stored sign-in."""
    return next(filter(None, map(os.environ.get, _KEY_VARIABLES)), "")


def _kept(answer: auth_pb2.TokenSet) -> tuple[str, float]:
    return answer.access_token, answer.expire_time.seconds


def _certificates(pem: str) -> set[str]:
    """The certificates of a bundle, each in PEM."""
    end = "-----END CERTIFICATE-----"
    return {part.strip() + end for part in pem.split(end) if part.strip()}
