"""OAuth's endpoints, against a control plane that only speaks."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import grpc
import pytest
from google.protobuf import empty_pb2

from gateway.oauth import (
    ACCESS_TOKEN_TYPE,
    API_KEY_TYPE,
    ASSERTION_GRANT,
    DEVICE_GRANT,
    EXCHANGE_GRANT,
    OAuth,
)
from gateway.upstreams import Upstream
from meshkit import errors, status
from tests.gateway import toy as toys
from tests.gateway.toy import Client, Reply
from weftapi.common.v1 import types_pb2
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc, system_pb2, system_pb2_grpc

NOW = 1_700_000_000
FORM = {"content-type": "application/x-www-form-urlencoded"}


class ControlPlane(auth_pb2_grpc.AuthServiceServicer, system_pb2_grpc.SystemServiceServicer):
    """Answers by script, and keeps what it was asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, dict[str, Any]]] = []
        self.fails: errors.MeshError | None = None

    async def _note(self, request: Any, context: Any) -> None:
        self.seen.append((request, dict(context.invocation_metadata())))
        if self.fails is not None:
            await context.abort_with_status(status.to_grpc(self.fails))

    async def StartDeviceAuthorization(self, request: Any, context: Any) -> Any:
        await self._note(request, context)
        return auth_pb2.DeviceAuthorization(
            device_code="device",
            user_code="BCDF-GHJK",
            verification_uri="https://weft.example/device",
            verification_uri_complete="https://weft.example/device?code=BCDF-GHJK",
            expire_time={"seconds": NOW + 600},
            interval={"seconds": 5},
        )

    async def ExchangeToken(self, request: Any, context: Any) -> Any:
        await self._note(request, context)
        refresh = "" if request.HasField("personal_access_token") else "next"
        return auth_pb2.TokenSet(
            access_token="access", refresh_token=refresh, expire_time={"seconds": NOW + 300}
        )

    async def MintWorkspaceToken(self, request: Any, context: Any) -> Any:
        await self._note(request, context)
        return auth_pb2.TokenSet(access_token="minted", expire_time={"seconds": NOW + 60})

    async def RevokeToken(self, request: Any, context: Any) -> Any:
        await self._note(request, context)
        return empty_pb2.Empty()

    async def GetJwks(self, request: Any, context: Any) -> Any:
        await self._note(request, context)
        key = types_pb2.JsonWebKey(
            kty="OKP", crv="Ed25519", x="abc", kid="1", alg="EdDSA", use="sig"
        )
        return types_pb2.JsonWebKeySet(keys=[key])

    async def GetServerInfo(self, request: Any, context: Any) -> Any:
        await self._note(request, context)
        return system_pb2.ServerInfo(version="1.2", ca_fingerprint="sha256:ab")


@pytest.fixture
async def control_plane() -> AsyncIterator[tuple[ControlPlane, Client]]:
    servicer = ControlPlane()
    server = grpc.aio.server()
    auth_pb2_grpc.add_AuthServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    system_pb2_grpc.add_SystemServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(server.stop, 0)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        upstream = Upstream("controlplane", toys.NAMES, lambda: channel, lambda: channel)
        oauth = OAuth(upstream, grpc_endpoint="weft.example:7443", now=lambda: NOW)
        yield servicer, Client(toys.gateway(upstream, pages=oauth.pages()))


async def post(ask: Client, path: str, fields: Any, headers: dict[str, str] = FORM) -> Reply:
    reply = await ask("POST", path, body=urlencode(fields).encode(), headers=headers)
    assert reply.headers["cache-control"] == "no-store"
    return reply


Pair = tuple[ControlPlane, Client]


async def test_devices_are_authorized(control_plane: Pair) -> None:
    servicer, ask = control_plane
    reply = await post(ask, "/oauth2/device_authorization", {"client_id": "weft 0.1 on laptop"})
    assert reply.status == 200
    assert reply.json == {
        "device_code": "device",
        "user_code": "BCDF-GHJK",
        "verification_uri": "https://weft.example/device",
        "verification_uri_complete": "https://weft.example/device?code=BCDF-GHJK",
        "expires_in": 600,
        "interval": 5,
    }
    request, metadata = servicer.seen[0]
    assert request.client_name == "weft 0.1 on laptop"
    assert metadata["x-weft-client-address"] == ask.address


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"grant_type": DEVICE_GRANT, "device_code": "d"}, {"device_code": "d"}),
        ({"grant_type": "refresh_token", "refresh_token": "r"}, {"refresh_token": "r"}),
    ],
)
async def test_tokens_are_granted(
    control_plane: Pair, fields: dict[str, str], asked: dict[str, str]
) -> None:
    servicer, ask = control_plane
    headers = {**FORM, "authorization": "Basic abc"}
    reply = await post(ask, "/oauth2/token", fields, headers)
    assert (reply.status, reply.json) == (
        200,
        {
            "access_token": "access",
            "token_type": "Bearer",
            "expires_in": 300,
            "refresh_token": "next",
        },
    )
    assert servicer.seen[0][0] == auth_pb2.ExchangeTokenRequest(**asked)
    assert "authorization" not in servicer.seen[0][1]


async def test_personal_tokens_are_exchanged(control_plane: Pair) -> None:
    servicer, ask = control_plane
    fields = {
        "grant_type": EXCHANGE_GRANT,
        "subject_token": "weft_pat_x",
        "subject_token_type": ACCESS_TOKEN_TYPE,
    }
    reply = await post(ask, "/oauth2/token", fields)
    assert reply.json["issued_token_type"] == ACCESS_TOKEN_TYPE
    assert (reply.json["access_token"], "refresh_token" in reply.json) == ("access", False)
    fields["audience"] = "organizations/o/workspaces/w"
    assert (await post(ask, "/oauth2/token", fields)).json["access_token"] == "minted"
    assert servicer.seen[-1][0].workspace == "organizations/o/workspaces/w"
    assert servicer.seen[-1][1]["authorization"] == "Bearer access"


ACCOUNT = "organizations/o/serviceAccounts/ci"
ID_TOKEN = auth_pb2.IdTokenGrant(id_token="a.b.c", service_account=ACCOUNT)


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        (
            {
                "grant_type": EXCHANGE_GRANT,
                "subject_token": "weft_key_x",
                "subject_token_type": API_KEY_TYPE,
            },
            {"api_key": "weft_key_x"},
        ),
        (
            {
                "grant_type": EXCHANGE_GRANT,
                "subject_token": "a.b.c",
                "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
                "client_id": ACCOUNT,
            },
            {"id_token": ID_TOKEN},
        ),
        (
            {"grant_type": ASSERTION_GRANT, "assertion": "a.b.c", "client_id": ACCOUNT},
            {"id_token": ID_TOKEN},
        ),
    ],
)
async def test_programs_sign_in(
    control_plane: Pair, fields: dict[str, str], asked: dict[str, Any]
) -> None:
    servicer, ask = control_plane
    reply = await post(ask, "/oauth2/token", fields)
    assert (reply.status, reply.json["access_token"]) == (200, "access")
    assert servicer.seen[0][0] == auth_pb2.ExchangeTokenRequest(**asked)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (errors.FailedPrecondition("AUTHORIZATION_PENDING", "wait"), "authorization_pending"),
        (errors.ResourceExhausted("SLOW_DOWN", "slower", retry_after_s=10), "slow_down"),
        (errors.FailedPrecondition("DEVICE_CODE_EXPIRED", "late"), "expired_token"),
        (errors.PermissionDenied("DEVICE_DENIED", "no"), "access_denied"),
        (errors.Unauthenticated("INVALID_GRANT", "unknown"), "invalid_grant"),
        (errors.Unauthenticated("REFRESH_TOKEN_REUSED", "stolen"), "invalid_grant"),
        (errors.InvalidArgument("INVALID_FIELDS", "too long"), "invalid_request"),
    ],
)
async def test_refusals_in_the_words_of_oauth(
    control_plane: Pair, error: errors.MeshError, word: str
) -> None:
    servicer, ask = control_plane
    servicer.fails = error
    reply = await post(ask, "/oauth2/token", {"grant_type": DEVICE_GRANT, "device_code": "d"})
    assert (reply.status, reply.json["error"]) == (400, word)
    assert reply.json["error_description"] == error.message
    if error.retry_after_s:
        assert reply.headers["retry-after"] == "10"


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (errors.Unavailable("X", "secret"), 503, "temporarily_unavailable"),
        (errors.Internal("X", "secret"), 500, "server_error"),
    ],
)
async def test_faults_tell_nothing(
    control_plane: Pair, error: errors.MeshError, code: int, word: str
) -> None:
    servicer, ask = control_plane
    servicer.fails = error
    reply = await post(ask, "/oauth2/token", {"grant_type": DEVICE_GRANT, "device_code": "d"})
    assert (reply.status, reply.json["error"]) == (code, word)
    assert b"secret" not in reply.body


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password", "username": "a"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": DEVICE_GRANT}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": ""}, "invalid_request"),
        ([("grant_type", DEVICE_GRANT), ("grant_type", "refresh_token")], "invalid_request"),
        ([(f"f{n}", "x") for n in range(50)], "invalid_request"),
        ({"grant_type": EXCHANGE_GRANT, "subject_token": "t"}, "invalid_request"),
        ({"grant_type": ASSERTION_GRANT, "assertion": "a.b.c"}, "invalid_request"),
        (
            {
                "grant_type": EXCHANGE_GRANT,
                "subject_token": "t",
                "subject_token_type": ACCESS_TOKEN_TYPE,
            },
            "invalid_target",
        ),
        (
            {
                "grant_type": EXCHANGE_GRANT,
                "subject_token": "a\nb",
                "subject_token_type": ACCESS_TOKEN_TYPE,
                "audience": "w",
            },
            "invalid_grant",
        ),
    ],
)
async def test_malformed_forms_are_refused(control_plane: Pair, fields: Any, word: str) -> None:
    servicer, ask = control_plane
    reply = await post(ask, "/oauth2/token", fields)
    assert (reply.status, reply.json["error"], servicer.seen) == (400, word, [])


async def test_only_forms_by_post(control_plane: Pair) -> None:
    servicer, ask = control_plane
    json = {"content-type": "application/json"}
    reply = await ask("POST", "/oauth2/token", body=b"{}", headers=json)
    assert (reply.status, reply.json["error"]) == (400, "invalid_request")
    assert (await ask("GET", "/oauth2/token")).status == 405
    assert (await ask("POST", "/oauth2/token", body=b"a=%ff", headers=FORM)).status == 400
    reply = await ask("POST", "/oauth2/token?refresh_token=x", body=b"", headers=FORM)
    assert (reply.status, reply.reason) == (400, "TOKEN_IN_QUERY")
    assert servicer.seen == []


async def test_tokens_are_revoked(control_plane: Pair) -> None:
    servicer, ask = control_plane
    assert (await post(ask, "/oauth2/revoke", {"token": "t"})).status == 200
    assert servicer.seen[0][0].token == "t"
    assert (await post(ask, "/oauth2/revoke", {})).json["error"] == "invalid_request"


async def test_well_known_documents(control_plane: Pair) -> None:
    servicer, ask = control_plane
    found = (await ask("GET", "/.well-known/oauth-authorization-server")).json
    assert found["issuer"] == "https://weft.example"
    assert found["token_endpoint"] == "https://weft.example/oauth2/token"
    keys = (await ask("GET", "/.well-known/jwks.json")).json["keys"]
    assert keys == [
        {"kty": "OKP", "crv": "Ed25519", "x": "abc", "kid": "1", "alg": "EdDSA", "use": "sig"}
    ]
    weft = (await ask("GET", "/.well-known/weft")).json
    assert (weft["version"], weft["caFingerprint"]) == ("1.2", "sha256:ab")
    assert weft["endpoints"] == {"http": "https://weft.example", "grpc": "weft.example:7443"}
    servicer.fails = errors.Unavailable("X", "secret")
    for path in ("weft", "jwks.json"):
        reply = await ask("GET", f"/.well-known/{path}")
        assert (reply.status, reply.json["code"]) == (503, 14)
