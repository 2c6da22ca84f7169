"""The dashboard's own endpoints: who is signed in, signing in by password, signing out.

Hand-written because an answer sets a cookie, which no annotation says. Each calls RPCs of the
control plane, which alone decides; rules 63 and 65.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import grpc
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway import cookies
from gateway.errors import Refused
from gateway.headers import Metadata
from gateway.pages import Page
from gateway.parser import loads
from gateway.sessions import Sessions
from gateway.upstreams import Upstream, Upstreams
from meshkit.errors import InvalidArgument, Unauthenticated
from weftapi.controlplane.v1 import (
    auth_pb2,
    auth_pb2_grpc,
    organizations_pb2,
    organizations_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
    workspaces_pb2,
    workspaces_pb2_grpc,
)

log = structlog.get_logger()

TIMEOUT_S: Final = 30
NO_STORE: Final = {"cache-control": "no-store"}
_PAGE_SIZE: Final = 500
_JSON: Final = "application/json"


class SigningIn:
    """The pages under /auth/ that a dashboard calls."""

    def __init__(
        self,
        control_plane: Upstream,
        sessions: Sessions,
        upstreams: Upstreams,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._control_plane = control_plane
        self._sessions = sessions
        self._upstreams = upstreams
        self._now = now

    def pages(self) -> dict[str, Page]:
        """The pages by path."""
        return {
            "/auth/session": Page(self._session, frozenset(("GET", "POST", "DELETE"))),
            "/auth/providers": Page(self._providers, frozenset(("GET",))),
            "/auth/setup": Page(self._set_up, frozenset(("POST",))),
            "/auth/device": Page(self._device, frozenset(("GET", "POST"))),
        }

    async def _session(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._sign_in(request)
        if request.method == "DELETE":
            return await self._sign_out(request)
        return await self._who(request)

    async def _sign_in(self, request: Request) -> Response:
        _refuse_foreign_page(request)
        members = await json_members(request, email=str, password=str)
        tokens = await self._auth().SignIn(
            auth_pb2.SignInRequest(**members, browser=True),
            metadata=anonymous(request),
            timeout=TIMEOUT_S,
        )
        return await self.signed_in(request, tokens, Response(status_code=204, headers=NO_STORE))

    async def _set_up(self, request: Request) -> Response:
        """Makes the first administrator with the token of the first start, and signs them in."""
        _refuse_foreign_page(request)
        members = await json_members(
            request, setupToken=str, email=str, displayName=str, password=str
        )
        tokens = await self._auth().CreateFirstAdministrator(
            auth_pb2.CreateFirstAdministratorRequest(
                setup_token=members["setupToken"],
                email=members["email"],
                display_name=members["displayName"],
                password=members["password"],
                browser=True,
            ),
            metadata=anonymous(request),
            timeout=TIMEOUT_S,
        )
        return await self.signed_in(request, tokens, Response(status_code=204, headers=NO_STORE))

    async def signed_in(
        self, request: Request, tokens: auth_pb2.TokenSet, response: Response
    ) -> Response:
        """Gives the browser its cookie. Always a new one: what was there before is ended."""
        try:
            await self._end(request)
        except grpc.aio.AioRpcError as error:
            # The new session is there, and what proved who they are may work but once.
            log.warning("former_session_not_ended", code=error.code().name)
        for_s = max(1, int(tokens.source_expire_time.seconds - self._now()))
        cookie = cookies.kept(cookies.SESSION, tokens.session_token, for_s=for_s)
        response.headers.append("set-cookie", cookie)
        return response

    async def _sign_out(self, request: Request) -> Response:
        cookies.require_own_page("DELETE", headers_of(request))
        if request.query_params.get("everywhere") == "true":
            stub: Any = sessions_pb2_grpc.SessionServiceStub(self._control_plane.unary())
            await stub.RevokeAllSessions(
                sessions_pb2.RevokeAllSessionsRequest(parent="users/me"),
                metadata=await self.metadata(request),
                timeout=TIMEOUT_S,
            )
        await self._end(request)
        response = Response(status_code=204, headers=NO_STORE)
        response.headers.append("set-cookie", cookies.cleared(cookies.SESSION))
        return response

    async def _end(self, request: Request) -> None:
        cookie = cookie_of(request)
        if cookie:
            self._sessions.forget(cookie)
            await self._auth().RevokeToken(
                auth_pb2.RevokeTokenRequest(token=cookie[:256]),
                metadata=anonymous(request),
                timeout=TIMEOUT_S,
            )

    async def _who(self, request: Request) -> Response:
        try:
            principal, metadata = await self._principal(request)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                raise
            # A key may have been withdrawn: whether the session stands, its cookie says anew.
            self._sessions.forget(cookie_of(request))
            principal, metadata = await self._principal(request)
        organizations = await self._organizations(metadata)
        wanted = request.query_params.get("organization", "")
        chosen = next((one for one in organizations if one.name == wanted), None)
        chosen = chosen or next(iter(organizations), None)
        ends_at = self._sessions.expire_time(cookie_of(request))
        body = {
            "user": {
                "name": principal.name,
                "email": principal.email,
                "displayName": principal.display_name,
            },
            "organization": _named(chosen) if chosen else None,
            "organizations": [_named(one) for one in organizations],
            "workspaces": await self._workspaces(chosen.name, metadata) if chosen else [],
            "expireTime": _rfc3339(ends_at),
        }
        return JSONResponse(body, headers=NO_STORE)

    async def _principal(self, request: Request) -> tuple[auth_pb2.Principal, Metadata]:
        metadata = await self.metadata(request)
        asked = auth_pb2.GetCurrentPrincipalRequest()
        call = self._auth().GetCurrentPrincipal(asked, metadata=metadata, timeout=TIMEOUT_S)
        return await call, metadata

    async def metadata(self, request: Request) -> Metadata:
        """Metadata with the session's token; raises Unauthenticated where nobody is signed in."""
        cookie, metadata = cookie_of(request), anonymous(request)
        token = await self._sessions.bearer(cookie, metadata, self._control_plane)
        if not token:
            raise Unauthenticated("NOT_SIGNED_IN", "nobody is signed in here; sign in first")
        return [*metadata, ("authorization", f"Bearer {token}")]

    async def _organizations(self, metadata: Metadata) -> list[Any]:
        stub: Any = organizations_pb2_grpc.OrganizationServiceStub(self._control_plane.unary())
        request = organizations_pb2.ListOrganizationsRequest(page_size=_PAGE_SIZE)
        answer = await stub.ListOrganizations(request, metadata=metadata, timeout=TIMEOUT_S)
        return list(answer.organizations)

    async def _workspaces(self, organization: str, metadata: Metadata) -> list[dict[str, str]]:
        """Those behind this gateway: another organization's may have the same id, and path."""
        here = {one.workspace: name for name, one in self._upstreams.workspaces.items()}
        stub: Any = workspaces_pb2_grpc.WorkspaceServiceStub(self._control_plane.unary())
        request = workspaces_pb2.ListWorkspacesRequest(parent=organization, page_size=_PAGE_SIZE)
        answer = await stub.ListWorkspaces(request, metadata=metadata, timeout=TIMEOUT_S)
        return [
            {**_named(one), "path": f"/api/workspaces/{here[one.name]}/v1"}
            for one in answer.workspaces
            if one.name in here
        ]

    async def _providers(self, request: Request) -> Response:
        config = await self._auth().GetAuthConfig(
            auth_pb2.GetAuthConfigRequest(
                organization=request.query_params.get("organization", "")
            ),
            metadata=anonymous(request),
            timeout=TIMEOUT_S,
        )
        providers = [
            {"name": option.identity_provider, "displayName": option.display_name}
            for option in config.login_options
        ]
        body = {
            "providers": providers,
            "hasPasswords": config.local_accounts,
            "setupRequired": config.setup_required,
        }
        return JSONResponse(body, headers=NO_STORE)

    async def _device(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._decide(request)
        device = await self._auth().GetDeviceAuthorization(
            auth_pb2.GetDeviceAuthorizationRequest(
                user_code=request.query_params.get("user_code", "")
            ),
            metadata=await self.metadata(request),
            timeout=TIMEOUT_S,
        )
        state = auth_pb2.DeviceAuthorizationState.Name(device.state)
        body = {
            "userCode": device.user_code,
            "client": device.client_name,
            "address": device.address,
            "sameAddress": device.same_address,
            "time": _rfc3339(device.create_time.seconds),
            "expireTime": _rfc3339(device.expire_time.seconds),
            "state": state.removeprefix("DEVICE_AUTHORIZATION_STATE_"),
        }
        return JSONResponse(body, headers=NO_STORE)

    async def _decide(self, request: Request) -> Response:
        cookies.require_own_page("POST", headers_of(request))
        members = await json_members(request, userCode=str, approve=bool)
        approves, auth = members["approve"], self._auth()
        asked = auth_pb2.ApproveDeviceRequest if approves else auth_pb2.DenyDeviceRequest
        await (auth.ApproveDevice if approves else auth.DenyDevice)(
            asked(user_code=members["userCode"]),
            metadata=await self.metadata(request),
            timeout=TIMEOUT_S,
        )
        return Response(status_code=204, headers=NO_STORE)

    def _auth(self) -> Any:
        return auth_pb2_grpc.AuthServiceStub(self._control_plane.unary())


def _refuse_foreign_page(request: Request) -> None:
    """Raises Refused 403 where a browser says that another site's page asks; programs say none."""
    if "sec-fetch-site" in request.headers and not cookies.is_own_page(headers_of(request)):
        cookies.require_own_page("POST", {})


def headers_of(request: Request) -> Mapping[bytes, bytes]:
    """The request's headers as the application reads them."""
    return dict(request.scope["headers"])


def cookie_of(request: Request) -> str:
    """The session's cookie, or nothing."""
    return cookies.read(headers_of(request), cookies.SESSION)


def anonymous(request: Request) -> Metadata:
    """Metadata that says who is at the other end, and nothing of who they are signed in as."""
    metadata: Metadata = request.state.metadata
    return [(key, value) for key, value in metadata if key != "authorization"]


async def json_members(request: Request, **kinds: type) -> dict[str, Any]:
    """The members of a JSON body, all of these kinds; raises Refused 415, or InvalidArgument.

    JSON alone: a form is something that another site's page can send.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        error = InvalidArgument("UNSUPPORTED_MEDIA_TYPE", "send application/json")
        raise Refused(error, http_status=415)
    body = loads(await request.body())
    if (
        not isinstance(body, dict)
        or body.keys() != kinds.keys()
        or not all(isinstance(body[name], kind) for name, kind in kinds.items())
    ):
        raise InvalidArgument("INVALID_BODY", f"the body holds {' and '.join(kinds)}, no more")
    _require_text(body.values())
    return body


def _require_text(values: Iterable[Any]) -> None:
    """Half of a surrogate pair is a character to JSON, and to nobody else."""
    try:
        "".join(value for value in values if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        raise InvalidArgument("INVALID_BODY", "the body holds half a character") from None


def _named(message: Any) -> dict[str, str]:
    return {
        "name": message.name,
        "displayName": message.display_name or message.name.rpartition("/")[2],
    }


def _rfc3339(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))
