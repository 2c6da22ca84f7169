"""A workspace whose stack has images built by workloads, for tests that play the builder."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import grpc

from tests.workspace.fakes import FakeManager
from tests.workspace.harness import Harness
from tests.workspace.stacks import new_component, new_stack
from weftapi.workloads.v1 import workloads_pb2
from weftapi.workspace.v1 import builds_pb2, run_types_pb2, runs_pb2, snapshots_pb2

BASE = f"registry.example.com/base/python:3.11@sha256:{'b' * 64}"
DIGEST = f"sha256:{'d' * 64}"
ROOT = "registry.example.com/team/weft"
STATE = builds_pb2.BuildState
RECIPE = builds_pb2.ImageRecipe(
    base=BASE, requirements=["click==8.1 --hash=sha256:00"], build_arguments={"A": "b"}
)


def image(tag: str = "weft-1", **fields: Any) -> builds_pb2.BuildImage:
    return builds_pb2.BuildImage(**{"uri": f"{ROOT}:{tag}", "recipe": RECIPE, **fields})


def request(*tags: str, **fields: Any) -> builds_pb2.CreateBuildRequest:
    first, *others = tags or ("weft-1",)
    build = builds_pb2.Build(
        pipeline="projects/demo/pipelines/train",
        checksum=hashlib.sha256(first.encode()).hexdigest(),
        image=image(first),
        step_images={f"step-{tag}": image(tag) for tag in others},
        stack="stacks/boxed",
    )
    build.MergeFrom(builds_pb2.Build(**fields))
    return builds_pb2.CreateBuildRequest(parent="projects/demo", build=build)


class World:
    """A workspace with a stack that builds, and its manager."""

    def __init__(self, ws: Harness, manager: FakeManager) -> None:
        self.ws = ws
        self.manager = manager

    async def set_up(self) -> None:
        await self.ws.create_project()
        secret = {"registry": "registry.example.com", "repository": "team/weft"}
        registry = await new_component(self.ws, "registry", "generic-container-registry", secret)
        builder = await new_component(self.ws, "builder", "in-cluster-image-builder")
        await new_stack(self.ws, "boxed", registry.name, builder.name)

    async def create(self, *tags: str) -> builds_pb2.Build:
        return await self.ws.builds().CreateBuild(request(*tags))

    async def run_with(self, build: builds_pb2.Build) -> run_types_pb2.Run:
        snapshot = await self.ws.create_snapshot(build=build.name)
        asked = snapshots_pb2.RunSnapshotRequest(name=snapshot.name)
        return await self.ws.snapshots().RunSnapshot(asked)

    async def submission(self, number: int) -> workloads_pb2.SubmitWorkloadRequest:
        """The workload that is submitted as this one, from 0."""
        async with asyncio.timeout(30):
            while len(self.manager.submissions) <= number:
                self.manager.submitted.clear()
                await self.manager.submitted.wait()
        return self.manager.submissions[number]

    async def until(self, build: builds_pb2.Build, state: int, words: str = "") -> builds_pb2.Build:
        return await self.seen(
            build, lambda found: found.state == state and words in found.state_reason
        )

    async def seen(
        self, build: builds_pb2.Build, holds: Callable[[builds_pb2.Build], bool]
    ) -> builds_pb2.Build:
        async with asyncio.timeout(30):
            while True:
                found = await self.ws.builds().GetBuild(builds_pb2.GetBuildRequest(name=build.name))
                if holds(found):
                    return found
                await asyncio.sleep(0.05)

    async def cancel(self, build: builds_pb2.Build) -> None:
        await self.ws.builds().CancelBuild(builds_pb2.CancelBuildRequest(name=build.name))

    async def delete(self, build: builds_pb2.Build) -> None:
        """As soon as its workload was told."""
        asked = builds_pb2.DeleteBuildRequest(name=build.name)
        async with asyncio.timeout(30):
            while True:
                try:
                    await self.ws.builds().DeleteBuild(asked)
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.05)
                else:
                    return

    async def told(self, run: run_types_pb2.Run, words: str) -> run_types_pb2.Run:
        """The run, as soon as it says so of itself, or ends."""
        asked = runs_pb2.WatchRunRequest(name=run.name, send_initial_state=True)
        async with asyncio.timeout(30):
            async for response in self.ws.runs().WatchRun(asked):
                for event in response.events:
                    if event.name == run.name and words in event.run.state_reason:
                        return event.run
        raise AssertionError(f"the watch ended before {words}")

    def end_well(self, workload: str, digest: str = DIGEST) -> None:
        name = f"workloads/{workload}"
        text = f"Successfully installed click\nweft-image {digest}\n"
        self.manager.said[name] = "".join(
            f"2026-11-22T18:00:00.0Z stdout F {line}\n" for line in text.splitlines()
        ).encode()
        self.manager.end(name, "SUCCEEDED")

    def end_badly(self, workload: str, words: str) -> None:
        name = f"workloads/{workload}"
        self.manager.said[name] = f"2026-11-22T18:00:00.0Z stderr F {words}\n".encode()
        self.manager.end(name, "FAILED", code=1, message="It ended with exit code 1.")
