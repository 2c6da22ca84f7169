"""Ways into the dashboard that begin or end in a redirect: single sign-on, and sign-in links.

The gateway keeps nothing of a sign-in under way: what binds it to this browser, and to nobody
else's, stands in a cookie of its own, and the control plane has but its hash. Rule 63.
"""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

import grpc
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway import cookies
from gateway.pages import Page
from gateway.signing_in import NO_STORE, TIMEOUT_S, SigningIn, anonymous, headers_of
from gateway.upstreams import Upstream
from meshkit import status
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

LINK: Final = "/auth/link/"
_SIGN_ON: Final = "/auth/sign-on"
_DONE: Final = "/auth/sign-on/done"
# Where the dashboard asks people to sign in, and says what went wrong.
_SIGN_IN_PAGE: Final = "/login"
_SIGN_IN_S: Final = 600
_SEE_OTHER: Final = 303
# A path of this origin: what follows its first slash can neither name a host nor hide one.
_OWN_PATH: Final = re.compile(r"/(?:[!-.0-\[\]-~][!-\[\]-~]*)?")
_MAX_PATH: Final = 1024
# What RFC 6749 (4.1.2.1) has providers say, and the control plane's reasons.
_WORD: Final = re.compile(r"[A-Za-z_]{1,64}")
# A link is opened by a person: out of a terminal, or by hand. Another site's page is none.
_OPENED: Final = frozenset((None, "none", "same-origin"))


class Arriving:
    """The pages. `public_url` is where browsers find the gateway; by default the host they ask.

    `base` is its path, which redirects begin with.
    """

    def __init__(
        self,
        control_plane: Upstream,
        signing_in: SigningIn,
        *,
        public_url: str = "",
        base: str = "",
    ) -> None:
        self._control_plane = control_plane
        self._signing_in = signing_in
        self._public_url = public_url.rstrip("/")
        self._base = base

    def pages(self) -> dict[str, Page]:
        """The pages by path."""
        get = frozenset(("GET",))
        return {
            _SIGN_ON: Page(self._begin, get),
            _DONE: Page(self._end, get),
            LINK: Page(self._link, get),
        }

    async def _begin(self, request: Request) -> Response:
        """Off to the identity provider, with the proof of who left kept in the browser."""
        return_to = own_path(request.query_params.get("returnTo", ""))
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        digest = hashlib.sha256(verifier.encode()).digest()
        begin = auth_pb2.BeginOidcLoginRequest(
            identity_provider=request.query_params.get("provider", ""),
            redirect_uri=f"{self._origin(request)}{_DONE}",
            code_challenge=urlsafe_b64encode(digest).rstrip(b"=").decode(),
            state=state,
        )
        try:
            begun = await self._auth().BeginOidcLogin(
                begin, metadata=anonymous(request), timeout=TIMEOUT_S
            )
        except grpc.aio.AioRpcError as error:
            return self._refused(_reason(error), return_to)
        response = RedirectResponse(begun.authorization_uri, _SEE_OTHER, headers=NO_STORE)
        kept = cookies.kept(
            cookies.SIGN_IN, f"{state}.{verifier}.{quote(return_to, safe='/')}", for_s=_SIGN_IN_S
        )
        response.headers.append("set-cookie", kept)
        return response

    async def _end(self, request: Request) -> Response:
        """Back with a code, which is of use only in the browser that began."""
        kept = cookies.read(headers_of(request), cookies.SIGN_IN)
        state, _, rest = kept.partition(".")
        verifier, _, quoted = rest.partition(".")
        return_to = own_path(unquote(quoted))
        shown = request.query_params.get("state", "")
        if not state or not secrets.compare_digest(state.encode(), shown.encode()):
            return self._refused("SIGN_IN_EXPIRED", return_to)
        code = request.query_params.get("code", "")
        if not code:
            return self._refused(request.query_params.get("error", ""), return_to)
        grant = auth_pb2.AuthorizationCodeGrant(code=code, code_verifier=verifier, browser=True)
        return await self._redeem(
            request, auth_pb2.ExchangeTokenRequest(authorization_code=grant), return_to
        )

    async def _link(self, request: Request) -> Response:
        return_to = own_path(request.query_params.get("returnTo", ""))
        if request.headers.get("sec-fetch-site") not in _OPENED:
            return self._refused("LINK_FROM_ELSEWHERE", return_to)
        code = request.url.path.removeprefix(LINK)
        return await self._redeem(
            request, auth_pb2.ExchangeTokenRequest(sign_in_code=code), return_to
        )

    async def _redeem(
        self, request: Request, exchange: auth_pb2.ExchangeTokenRequest, return_to: str
    ) -> Response:
        try:
            tokens = await self._auth().ExchangeToken(
                exchange, metadata=anonymous(request), timeout=TIMEOUT_S
            )
        except grpc.aio.AioRpcError as error:
            return self._refused(_reason(error), return_to)
        response = RedirectResponse(f"{self._base}{return_to}", _SEE_OTHER, headers=NO_STORE)
        response.headers.append("set-cookie", cookies.cleared(cookies.SIGN_IN))
        return await self._signing_in.signed_in(request, tokens, response)

    def _refused(self, reason: str, return_to: str) -> Response:
        """To the page that asks again: nobody is left before a wall of JSON."""
        word = reason if _WORD.fullmatch(reason) else "server_error"
        query = urlencode({"error": word, "returnTo": return_to})
        response = RedirectResponse(
            f"{self._base}{_SIGN_IN_PAGE}?{query}", _SEE_OTHER, headers=NO_STORE
        )
        response.headers.append("set-cookie", cookies.cleared(cookies.SIGN_IN))
        return response

    def _origin(self, request: Request) -> str:
        return self._public_url or f"{request.url.scheme}://{request.url.netloc}"

    def _auth(self) -> Any:
        return auth_pb2_grpc.AuthServiceStub(self._control_plane.unary())


def own_path(text: str) -> str:
    """A path below our own, as asked for; the first page for whatever leads elsewhere."""
    return text if len(text) <= _MAX_PATH and _OWN_PATH.fullmatch(text) else "/"


def _reason(error: grpc.aio.AioRpcError) -> str:
    return status.from_rpc_error(error).reason
