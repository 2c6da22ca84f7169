"""A gateway before a real control plane, and browsers that keep cookies as they do."""

import contextlib
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import weftapi
from gateway.app import Gateway, Policy
from gateway.arriving import Arriving
from gateway.callback import Callback
from gateway.contract import Contract
from gateway.routes import RouteTable
from gateway.sessions import Sessions
from gateway.signing_in import SigningIn
from gateway.static import Dashboard
from gateway.upstreams import Upstream, Upstreams
from tests.controlplane import harness
from tests.controlplane.harness import ADMIN_EMAIL, PASSWORD, Plane
from tests.gateway import toy as toys
from tests.gateway.toy import Reply

SESSION = "__Host-weft_session"
OWN_PAGE = {"sec-fetch-site": "same-origin", "x-weft-csrf": "1"}
CONTRACT = Contract.load(Path(weftapi.__path__[0]) / "weftapi.protoset")
PRINCIPAL = "/api/controlplane/v1/principal"


class Browser:
    """Keeps cookies, and says with each request which page it comes from."""

    def __init__(self, app: Gateway, *, address: str = "192.0.2.7") -> None:
        self._ask = toys.Client(app, address=address)
        self.cookies: dict[str, str] = {}
        self.set_cookie: list[str] = []

    async def __call__(
        self, method: str, target: str, json_body: Any = None, **headers: str
    ) -> Reply:
        """One request of our own page; header names have underscores, and "" leaves one out."""
        told = {**OWN_PAGE, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.cookies:
            told["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        told = {name: value for name, value in told.items() if value}
        reply = await self._ask(method, target, json_body=json_body, headers=told)
        self.set_cookie = [v.decode() for k, v in reply.raw_headers if k == b"set-cookie"]
        for line in self.set_cookie:
            self._take(line)
        return reply

    def _take(self, line: str) -> None:
        for name, morsel in SimpleCookie(line).items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value

    async def sign_in(self, email: str = ADMIN_EMAIL, password: str = PASSWORD) -> Reply:
        return await self("POST", "/auth/session", {"email": email, "password": password})


class Site:
    """The gateway of a control plane; `toy` stands where a workspace serves."""

    def __init__(self, plane: Plane, control_plane: Upstream, workspace: Upstream, **policy: Any):
        services = CONTRACT.services("weftapi.controlplane.v1")
        upstreams = Upstreams([control_plane], workspace_services=toys.NAMES)
        upstreams.replace_workspaces({"lab": workspace})
        self.plane = plane
        self._behind = (control_plane, workspace)

        def now() -> float:
            return plane.clock.now().timestamp()

        self.sessions = Sessions(control_plane, now=now)
        signing_in = SigningIn(control_plane, self.sessions, upstreams, now=now)
        base = policy.get("base", "")
        public_url = policy.pop("public_url", plane.settings.public_url)
        self.app = Gateway(
            CONTRACT,
            RouteTable([*services, *toys.SERVICES]),
            upstreams,
            pages={
                **Callback(control_plane).pages(),
                **signing_in.pages(),
                **Arriving(
                    control_plane,
                    signing_in,
                    public_url=public_url,
                    base=base,
                ).pages(),
            },
            sessions=self.sessions,
            dashboard=Dashboard(),
            policy=Policy(**policy),
        )

    def browser(self, **settings: Any) -> Browser:
        return Browser(self.app, **settings)

    def beside(self, **policy: Any) -> "Site":
        """Another gateway before the same services."""
        return Site(self.plane, *self._behind, **policy)


@contextlib.asynccontextmanager
async def site(plane: Plane, admin: Any, toy: toys.Toy, **policy: Any) -> AsyncIterator[Site]:
    """A gateway that dials a control plane as itself, and the toy as the workspace "lab"."""
    await plane.new_workspace(admin, "lab")
    member = await plane.enroll(admin, harness.GATEWAY, "lab")
    mesh = (await plane.mesh(member.pair)).channel
    names = frozenset(s.full_name for s in CONTRACT.services("weftapi.controlplane.v1"))
    async with toys.upstream(toy.address) as channels:
        workspace = Upstream(
            "lab",
            toys.NAMES,
            channels.unary,
            channels.streams,
            workspace=f"{harness.ORGANIZATION}/workspaces/lab",
        )
        control_plane = Upstream("controlplane", names, lambda: mesh, lambda: mesh)
        yield Site(plane, control_plane, workspace, **policy)


async def site_before_setup(plane: Plane) -> Site:
    """A gateway of a control plane that has no administrator, and so nobody to enroll it yet."""
    edge = (await plane.edge()).channel
    names = frozenset(s.full_name for s in CONTRACT.services("weftapi.controlplane.v1"))
    control_plane = Upstream("controlplane", names, lambda: edge, lambda: edge)
    return Site(plane, control_plane, control_plane)
