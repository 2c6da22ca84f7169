"""FAKES of the services behind connectors, over real HTTP on loopback.

None of them is the real thing: each knows as much of its protocol as its reference says that a
client may rely on, checks what it is given (assertions, passwords, tokens, scopes), and remembers
what it was asked. Each can be down, slow, or give tokens that end soon.
"""

import asyncio
import base64
import json
import secrets
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

Form = dict[str, str]
F = TypeVar("F", bound="Fake")
CA = "-----BEGIN CERTIFICATE-----\nof a cluster\n-----END CERTIFICATE-----\n"


def in_json(document: Any, status: int = 200) -> web.Response:
    return web.json_response(document, status=status)


@dataclass
class Fake(ABC):
    """What all have: an address, a memory, and bad days."""

    url: str = ""
    is_down: bool = False
    hangs: bool = False
    asked: list[str] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    forms: list[Form] = field(default_factory=list)
    # Tokens by what they were given for.
    tokens: dict[str, str] = field(default_factory=dict)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.asked.append(f"{request.method} {request.path}")
        self.heard.set()
        if self.hangs:
            await self._woken.wait()
        if self.is_down:
            return web.Response(status=503)
        form = dict(parse_qsl(body.decode())) if "form" in request.content_type else {}
        if form:
            self.forms.append(form)
        return self.answer(request, form, body)

    @abstractmethod
    def answer(self, request: web.Request, form: Form, body: bytes) -> web.Response:
        """What this cloud says to a request that was read."""

    def give(self, purpose: str) -> str:
        """A new token for something."""
        token = secrets.token_urlsafe(16)
        self.tokens[token] = purpose
        return token

    def purpose(self, request: web.Request) -> str:
        """What the request's bearer token was given for; empty where it was not."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self.tokens.get(token, "") if scheme == "Bearer" else ""

    def wake(self) -> None:
        self.hangs = False
        self._woken.set()


@dataclass
class FakeGoogle(Fake):
    """Google's OAuth, STS, IAM credentials, Storage, Artifact Registry and GKE."""

    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    email: str = "weft@lab-1.iam.gserviceaccount.com"
    boundaries: list[Any] = field(default_factory=list)

    def key_file(self, key: rsa.RSAPrivateKey | None = None) -> str:
        pem = (key or self.key).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        document = {"type": "service_account", "client_email": self.email, "private_key_id": "1"}
        # Where a key file sends its owner is not where its owner goes.
        document["token_uri"] = "https://collector.example/token"
        return json.dumps({**document, "private_key": pem.decode()})

    def answer(self, request: web.Request, form: Form, body: bytes) -> web.Response:
        path = request.path
        if path == "/token":
            return self._sign_in(form)
        if path == "/v1/token":
            return self._exchange(form)
        scope = self.purpose(request)
        if not scope:
            return in_json({"error": {"code": 401, "status": "UNAUTHENTICATED"}}, 401)
        if path.endswith(":generateAccessToken"):
            return self._impersonate(path, json.loads(body), scope)
        return self._resource(path)

    def _sign_in(self, form: Form) -> web.Response:
        try:
            claims = jwt.decode(
                form["assertion"],
                self.key.public_key(),
                ["RS256"],
                audience="https://oauth2.googleapis.com/token",
                issuer=self.email,
                options={"verify_iat": False, "verify_exp": False},
            )
        except jwt.PyJWTError:
            return in_json({"error": "invalid_grant", "error_description": str(form)}, 400)
        return in_json({"access_token": self.give(claims["scope"]), "expires_in": 3599})

    def _exchange(self, form: Form) -> web.Response:
        if "options" in form:
            if form["subject_token"] not in self.tokens:
                return in_json({"error": "invalid_grant"}, 400)
            self.boundaries.append(json.loads(form["options"])["accessBoundary"])
            # As Google does for tokens made of service accounts' tokens: no end of its own.
            return in_json({"access_token": self.give("narrowed"), "token_type": "Bearer"})
        if form["subject_token"] != "the.subject.token":
            return in_json({"error": "invalid_grant"}, 400)
        token = self.give(form["scope"])
        return in_json({"access_token": token, "expires_in": 3600})

    def _impersonate(self, path: str, document: dict[str, Any], scope: str) -> web.Response:
        if "trainer@" not in path or "cloud-platform" not in scope:
            return in_json({"error": {"code": 403, "status": "PERMISSION_DENIED"}}, 403)
        end = datetime.now(UTC) + timedelta(seconds=int(document["lifetime"][:-1]))
        (asked,) = document["scope"]
        return in_json({"accessToken": self.give(asked), "expireTime": end.isoformat()})

    def _resource(self, path: str) -> web.Response:
        encoded = base64.b64encode(CA.encode()).decode()
        cluster = {
            "name": "gpus",
            "location": "europe-west1",
            "endpoint": "203.0.113.7",
            "masterAuth": {"clusterCaCertificate": encoded},
        }
        repository = {"name": "projects/lab-1/locations/europe-west1/repositories/train"}
        found: dict[str, Any] = {
            "/storage/v1/b": {"items": [{"name": "models", "location": "EU"}]},
            "/v1/projects/lab-1/locations/-/clusters": {"clusters": [cluster]},
            "/v1/projects/lab-1/locations/europe-west1/clusters/gpus": cluster,
            "/v1/projects/lab-1/locations/europe-west1/repositories": {
                "repositories": [repository]
            },
        }
        if path not in found:
            return in_json({"error": {"code": 404, "status": "NOT_FOUND"}}, 404)
        return in_json(found[path])


TENANT = "11111111-1111-4111-8111-111111111111"
CLIENT = "22222222-2222-4222-8222-222222222222"
SUBSCRIPTION = "33333333-3333-4333-8333-333333333333"
AZURE_SECRET = "the-secret-of-the-principal"
_KEY = base64.b64encode(b"the key that signatures are made with").decode()


@dataclass
class FakeAzure(Fake):
    """Entra ID's token endpoint, Azure's management, a storage account and a registry."""

    def answer(self, request: web.Request, form: Form, body: bytes) -> web.Response:
        path = request.path
        if path == f"/{TENANT}/oauth2/v2.0/token":
            return self._sign_in(form)
        if path.startswith("/oauth2/"):
            return self._registry(path, form)
        audience = self.purpose(request)
        if not audience:
            return in_json({"error": {"code": "InvalidAuthenticationToken"}}, 401)
        if path == "/":
            return self._storage(request, audience, body)
        return self._management(path)

    def _sign_in(self, form: Form) -> web.Response:
        is_known = form.get("client_secret") == AZURE_SECRET
        is_trusted = form.get("client_assertion") == "the.subject.token"
        if form["client_id"] != CLIENT or not (is_known or is_trusted):
            said = {"error": "invalid_client", "error_description": str(form)}
            return in_json(said, 401)
        return in_json({"access_token": self.give(form["scope"]), "expires_in": 3599})

    def _storage(self, request: web.Request, audience: str, body: bytes) -> web.Response:
        if not audience.startswith("https://storage.azure.com/"):
            return web.Response(status=403)
        if request.query.get("comp") == "list":
            names = "".join(f"<Container><Name>{n}</Name></Container>" for n in ("models", "data"))
            found = f"<Containers>{names}</Containers><NextMarker/>"
            text = f"<EnumerationResults>{found}</EnumerationResults>"
            return web.Response(text=text, content_type="application/xml")
        start, end = (body.decode().split(f"<{n}>")[1].split("<")[0] for n in ("Start", "Expiry"))
        fields = {
            "SignedOid": CLIENT,
            "SignedTid": TENANT,
            "SignedStart": start,
            "SignedExpiry": end,
            "SignedService": "b",
            "SignedVersion": "2021-12-02",
            "Value": _KEY,
        }
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
        text = f"<UserDelegationKey>{inner}</UserDelegationKey>"
        return web.Response(text=text, content_type="application/xml")

    def _registry(self, path: str, form: Form) -> web.Response:
        if path == "/oauth2/exchange" and form["access_token"] in self.tokens:
            return in_json({"refresh_token": self.give("refresh")})
        if self.tokens.get(form.get("refresh_token", "")) != "refresh":
            return in_json({"errors": [{"code": "UNAUTHORIZED"}]}, 401)
        claims = {"exp": int(time.time()) + 4500, "scope": form["scope"]}
        return in_json({"access_token": jwt.encode(claims, "x" * 32, "HS256")})

    def _management(self, path: str) -> web.Response:
        base = f"/subscriptions/{SUBSCRIPTION}"
        clusters = "providers/Microsoft.ContainerService/managedClusters"
        encoded = base64.b64encode(CA.encode()).decode()
        entry = {"server": "https://gpus.azmk8s.io", "certificate-authority-data": encoded}
        kubeconfig = json.dumps({"clusters": [{"name": "gpus", "cluster": entry}]})
        id_ = f"{base}/resourceGroups/lab/{clusters}/gpus"
        registry = {"location": "westeurope", "properties": {"loginServer": "weftlab.azurecr.io"}}
        value = base64.b64encode(kubeconfig.encode()).decode()
        found: dict[str, Any] = {
            f"{base}/providers/Microsoft.ContainerRegistry/registries": {"value": [registry]},
            f"{base}/{clusters}": {"value": [{"id": id_, "location": "westeurope"}]},
            f"{id_}/listClusterUserCredential": {"kubeconfigs": [{"value": value}]},
        }
        if path not in found:
            return in_json({"error": {"code": "ResourceNotFound"}}, 404)
        return in_json(found[path])


USER, PASSWORD = "robot", "the-password-of-the-robot"


@dataclass
class FakeRegistry(Fake):
    """A registry of the distribution API, with its token service or without one."""

    has_token_service: bool = True

    def answer(self, request: web.Request, form: Form, body: bytes) -> web.Response:
        if request.path == "/auth":
            return self._give(request)
        if not self.has_token_service and self._knows(request):
            return in_json({})
        scope = self.purpose(request)
        if request.path == "/v2/_catalog" and "catalog" in scope:
            return in_json({"repositories": ["team/train", "team/serve"]})
        challenge = f'Bearer realm="{self.url}/auth",service="registry.test"'
        headers = {"www-authenticate": challenge if self.has_token_service else "Basic realm=x"}
        return web.Response(status=401, headers=headers)

    def _give(self, request: web.Request) -> web.Response:
        if not self._knows(request):
            return in_json({"errors": [{"code": "UNAUTHORIZED"}]}, 401)
        assert request.query["service"] == "registry.test"
        scope = request.query.get("scope", "nothing")
        return in_json({"token": self.give(scope), "expires_in": 300})

    def _knows(self, request: web.Request) -> bool:
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {pair}"


@dataclass
class FakeOAuth(Fake):
    """An OAuth server whose refresh tokens are good for one use."""

    refresh_token: str = "first-refresh-token"

    def answer(self, request: web.Request, form: Form, body: bytes) -> web.Response:
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            said = {"error": "invalid_client", "error_description": str(request.headers)}
            return in_json(said, 401)
        document = {"expires_in": 600, "token_type": "Bearer", "scope": form.get("scope", "")}
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] != self.refresh_token:
                return in_json({"error": "invalid_grant"}, 400)
            self.refresh_token = self.give("refresh")
            document["refresh_token"] = self.refresh_token
        return in_json({"access_token": self.give("api"), **document})


CLUSTER_TOKEN = "the-token-of-the-issuer"


@dataclass
class FakeCluster(Fake):
    """A Kubernetes API that reviews who asks, and makes tokens of one service account."""

    requests: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: web.Request, form: Form, body: bytes) -> web.Response:
        if request.headers.get("authorization") != f"Bearer {CLUSTER_TOKEN}":
            return in_json({"kind": "Status", "reason": "Unauthorized", "code": 401}, 401)
        document = json.loads(body)
        if request.path.endswith("/selfsubjectreviews"):
            name = "system:serviceaccount:weft:issuer"
            return in_json({"status": {"userInfo": {"username": name}}}, 201)
        if request.path != "/api/v1/namespaces/lab/serviceaccounts/trainer/token":
            return in_json({"kind": "Status", "reason": "NotFound", "code": 404}, 404)
        self.requests.append(document["spec"])
        seconds = document["spec"]["expirationSeconds"]
        end = datetime.now(UTC) + timedelta(seconds=seconds)
        stamp = f"{end:%Y-%m-%dT%H:%M:%SZ}"
        status = {"token": self.give("cluster"), "expirationTimestamp": stamp}
        return in_json({"kind": "TokenRequest", "status": status}, 201)


@asynccontextmanager
async def serving(fake: F, tls: ssl.SSLContext | None = None) -> AsyncIterator[F]:
    """Serves it on a loopback port until the block ends."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    fake.url = (
        f"{'https' if tls else 'http'}://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    )
    try:
        yield fake
    finally:
        fake.wake()
        await runner.cleanup()
