"""FAKES of Vault's KV v2, Google's Secret Manager and Azure's Key Vault, over real HTTP.

Each keeps values in memory and knows as much of the real API's meaning as our stores rely on:
who is let in, 404 for what is absent, versions (Vault, Google), soft deletion and purging
(Azure), AppRole logins (Vault), and tokens for a signed assertion (Google) or a client secret
(Azure). `is_down` answers nothing but 503, `hangs` nothing at all.
"""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass
class FakeStore:
    """A server with values by name: lists of versions."""

    url: str = ""
    values: dict[str, list[Any]] = field(default_factory=dict)
    deleted: dict[str, list[Any]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    is_down: bool = False
    hangs: bool = False

    def texts(self) -> str:
        """Everything that it holds."""
        return str((self.values, self.deleted))

    def issue(self) -> str:
        """A token that opens it."""
        token = uuid4().hex
        self.tokens.add(token)
        return token

    def require_bearer(self, request: web.Request) -> None:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise web.HTTPUnauthorized(text='{"error": "unauthenticated"}')

    @web.middleware
    async def trouble(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.hangs:
            await asyncio.Event().wait()
        if self.is_down:
            raise web.HTTPServiceUnavailable
        return await handler(request)


@asynccontextmanager
async def _serving(fake: FakeStore, routes: list[web.RouteDef]) -> AsyncIterator[None]:
    app = web.Application(middlewares=[fake.trouble])
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield
    finally:
        await runner.cleanup()


class FakeVault(FakeStore):
    """A KV v2 engine at "secret"; `roles` are AppRoles, secret ids by role id."""

    role = ("weft-role", "weft-secret-id")

    async def write(self, request: web.Request) -> web.Response:
        name = self._admit(request)
        document = await request.json()
        if set(document) - {"data", "options"} or not isinstance(document.get("data"), dict):
            raise web.HTTPBadRequest(text='{"errors": ["no data provided"]}')
        versions = self.values.setdefault(name, [])
        versions.append(document["data"])
        return web.json_response({"data": {"version": len(versions), "destroyed": False}})

    async def read(self, request: web.Request) -> web.Response:
        name = self._admit(request)
        if name not in self.values:
            raise web.HTTPNotFound(text='{"errors": []}')
        versions = self.values[name]
        metadata = {"version": len(versions), "destroyed": False}
        return web.json_response({"data": {"data": versions[-1], "metadata": metadata}})

    async def forget(self, request: web.Request) -> web.Response:
        self.values.pop(self._admit(request), None)
        return web.Response(status=204)

    async def log_in(self, request: web.Request) -> web.Response:
        proof = await request.json()
        if (proof["role_id"], proof["secret_id"]) != self.role:
            raise web.HTTPBadRequest(text='{"errors": ["invalid role or secret ID"]}')
        auth = {"client_token": self.issue(), "lease_duration": 3600, "renewable": True}
        return web.json_response({"auth": auth})

    def _admit(self, request: web.Request) -> str:
        if request.headers.get("x-vault-token") not in self.tokens:
            raise web.HTTPForbidden(text='{"errors": ["permission denied"]}')
        return request.match_info["name"]


@asynccontextmanager
async def vault() -> AsyncIterator[FakeVault]:
    fake = FakeVault()
    data, metadata = "/v1/secret/data/{name:.+}", "/v1/secret/metadata/{name:.+}"
    routes = [
        web.post(data, fake.write),
        web.get(data, fake.read),
        web.delete(metadata, fake.forget),
        web.post("/v1/auth/approle/login", fake.log_in),
    ]
    async with _serving(fake, routes):
        yield fake


class FakeSecretManager(FakeStore):
    """Google's, for the project "demo", with its token endpoint."""

    def __init__(self) -> None:
        super().__init__()
        self._key = rsa.generate_private_key(65537, 2048)

    def service_account(self) -> dict[str, str]:
        pem = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return {
            "type": "service_account",
            "client_email": "weft@demo.iam.gserviceaccount.com",
            "private_key": pem.decode(),
            "private_key_id": "1",
            "token_uri": f"{self.url}/token",
        }

    async def exchange(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            raise web.HTTPBadRequest(text='{"error": "unsupported_grant_type"}')
        try:
            jwt.decode(
                str(form["assertion"]),
                self._key.public_key(),
                algorithms=["RS256"],
                audience=f"{self.url}/token",
                options={"require": ["iss", "scope", "exp", "iat"]},
            )
        except jwt.PyJWTError as error:
            raise web.HTTPBadRequest(text='{"error": "invalid_grant"}') from error
        return web.json_response({"access_token": self.issue(), "expires_in": 3599})

    async def create(self, request: web.Request) -> web.Response:
        self.require_bearer(request)
        name = request.query["secretId"]
        if name in self.values:
            raise web.HTTPConflict(text='{"error": {"status": "ALREADY_EXISTS"}}')
        assert (await request.json())["replication"] == {"automatic": {}}
        self.values[name] = []
        return web.json_response({"name": f"projects/1/secrets/{name}"})

    async def add(self, request: web.Request) -> web.Response:
        data = (await request.json())["payload"]["data"]
        self._versions(request).append(base64.b64decode(data))
        return web.json_response({"state": "ENABLED"})

    async def access(self, request: web.Request) -> web.Response:
        versions = self._versions(request)
        if not versions:
            raise web.HTTPNotFound(text='{"error": {"status": "NOT_FOUND"}}')
        data = base64.b64encode(versions[-1]).decode()
        return web.json_response({"payload": {"data": data}})

    async def delete(self, request: web.Request) -> web.Response:
        self._versions(request)
        del self.values[request.match_info["name"]]
        return web.json_response({})

    def _versions(self, request: web.Request) -> list[Any]:
        self.require_bearer(request)
        name = request.match_info["name"]
        if name not in self.values:
            raise web.HTTPNotFound(text='{"error": {"status": "NOT_FOUND"}}')
        return self.values[name]


@asynccontextmanager
async def secret_manager() -> AsyncIterator[FakeSecretManager]:
    fake, base = FakeSecretManager(), "/v1/projects/demo/secrets"
    name = base + "/{name:[A-Za-z0-9_-]{1,255}}"
    routes = [
        web.post("/token", fake.exchange),
        web.post(base, fake.create),
        web.post(f"{name}:addVersion", fake.add),
        web.get(f"{name}/versions/latest:access", fake.access),
        web.delete(name, fake.delete),
    ]
    async with _serving(fake, routes):
        yield fake


class FakeKeyVault(FakeStore):
    """Azure's, with the token endpoint of its directory."""

    client = ("weft-app", "weft-client-secret")

    async def exchange(self, request: web.Request) -> web.Response:
        form = await request.post()
        known = (form["client_id"], form["client_secret"]) == self.client
        if not known or form["scope"] != "https://vault.azure.net/.default":
            raise web.HTTPUnauthorized(text='{"error": "invalid_client"}')
        return web.json_response({"access_token": self.issue(), "expires_in": 3599})

    async def put(self, request: web.Request) -> web.Response:
        name = self._admit(request)
        value = (await request.json())["value"]
        if name in self.deleted:
            raise web.HTTPConflict(text='{"error": {"code": "ObjectIsDeletedButRecoverable"}}')
        if len(value) > 25_000:
            raise web.HTTPBadRequest(text='{"error": {"code": "BadParameter"}}')
        self.values.setdefault(name, []).append(value)
        return web.json_response({"id": f"{self.url}/secrets/{name}/1"})

    async def get(self, request: web.Request) -> web.Response:
        name = self._admit(request)
        if name not in self.values:
            raise web.HTTPNotFound(text='{"error": {"code": "SecretNotFound"}}')
        return web.json_response({"value": self.values[name][-1]})

    async def delete(self, request: web.Request) -> web.Response:
        name = self._admit(request)
        if name not in self.values:
            raise web.HTTPNotFound(text='{"error": {"code": "SecretNotFound"}}')
        self.deleted[name] = self.values.pop(name)
        return web.json_response({"recoveryId": f"{self.url}/deletedsecrets/{name}"})

    async def purge(self, request: web.Request) -> web.Response:
        self.deleted.pop(self._admit(request), None)
        return web.Response(status=204)

    def _admit(self, request: web.Request) -> str:
        self.require_bearer(request)
        if request.query.get("api-version") != "7.4":
            raise web.HTTPBadRequest(text='{"error": {"code": "BadParameter"}}')
        return request.match_info["name"]


@asynccontextmanager
async def key_vault() -> AsyncIterator[FakeKeyVault]:
    fake, name = FakeKeyVault(), "{name:[A-Za-z0-9-]{1,127}}"
    routes = [
        web.post("/tenant/oauth2/v2.0/token", fake.exchange),
        web.put(f"/secrets/{name}", fake.put),
        web.get(f"/secrets/{name}", fake.get),
        web.delete(f"/secrets/{name}", fake.delete),
        web.delete(f"/deletedsecrets/{name}", fake.purge),
    ]
    async with _serving(fake, routes):
        yield fake
