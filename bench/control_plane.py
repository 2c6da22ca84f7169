"""A control plane of its own, with an administrator, for what happens there."""

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc

from bench.processes import Process, running
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

ORGANIZATION = "organizations/default"


class ControlPlane:
    """Its directory; it is killed and comes back on the same ports as often as one likes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._data = directory / "controlplane"
        self._token = ""
        self.ports: dict[str, int] = {}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Process]:
        """One that is killed when the block ends."""
        self._data.mkdir(parents=True, exist_ok=True)
        ready = self._directory / "ready.json"
        ready.unlink(missing_ok=True)
        settings = {
            "DATA_DIR": str(self._data),
            "READY_FILE": str(ready),
            "RATE_PER_SECOND": "100000",
            "RATE_BURST": "100000",
            "SIGN_IN_PER_MINUTE": "1000000",
            "ACCESS_TOKEN_S": "3600",
            "LOG_LEVEL": "warning",
            **{
                f"{name.upper()}_ADDRESS": f"127.0.0.1:{self.ports.get(name, 0)}"
                for name in ("edge", "mesh", "health", "metrics")
            },
        }
        given = {f"WEFT_CONTROLPLANE_{name}": text for name, text in settings.items()}
        log = self._directory / "controlplane.log"
        with contextlib.suppress(ProcessLookupError):
            async with running(["-m", "controlplane"], ready, log, **given) as process:
                self.ports = {name: process.ports[name] for name in ("edge", "mesh")}
                try:
                    yield process
                finally:
                    os.kill(process.pid, signal.SIGKILL)

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[grpc.aio.Channel]:
        """A connection to its edge; `metadata` says that the administrator calls."""
        trust = (self._data / "ca.pem").read_bytes()
        target = f"localhost:{self.ports['edge']}"
        own = [("grpc.use_local_subchannel_pool", 1)]
        credentials = grpc.ssl_channel_credentials(trust)
        async with grpc.aio.secure_channel(target, credentials, own) as channel:
            if not self._token:
                await self._set_up(channel)
            yield channel

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self._token}"),)

    async def _set_up(self, channel: grpc.aio.Channel) -> None:
        request = auth_pb2.CreateFirstAdministratorRequest(
            setup_token=(self._data / "setup-token").read_text(),
            email="bench@example.com",
            password="correct horse battery",
        )
        stub = auth_pb2_grpc.AuthServiceStub(channel)
        self._token = (await stub.CreateFirstAdministrator(request)).access_token
