"""A workload manager that exists in memory only, with the protocol of the real one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import grpc

from weftapi.workloads.v1 import capacity_pb2, workloads_pb2


class FakeError(grpc.aio.AioRpcError):
    """What a stub raises."""

    def __init__(self, code: grpc.StatusCode, details: str = "") -> None:
        super().__init__(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details)


class FakeManager:
    """Keeps workloads, tells their changes, and fails when told to."""

    def __init__(self) -> None:
        self.uid = str(uuid4())
        self.display_name = ""
        self.workloads: dict[str, workloads_pb2.Workload] = {}
        self.pools = {"pools/machine": capacity_pb2.Pool(name="pools/machine")}
        # What is said of whoever asks for more than so many cores; nothing of nobody at 0.
        self.largest_cpu_millis = 0
        self.can_grow = False
        self.checks = 0
        self.submissions: list[workloads_pb2.SubmitWorkloadRequest] = []
        self.cancellations: list[workloads_pb2.CancelWorkloadRequest] = []
        self.validations: list[workloads_pb2.ValidateWorkloadRequest] = []
        self.engine = "process"
        self.problems: list[str] = []
        self.said: dict[str, bytes] = {}
        self.fail_submit: FakeError | None = None
        self.lose_answer = False
        self.is_down = False
        # Its nodes do not answer: it knows how workloads stand, and not what they wrote.
        self.is_mute = False
        self.revision = 0
        self.watchers = 0
        self.submitted = asyncio.Event()
        self.cancelled = asyncio.Event()
        self._generation = 0
        self._changed = asyncio.Event()

    # The port.
    @property
    def is_known(self) -> bool:
        return True

    @property
    def is_present(self) -> bool:
        return bool(self.all())

    def choose(self, wanted: str) -> "FakeManager | None":
        managers = self.all()
        return managers.get(wanted) if wanted else next(iter(managers.values()), None)

    def require(self) -> None:
        return None

    def calls(self) -> Any:
        return self

    def streams(self) -> Any:
        return self

    def capacity(self) -> Any:
        return self

    def all(self) -> dict[str, "FakeManager"]:
        return {self.uid: self}

    # The services.
    async def SubmitWorkload(self, request: Any, **_: float) -> Any:
        self._require_up()
        if self.fail_submit:
            raise self.fail_submit
        self.submissions.append(request)
        self.submitted.set()
        name = f"workloads/{request.workload_id}"
        if name in self.workloads:
            raise FakeError(grpc.StatusCode.ALREADY_EXISTS, "WORKLOAD_CONFLICT")
        workload = workloads_pb2.Workload()
        workload.CopyFrom(request.workload)
        workload.ClearField("secret_files")
        workload.name, workload.uid = name, str(uuid4())
        workload.state = workloads_pb2.WORKLOAD_STATE_QUEUED
        self.workloads[name] = workload
        self._tell(workload)
        if self.lose_answer:
            raise FakeError(grpc.StatusCode.UNAVAILABLE, "the answer was lost")
        return workload

    async def ValidateWorkload(self, request: Any, **_: float) -> Any:
        self._require_up()
        self.validations.append(request)
        return workloads_pb2.ValidateWorkloadResponse(engine=self.engine, problems=self.problems)

    async def ListPools(self, _request: Any, **_: float) -> Any:
        self._require_up()
        return capacity_pb2.ListPoolsResponse(pools=self.pools.values())

    async def GetPool(self, request: Any, **_: float) -> Any:
        self._require_up()
        if request.name not in self.pools:
            raise FakeError(grpc.StatusCode.NOT_FOUND)
        return self.pools[request.name]

    async def CordonPool(self, request: Any, **_: float) -> Any:
        pool = await self.GetPool(request)
        pool.cordon.creator, pool.cordon.reason = request.creator, request.reason
        return pool

    async def UncordonPool(self, request: Any, **_: float) -> Any:
        pool = await self.GetPool(request)
        pool.ClearField("cordon")
        return pool

    async def CheckResources(self, request: Any, **_: float) -> Any:
        self._require_up()
        self.checks += 1
        problems = [
            capacity_pb2.ResourceProblem(
                index=index,
                message=f"It asks for {each.resources.cpu_millis} of {self.largest_cpu_millis}.",
                is_warning=self.can_grow,
            )
            for index, each in enumerate(request.workloads)
            if 0 < self.largest_cpu_millis < each.resources.cpu_millis
        ]
        return capacity_pb2.CheckResourcesResponse(problems=problems)

    async def GetWorkload(self, request: Any, **_: float) -> Any:
        self._require_up()
        if request.name not in self.workloads:
            raise FakeError(grpc.StatusCode.NOT_FOUND)
        return self.workloads[request.name]

    async def CancelWorkload(self, request: Any, **_: float) -> Any:
        self._require_up()
        self.cancellations.append(request)
        self.cancelled.set()
        if request.name not in self.workloads:
            raise FakeError(grpc.StatusCode.NOT_FOUND)
        self.end(request.name, "CANCELLED", reason="cancelled")
        return self.workloads[request.name]

    async def WatchWorkloads(self, _request: Any) -> AsyncIterator[Any]:
        self._require_up()
        self.watchers += 1
        seen, generation = self.revision, self._generation
        yield workloads_pb2.WatchWorkloadsResponse(
            revision=seen, workloads=list(self.workloads.values()), initial_complete=True
        )
        while True:
            await self._changed.wait()
            self._changed.clear()
            if generation != self._generation:
                raise FakeError(grpc.StatusCode.UNAVAILABLE, "restarted")
            changed = [w for w in self.workloads.values() if w.revision > seen]
            seen = self.revision
            yield workloads_pb2.WatchWorkloadsResponse(revision=seen, workloads=changed)

    async def TailWorkloadLogs(self, request: Any) -> AsyncIterator[Any]:
        self._require_up()
        if self.is_mute:
            raise FakeError(grpc.StatusCode.UNAVAILABLE, "the node does not answer")
        said = self.said.get(request.name, b"")
        for start in range(0, len(said), 1000):
            yield workloads_pb2.TailWorkloadLogsResponse(data=said[start : start + 1000])
        yield workloads_pb2.TailWorkloadLogsResponse(end_of_stream=True)

    # What a test makes happen.
    def wait(self, name: str, words: str) -> None:
        self._move(name, "PENDING", words)

    def run(self, name: str) -> None:
        self._move(name, "RUNNING", "It runs.")

    def end(self, name: str, state: str, *, reason: str = "", **exit_: Any) -> None:
        workload = self.workloads[name]
        workload.exit.CopyFrom(workloads_pb2.WorkloadExit(**exit_))
        self._move(name, state, reason)

    def restart(self) -> None:
        """Ends every watch; what was deleted meanwhile is simply not there."""
        self._generation += 1
        self._changed.set()

    def _move(self, name: str, state: str, reason: str) -> None:
        workload = self.workloads[name]
        workload.state = workloads_pb2.WorkloadState.Value(f"WORKLOAD_STATE_{state}")
        workload.state_reason = reason
        self._tell(workload)

    def _tell(self, workload: workloads_pb2.Workload) -> None:
        self.revision += 1
        workload.revision = self.revision
        self._changed.set()

    def _require_up(self) -> None:
        if self.is_down:
            raise FakeError(grpc.StatusCode.UNAVAILABLE, "down")
