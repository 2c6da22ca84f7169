"""`weft login` in a browser: command line, gateway, control plane and a real OpenID provider."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.config import GatewaySettings
from gateway.server import build as build_gateway
from tests.controlplane.harness import (
    GATEWAY,
    ORGANIZATION,
    Client,
    Plane,
    bind,
    running,
)
from tests.controlplane.oidc_provider import browser
from tests.controlplane.oidc_provider.process import Providers
from tests.controlplane.sign_on import CALLBACK, SETTINGS, add_provider, registration, sign_in
from weft._contexts import ContextStore
from weftapi.controlplane.v1 import enrollments_pb2, organizations_pb2

OPTIONS = {"edge_address": "127.0.0.1:0", "health_address": "127.0.0.1:0"}


@dataclass
class World:
    """Everything that a sign-in passes through, and a person with a terminal and a browser."""

    plane: Plane
    admin: Client
    providers: Providers
    gateway: str
    directory: Path

    @property
    def ca_file(self) -> str:
        return str(self.plane.settings.data_dir / "ca.pem")

    async def weft(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        """Types a `weft` command: exit code, output, errors."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "weft",
            *arguments,
            env={
                **{k: v for k, v in os.environ.items() if k != "SSH_CONNECTION"},
                "WEFT_CONFIG_DIR": str(self.directory / "config"),
                "BROWSER": f"{sys.executable} {browser.__file__} %s",
                "TEST_CA": self.ca_file,
                "TEST_CALLBACK": CALLBACK,
                **environment,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def log_in(
        self, id_: str, login: str, *options: str, organization: str = "default", **variables: str
    ) -> Any:
        edge = f"localhost:{self.plane.server.ports.edge}"
        return await self.weft(
            *("login", edge, "--ca", self.ca_file, *options),
            TEST_LOGIN=login,
            TEST_GATEWAY=f"{self.gateway}/oauth2/callback/{organization}/{id_}",
            **variables,
        )

    @property
    def organization(self) -> str:
        """The one in which the command line works now."""
        return ContextStore(self.directory / "config").current().organization


@pytest.fixture(scope="module")
def providers() -> Iterator[Providers]:
    launched = Providers.launch()
    yield launched
    launched.close()


@pytest.fixture
async def world(tmp_path: Path, sqlite_url: str, providers: Providers) -> AsyncIterator[World]:
    async with running(tmp_path, sqlite_url, **SETTINGS) as plane:
        admin = await plane.set_up()
        workspace = await plane.new_workspace(admin, "default")
        enrollment = enrollments_pb2.Enrollment(
            role=GATEWAY, workspaces=[workspace.name], host_names=["localhost"]
        )
        created = await admin.workspaces.CreateEnrollment(
            enrollments_pb2.CreateEnrollmentRequest(parent=ORGANIZATION, enrollment=enrollment)
        )
        token_file = tmp_path / "token"
        token_file.write_text(created.token)
        settings = GatewaySettings(
            credentials_dir=tmp_path / "gateway",
            control_plane_endpoint=f"localhost:{plane.server.ports.edge}",
            enrollment_token_file=token_file,
            metrics_address="127.0.0.1:0",
            drain_s=1.0,
            **OPTIONS,
        )
        gateway = await build_gateway(settings)
        ports = await gateway.start()
        yield World(plane, admin, providers, f"https://localhost:{ports.edge}", tmp_path)
        await gateway.stop()


async def test_the_browser_signs_the_command_line_in(world: World) -> None:
    real = world.providers.start([registration("okta")], {"grace": {"name": "Grace"}})
    await add_provider(world.admin, "okta", real.issuer)
    code, _, told = await world.log_in("okta", "grace")
    assert (code, "you have no role in any organization yet" in told) == (0, True), told
    grace = await sign_in(world.plane, "okta", "grace")
    await bind(world.admin, grace.subject, "viewer", ORGANIZATION)
    code, _, told = await world.log_in("okta", "grace", "--provider", "okta")
    assert code == 0, told
    code, out, told = await world.weft("whoami", "-o", "json")
    assert json.loads(out)["subject"] == grace.subject, told
    await add_provider(world.admin, "entra", "https://entra.example")
    code, _, told = await world.log_in("okta", "grace")
    assert (code, "choose an identity provider with --provider: entra, okta" in told) == (2, True)


async def test_whoever_refuses_is_not_signed_in(world: World) -> None:
    real = world.providers.start([registration("okta")], {"grace": {"name": "Grace"}})
    await add_provider(world.admin, "okta", real.issuer)
    code, _, told = await world.log_in("okta", "grace", TEST_REFUSE="1")
    assert (code, "The identity provider refused the sign-in" in told) == (4, True), told
    code, _, told = await world.log_in("okta", "grace", "--provider", "entra")
    assert (code, "known are: okta" in told) == (5, True), told


async def test_another_organization_s_provider_leads_into_that_organization(world: World) -> None:
    request = organizations_pb2.CreateOrganizationRequest(organization_id="other")
    other = (await world.admin.organizations.CreateOrganization(request)).name
    client = registration("okta")
    client["redirect_uris"] += registration("okta", organization="other")["redirect_uris"]
    real = world.providers.start([client], {"grace": {"name": "Grace"}})
    await add_provider(world.admin, "okta", real.issuer, parent=other)
    there = ("okta", "grace", "--organization", "other")
    code, _, told = await world.log_in("okta", "grace", "--provider", "okta")
    assert (code, "known are: none" in told) == (5, True), told
    code, _, told = await world.log_in(*there, organization="other")
    assert (code, "you have no role in other yet" in told) == (0, True), told
    await add_provider(world.admin, "okta", real.issuer)
    grace = await sign_in(world.plane, "okta", "grace")
    for organization in (ORGANIZATION, other):
        await bind(world.admin, grace.subject, "viewer", organization, parent=organization)
    code, _, told = await world.log_in(*there, organization="other")
    assert code == 0, told
    assert world.organization == other
    code, _, told = await world.log_in("okta", "grace")
    assert code == 0, told
    assert world.organization == ORGANIZATION
