"""Where identity providers send people back to: one RPC, and on to the client that waits.

Who the person is, and whether the answer may be believed, is the control plane's to say.
"""

from html import escape
from typing import Any, Final

import grpc
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.errors import HTTP_STATUS
from gateway.headers import Metadata
from gateway.pages import Page
from gateway.upstreams import Upstream
from meshkit import status
from meshkit.errors import InvalidArgument, MeshError, NotFound
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

PATH: Final = "/oauth2/callback/"
_TIMEOUT_S: Final = 30
_SEE_OTHER: Final = 303
_HEADERS: Final = {"cache-control": "no-store"}
_TAKEN: Final = ("state", "code", "iss", "error")
_FAULTS: Final = (2, 13)


class Callback:
    """The page; its path goes on with the organization and the provider."""

    def __init__(self, control_plane: Upstream) -> None:
        self._control_plane = control_plane

    def pages(self) -> dict[str, Page]:
        """The pages by path."""
        return {PATH: Page(self._come_back, frozenset(("GET",)))}

    async def _come_back(self, request: Request) -> Response:
        stub: Any = auth_pb2_grpc.AuthServiceStub(self._control_plane.unary())
        try:
            answer = await stub.CompleteOidcLogin(
                _completion(request), metadata=_metadata_of(request), timeout=_TIMEOUT_S
            )
        except grpc.aio.AioRpcError as error:
            return _refusal(status.from_rpc_error(error))
        return _onward(answer.redirect_uri)


def _completion(request: Request) -> auth_pb2.CompleteOidcLoginRequest:
    organization, _, provider = request.url.path.removeprefix(PATH).partition("/")
    if not provider or "/" in provider:
        raise NotFound("ROUTE_NOT_FOUND", "there is no such page")
    fields: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in fields:
            raise InvalidArgument("AMBIGUOUS_PARAMETER", "a parameter stands twice")
        if name in _TAKEN:
            fields[name] = value
    name = f"organizations/{organization}/identityProviders/{provider}"
    return auth_pb2.CompleteOidcLoginRequest(identity_provider=name, **fields)


def _metadata_of(request: Request) -> Metadata:
    # Whoever the browser is signed in as has no say in who is signing in.
    metadata: Metadata = request.state.metadata
    return [(key, value) for key, value in metadata if key != "authorization"]


def _refusal(error: MeshError) -> Response:
    """Back to the client, which can tell the person; a page where there is none to tell."""
    if onward := error.metadata.get("redirectUri"):
        return _onward(onward)
    message = "Something went wrong here; try again." if error.code in _FAULTS else error.message
    page = f"<!doctype html><meta charset=utf-8><title>Sign-in</title><p>{escape(message)}</p>"
    return HTMLResponse(page, HTTP_STATUS.get(error.code, 500), headers=_HEADERS)


def _onward(uri: str) -> Response:
    return RedirectResponse(uri, _SEE_OTHER, headers=_HEADERS)
