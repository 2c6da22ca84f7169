"""OAuth's form endpoints and well-known documents: RFC 6749, 7009, 8414, 8628, 8693.

Hand-written because transcoding cannot read forms; they hold no rule of their own, each calls
one or two RPCs of the control plane. Forms may come from any client, so every check of tokens,
rates and audiences is the control plane's.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qsl

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway.headers import Metadata
from gateway.pages import Page
from gateway.upstreams import Upstream
from meshkit import status
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc, system_pb2, system_pb2_grpc

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH_GRANT: Final = "refresh_token"
EXCHANGE_GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ASSERTION_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ACCESS_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
# A personal access token as the subject of an exchange: an extension, as RFC 8693 allows.
PERSONAL_TOKEN_TYPE: Final = "urn:weft:params:oauth:token-type:personal-access-token"  # noqa: S105
API_KEY_TYPE: Final = "urn:weft:params:oauth:token-type:api-key"
# Tokens of other issuers, which service accounts take: `client_id` says which of them.
_FOREIGN_TYPES: Final = frozenset(
    f"urn:ietf:params:oauth:token-type:{name}" for name in ("id_token", "jwt")
)
_PERSONAL_PREFIX: Final = "weft_pat_"
_KEY_PREFIX: Final = "weft_key_"
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 20
_TIMEOUT_S: Final = 30
_NO_STORE: Final = {"cache-control": "no-store", "pragma": "no-cache"}
# The reasons of the control plane, as RFC 6749 (5.2) and RFC 8628 (3.5) call them.
_ERRORS: Final = {
    "AUTHORIZATION_PENDING": "authorization_pending",
    "SLOW_DOWN": "slow_down",
    "RATE_LIMITED": "slow_down",
    "DEVICE_CODE_EXPIRED": "expired_token",
    "DEVICE_DENIED": "access_denied",
    "NOT_PERMITTED": "access_denied",
    "INVALID_GRANT": "invalid_grant",
    "INVALID_CREDENTIAL": "invalid_grant",
    "REFRESH_TOKEN_REUSED": "invalid_grant",
}
_BY_CODE: Final = {3: "invalid_request", 7: "access_denied", 8: "slow_down", 16: "invalid_grant"}
_HTTP_BY_CODE: Final = {4: 503, 14: 503}

Form = dict[str, str]


class OAuthError(Exception):
    """An error of RFC 6749: a code for programs and a sentence for people."""

    def __init__(
        self, error: str, description: str, *, http_status: int = 400, retry_after_s: float = 0
    ) -> None:
        super().__init__(description)
        self.error = error
        self.http_status = http_status
        self.retry_after_s = retry_after_s


class OAuth:
    """The endpoints. `public_url` is the issuer; without one, the host that the client asked."""

    def __init__(
        self,
        control_plane: Upstream,
        *,
        public_url: str = "",
        grpc_endpoint: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._control_plane = control_plane
        self._public_url = public_url.rstrip("/")
        self._grpc_endpoint = grpc_endpoint
        self._now = now

    def pages(self) -> dict[str, Page]:
        """The pages by path."""
        post = frozenset(("POST",))
        return {
            "/oauth2/device_authorization": Page(_form(self._start_device), post),
            "/oauth2/token": Page(_form(self._token), post),
            "/oauth2/revoke": Page(_form(self._revoke), post),
            "/.well-known/oauth-authorization-server": Page(self._metadata),
            "/.well-known/jwks.json": Page(self._jwks),
            "/.well-known/weft": Page(self._weft),
        }

    async def _start_device(self, form: Form, metadata: Metadata) -> dict[str, Any]:
        request = auth_pb2.StartDeviceAuthorizationRequest(
            client_name=form.get("client_name") or form.get("client_id", "")
        )
        answer = await self._call(self._auth().StartDeviceAuthorization, request, metadata)
        return {
            "device_code": answer.device_code,
            "user_code": answer.user_code,
            "verification_uri": answer.verification_uri,
            "verification_uri_complete": answer.verification_uri_complete,
            "expires_in": self._seconds_until(answer.expire_time),
            "interval": answer.interval.seconds,
        }

    async def _token(self, form: Form, metadata: Metadata) -> dict[str, Any]:
        grant = _required(form, "grant_type")
        if grant == DEVICE_GRANT:
            request = auth_pb2.ExchangeTokenRequest(device_code=_required(form, "device_code"))
        elif grant == REFRESH_GRANT:
            request = auth_pb2.ExchangeTokenRequest(refresh_token=_required(form, "refresh_token"))
        elif grant == EXCHANGE_GRANT:
            return await self._exchange(form, metadata)
        elif grant == ASSERTION_GRANT:
            request = _foreign(form, "assertion")
        else:
            raise OAuthError("unsupported_grant_type", "this grant type is not supported")
        return self._tokens(await self._call(self._auth().ExchangeToken, request, metadata))

    async def _exchange(self, form: Form, metadata: Metadata) -> dict[str, Any]:
        """A long-lived or foreign token for ours; with an audience, for that workspace."""
        subject = _required(form, "subject_token")
        audience = form.get("audience", "")
        tokens = None
        request = _grant_of(form, subject)
        if request is not None:
            tokens = await self._call(self._auth().ExchangeToken, request, metadata)
            subject = tokens.access_token
        if audience:
            mint = auth_pb2.MintWorkspaceTokenRequest(workspace=audience)
            bearer: Metadata = [*metadata, ("authorization", f"Bearer {_in_header(subject)}")]
            tokens = await self._call(self._auth().MintWorkspaceToken, mint, bearer)
        if tokens is None:
            raise OAuthError("invalid_target", "an access token is exchanged for an audience")
        return {**self._tokens(tokens), "issued_token_type": ACCESS_TOKEN_TYPE}

    async def _revoke(self, form: Form, metadata: Metadata) -> dict[str, Any]:
        request = auth_pb2.RevokeTokenRequest(token=_required(form, "token"))
        await self._call(self._auth().RevokeToken, request, metadata)
        return {}

    async def _metadata(self, request: Request) -> Response:
        issuer = self._issuer(request)
        return JSONResponse(
            {
                "issuer": issuer,
                "token_endpoint": f"{issuer}/oauth2/token",
                "device_authorization_endpoint": f"{issuer}/oauth2/device_authorization",
                "revocation_endpoint": f"{issuer}/oauth2/revoke",
                "jwks_uri": f"{issuer}/.well-known/jwks.json",
                "grant_types_supported": [
                    DEVICE_GRANT,
                    REFRESH_GRANT,
                    EXCHANGE_GRANT,
                    ASSERTION_GRANT,
                ],
                "response_types_supported": [],
                "token_endpoint_auth_methods_supported": ["none"],
            },
            headers=_NO_STORE,
        )

    async def _jwks(self, request: Request) -> Response:
        call, metadata = self._auth().GetJwks, _metadata_of(request)
        answer = await call(auth_pb2.GetJwksRequest(), metadata=metadata, timeout=_TIMEOUT_S)
        keys = [{field.name: value for field, value in key.ListFields()} for key in answer.keys]
        return JSONResponse({"keys": keys}, headers={"cache-control": "public, max-age=60"})

    async def _weft(self, request: Request) -> Response:
        """Names endpoints and versions, so that a client can find its way and check the CA."""
        stub: Any = system_pb2_grpc.SystemServiceStub(self._control_plane.unary())
        info = await stub.GetServerInfo(
            system_pb2.GetServerInfoRequest(), metadata=_metadata_of(request), timeout=_TIMEOUT_S
        )
        return JSONResponse(
            {
                "version": info.version,
                "minimumClientVersion": info.minimum_client_version,
                "features": list(info.features),
                "caFingerprint": info.ca_fingerprint,
                "endpoints": {"http": self._issuer(request), "grpc": self._grpc_endpoint},
            },
            headers=_NO_STORE,
        )

    def _issuer(self, request: Request) -> str:
        return self._public_url or f"https://{request.url.netloc}"

    def _auth(self) -> Any:
        return auth_pb2_grpc.AuthServiceStub(self._control_plane.unary())

    async def _call(self, call: Any, request: Any, metadata: Metadata) -> Any:
        try:
            return await call(request, metadata=metadata, timeout=_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise _translated(error) from None

    def _tokens(self, answer: auth_pb2.TokenSet) -> dict[str, Any]:
        tokens: dict[str, Any] = {
            "access_token": answer.access_token,
            "token_type": "Bearer",
            "expires_in": self._seconds_until(answer.expire_time),
        }
        return tokens | ({"refresh_token": answer.refresh_token} if answer.refresh_token else {})

    def _seconds_until(self, moment: Timestamp) -> int:
        return max(0, int(moment.seconds - self._now()))


def _form(
    answer: Callable[[Form, Metadata], Awaitable[dict[str, Any]]],
) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        try:
            form = _read_form(request.headers.get("content-type", ""), await request.body())
            body = await answer(form, _metadata_of(request))
        except OAuthError as error:
            retry = {"retry-after": str(round(error.retry_after_s) or 1)}
            return JSONResponse(
                {"error": error.error, "error_description": str(error)},
                error.http_status,
                headers=_NO_STORE | (retry if error.retry_after_s else {}),
            )
        return JSONResponse(body, headers=_NO_STORE)

    return handle


def _read_form(content_type: str, body: bytes) -> Form:
    if content_type.partition(";")[0].strip().lower() != _FORM_TYPE:
        raise OAuthError("invalid_request", f"send a form as {_FORM_TYPE}")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
        )
    except ValueError:
        raise OAuthError("invalid_request", "the form is malformed") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise OAuthError("invalid_request", "a parameter stands twice")
    return form


def _grant_of(form: Form, subject: str) -> auth_pb2.ExchangeTokenRequest | None:
    """What the control plane makes of the subject of an exchange; None for its own tokens."""
    kind = form.get("subject_token_type")
    if kind in _FOREIGN_TYPES:
        return _foreign(form, "subject_token")
    if kind not in (ACCESS_TOKEN_TYPE, PERSONAL_TOKEN_TYPE, API_KEY_TYPE):
        raise OAuthError("invalid_request", "subject_token_type is not supported")
    if subject.startswith(_PERSONAL_PREFIX):
        return auth_pb2.ExchangeTokenRequest(personal_access_token=subject)
    if subject.startswith(_KEY_PREFIX):
        return auth_pb2.ExchangeTokenRequest(api_key=subject)
    return None


def _foreign(form: Form, field: str) -> auth_pb2.ExchangeTokenRequest:
    grant = auth_pb2.IdTokenGrant(
        id_token=_required(form, field), service_account=_required(form, "client_id")
    )
    return auth_pb2.ExchangeTokenRequest(id_token=grant)


def _required(form: Form, name: str) -> str:
    if not form.get(name):
        raise OAuthError("invalid_request", f"{name} is missing")
    return form[name]


def _in_header(token: str) -> str:
    if not token.isascii() or not token.isprintable():
        raise OAuthError("invalid_grant", "the subject token is malformed")
    return token


def _metadata_of(request: Request) -> Metadata:
    # These methods are public, or bring the token of the form as their credential.
    metadata: Metadata = request.state.metadata
    return [(key, value) for key, value in metadata if key != "authorization"]


def _translated(error: grpc.aio.AioRpcError) -> OAuthError:
    told = status.from_rpc_error(error)
    code = error.code().value[0]
    name = _ERRORS.get(told.reason) or _BY_CODE.get(code)
    if name is None:
        http_status = _HTTP_BY_CODE.get(code, 500)
        word = "server_error" if http_status == 500 else "temporarily_unavailable"  # noqa: PLR2004
        return OAuthError(word, "try again later", http_status=http_status)
    return OAuthError(name, told.message, retry_after_s=told.retry_after_s or 0)
