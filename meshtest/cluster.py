"""A fake cluster below a mesh: workloads are pods, which are processes of this machine."""

import os
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

from meshkit.channels import Channels
from meshkit.credentials import Credentials
from meshtest.kubernetes.cluster import FakeCluster
from meshtest.mesh import Mesh, addresses
from weftapi.workloads.v1 import capacity_pb2, workloads_pb2
from workloads.config import WorkloadsSettings
from workloads.server import build
from workspace.launching.managers import ManagerChannel

T = TypeVar("T")


class ClusterBelow:
    """The real workload manager with its Kubernetes engine, over a fake cluster."""

    def __init__(self, mesh: Mesh, directory: Path) -> None:
        self._mesh = mesh
        self._directory = directory
        self._closing = AsyncExitStack()
        self.fake = FakeCluster(directory)
        # The code of the tests, as an image would have it.
        self.fake.kubelet.environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.manager: ManagerChannel

    async def start(self) -> None:
        """Starts the cluster and its manager, which joins the mesh."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.fake)
            await self._manage(stack)
            self._closing = stack.pop_all()

    async def stop(self) -> None:
        """Ends all pods, and stops both."""
        await self._closing.aclose()

    async def ask(self, question: Callable[[FakeCluster], T]) -> T:
        """Asks the cluster something, on the loop that it lives on."""
        return question(self.fake)

    async def _manage(self, stack: AsyncExitStack) -> None:
        settings = self._settings()
        manager = await build(settings)
        ports = await manager.start()
        stack.push_async_callback(manager.stop)
        services = (
            workloads_pb2.DESCRIPTOR.services_by_name["WorkloadService"],
            capacity_pb2.DESCRIPTOR.services_by_name["CapacityService"],
        )
        channels = Channels(self._mesh.credentials, services=services)
        stack.push_async_callback(channels.close)
        identity = Credentials(settings.credentials_dir).identity
        channel = channels.to(identity, f"127.0.0.1:{ports.mesh}")
        self.manager = ManagerChannel(str(identity.uid), channel)

    def _settings(self) -> WorkloadsSettings:
        token = self._directory / "enrollment-token"
        token.write_text(self._mesh.manager_token, encoding="utf-8")
        return WorkloadsSettings(
            engine="kubernetes",
            state_dir=self._directory / "manager",
            credentials_dir=self._directory / "credentials",
            kubernetes_config=str(self.fake.kubeconfig),
            kubernetes_image=self.fake.image,
            control_plane_endpoint=self._mesh.place.control_plane,
            enrollment_token_file=token,
            allowed_workspaces=(self._mesh.credentials.identity.uid,),
            end_on_stop=True,
            grace_s=1.0,
            drain_s=1.0,
            **addresses(),
        )
