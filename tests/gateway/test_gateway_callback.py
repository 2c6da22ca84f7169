"""Where identity providers send people back to, against a control plane that only speaks."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from gateway.callback import Callback
from gateway.upstreams import Upstream
from meshkit import errors, status
from tests.gateway import toy as toys
from tests.gateway.toy import Client
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

PAGE = "/oauth2/callback/acme/okta"
ONWARD = "http://127.0.0.1:5104/callback?code=c&state=s"


class ControlPlane(auth_pb2_grpc.AuthServiceServicer):
    """Answers by script, and keeps what it was asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, dict[str, Any]]] = []
        self.fails: errors.MeshError | None = None

    async def CompleteOidcLogin(self, request: Any, context: Any) -> Any:
        self.seen.append((request, dict(context.invocation_metadata())))
        if self.fails is not None:
            await context.abort_with_status(status.to_grpc(self.fails))
        return auth_pb2.CompleteOidcLoginResponse(redirect_uri=ONWARD)


Pair = tuple[ControlPlane, Client]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    servicer = ControlPlane()
    server = grpc.aio.server()
    auth_pb2_grpc.add_AuthServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.stop, 0)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        upstream = Upstream("controlplane", toys.NAMES, lambda: channel, lambda: channel)
        yield servicer, Client(toys.gateway(upstream, pages=Callback(upstream).pages()))


async def test_the_answer_goes_in_and_the_browser_goes_on(pair: Pair) -> None:
    servicer, ask = pair
    query = "?state=weft_login_x&code=a%2Bb&iss=https%3A%2F%2Fidp.example&session_state=7"
    reply = await ask("GET", PAGE + query, headers={"authorization": "Bearer somebody"})
    assert (reply.status, reply.headers["location"]) == (303, ONWARD)
    assert (reply.headers["cache-control"], reply.headers["referrer-policy"]) == (
        "no-store",
        "no-referrer",
    )
    request, metadata = servicer.seen[0]
    assert request == auth_pb2.CompleteOidcLoginRequest(
        identity_provider="organizations/acme/identityProviders/okta",
        state="weft_login_x",
        code="a+b",
        iss="https://idp.example",
    )
    assert "authorization" not in metadata
    assert metadata["x-weft-client-address"] == ask.address


async def test_a_refusal_goes_to_the_client_that_waits(pair: Pair) -> None:
    servicer, ask = pair
    told = "http://127.0.0.1:5104/callback?error=access_denied&state=s"
    servicer.fails = errors.PermissionDenied("LOGIN_DENIED", "No.", metadata={"redirectUri": told})
    reply = await ask("GET", f"{PAGE}?state=x&error=access_denied")
    assert (reply.status, reply.headers["location"]) == (303, told)
    assert servicer.seen[0][0].error == "access_denied"


async def test_where_nobody_waits_the_page_says_so(pair: Pair) -> None:
    servicer, ask = pair
    servicer.fails = errors.Unauthenticated("INVALID_GRANT", "<script>alert(1)</script>")
    reply = await ask("GET", f"{PAGE}?state=x&code=c")
    assert reply.status == 401
    assert b"&lt;script&gt;" in reply.body
    assert b"<script>" not in reply.body
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")
    servicer.fails = errors.Internal("X", "a secret")
    reply = await ask("GET", f"{PAGE}?state=x&code=c")
    assert (reply.status, b"secret" in reply.body) == (500, False)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{PAGE}?state=a&state=b", 400),
        (f"{PAGE}?state=a&id_token=b", 400),
        ("/oauth2/callback/acme", 404),
        ("/oauth2/callback/", 404),
        (f"{PAGE}/more?state=a", 404),
        ("/oauth2/callback?state=a", 404),
    ],
)
async def test_what_no_provider_sends(pair: Pair, path: str, code: int) -> None:
    servicer, ask = pair
    assert (await ask("GET", path)).status == code
    assert servicer.seen == []


async def test_nothing_is_posted_there(pair: Pair) -> None:
    servicer, ask = pair
    assert (await ask("POST", PAGE, body=b"")).status == 405
    assert servicer.seen == []
