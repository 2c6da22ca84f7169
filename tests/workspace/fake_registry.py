"""A container registry in memory that speaks the part of its protocol that pushes begin with.

Logins are exchanged for tokens at another path of the same host, as with the real ones.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

TOKEN = "a-token-for-pushing"


@dataclass
class FakeRegistry:
    """Lets one user push to one repository."""

    username: str = "robot"
    password: str = "hunter2"
    repository: str = "team/train"
    host: str = ""
    # How it asks for a login, and what it does where nobody is asked.
    scheme: str = "bearer"
    realm: str = ""
    uploads: dict[str, str] = field(default_factory=dict)
    begun: int = 0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/token", self._token),
            web.post("/v2/{repository:.+}/blobs/uploads/", self._begin),
            web.delete("/v2/{repository:.+}/blobs/uploads/{id}", self._cancel),
        ]

    async def _token(self, request: web.Request) -> web.Response:
        if not self._knows(request):
            return _refuse(401, "UNAUTHORIZED", "wrong user or password")
        scope = f"repository:{self.repository}:pull,push"
        token = TOKEN if request.query["scope"] == scope else "a-token-for-nothing"
        return web.json_response({"token": token})

    async def _begin(self, request: web.Request) -> web.Response:
        given = request.headers.get("authorization", "")
        if not given:
            return self._challenge()
        is_known = given == f"Bearer {TOKEN}" if self.scheme == "bearer" else self._knows(request)
        repository = request.match_info["repository"]
        if not is_known or repository != self.repository:
            return _refuse(403, "DENIED", "requested access to the resource is denied")
        self.begun += 1
        self.uploads[str(self.begun)] = repository
        location = f"/v2/{repository}/blobs/uploads/{self.begun}"
        return web.Response(status=202, headers={"location": location})

    async def _cancel(self, request: web.Request) -> web.Response:
        del self.uploads[request.match_info["id"]]
        return web.Response(status=204)

    def _challenge(self) -> web.Response:
        asks = 'Basic realm="registry"'
        if self.scheme == "bearer":
            realm = self.realm or f"http://{self.host}/token"
            asks = f'Bearer realm="{realm}",service="registry"'
        answer = _refuse(401, "UNAUTHORIZED", "authentication required")
        answer.headers["www-authenticate"] = asks
        return answer

    def _knows(self, request: web.Request) -> bool:
        given = request.headers.get("authorization", "")
        pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return given == f"Basic {pair}"


def _refuse(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"errors": [{"code": code, "message": message}]}, status=status)


@asynccontextmanager
async def fake_registry(**settings: str) -> AsyncIterator[FakeRegistry]:
    """Serves it on a loopback port until the block ends."""
    registry = FakeRegistry(**settings)
    app = web.Application()
    app.add_routes(registry.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    registry.host = f"127.0.0.1:{port}"
    try:
        yield registry
    finally:
        await runner.cleanup()
