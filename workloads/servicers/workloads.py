"""WorkloadService: what workspaces ask of the workload manager."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf import duration_pb2, empty_pb2, timestamp_pb2
from google.protobuf.message import Message

from meshkit.caller import current_call
from meshkit.paging import ListQuery, OrderKey, Orders, PageTokens
from meshkit.streams import OpenStream, current_stream
from weftapi.common.v1 import types_pb2
from weftapi.workloads.v1 import workloads_pb2, workloads_pb2_grpc
from workloads.feed import Feed, Versioned
from workloads.launchers import Launcher
from workloads.model import Environment, Exit, Secrets, Workload, WorkloadKey, WorkloadSpec
from workloads.operations.workloads import Workloads
from workloads.servicers.pods import pod_from_proto, pod_to_proto

_BOOKMARK_S = 15.0
_LOG_BYTES = 64 << 10
# S8.
_BATCH_ITEMS, _BATCH_BYTES = 512, 256 << 10
_ORDERS = Orders(
    keys=(OrderKey("id", value=lambda found: found.key.id),),
    uid=OrderKey("uid", value=lambda found: str(found.workload.uid)),
    default="id",
)


class WorkloadServicer(workloads_pb2_grpc.WorkloadServiceServicer):
    """Serves each workspace its own workloads."""

    def __init__(
        self, workloads: Workloads, feed: Feed, launcher: Launcher, tokens: PageTokens
    ) -> None:
        self._workloads = workloads
        self._feed = feed
        self._epoch = str(feed.epoch)
        self._launcher = launcher
        self._tokens = tokens

    async def SubmitWorkload(
        self, request: workloads_pb2.SubmitWorkloadRequest, _context: Any
    ) -> workloads_pb2.Workload:
        key = WorkloadKey(_owner(), request.workload_id)
        secrets = Secrets(dict(request.workload.secret_files))
        return workload_to_proto(
            *await self._workloads.submit(key, spec_from_proto(request.workload), secrets)
        )

    async def ValidateWorkload(
        self, request: workloads_pb2.ValidateWorkloadRequest, _context: Any
    ) -> workloads_pb2.ValidateWorkloadResponse:
        secrets = Secrets(dict(request.workload.secret_files))
        problems = await self._workloads.validate(spec_from_proto(request.workload), secrets)
        return workloads_pb2.ValidateWorkloadResponse(
            engine=self._launcher.engine, problems=problems
        )

    async def GetWorkload(
        self, request: workloads_pb2.GetWorkloadRequest, _context: Any
    ) -> workloads_pb2.Workload:
        return workload_to_proto(*self._feed.get(_key(request.name)))

    async def ListWorkloads(
        self, request: workloads_pb2.ListWorkloadsRequest, _context: Any
    ) -> workloads_pb2.ListWorkloadsResponse:
        owner = _owner()
        query = ListQuery("ListWorkloads", parent=str(owner))
        window = self._tokens.window(
            query, _ORDERS, size=request.page_size, token=request.page_token
        )
        found = window.pick(self._feed.present(owner))
        page = window.page(found, _versioned_to_proto, revision=self._feed.revision)
        return workloads_pb2.ListWorkloadsResponse(
            workloads=page.items, next_page_token=page.next_page_token
        )

    async def CancelWorkload(
        self, request: workloads_pb2.CancelWorkloadRequest, _context: Any
    ) -> workloads_pb2.Workload:
        grace_s = _seconds(request, "grace_period")
        return workload_to_proto(
            *await self._workloads.cancel(
                _key(request.name), grace_s=grace_s, reason=request.reason
            )
        )

    async def DeleteWorkload(
        self, request: workloads_pb2.DeleteWorkloadRequest, _context: Any
    ) -> empty_pb2.Empty:
        await self._workloads.delete(_key(request.name))
        return empty_pb2.Empty()

    async def WatchWorkloads(
        self, request: workloads_pb2.WatchWorkloadsRequest, context: Any
    ) -> AsyncIterator[workloads_pb2.WatchWorkloadsResponse]:
        owner, revision = _owner(), request.after_revision
        if revision:
            self._feed.check_epoch(request.epoch)
            self._feed.changes(owner, revision)  # refused before anything is sent
        else:
            revision = self._feed.revision
        metadata = ("x-weft-epoch", self._epoch), ("x-weft-revision", str(revision))
        await context.send_initial_metadata(metadata)
        if not request.after_revision:
            for batch in _batches(self._feed.present(owner)):
                # No resume point before all is sent: what is absent means something, too.
                yield self._watched(0, batch)
            yield self._watched(revision, initial_complete=True)
        async for response in self._follow(owner, revision):
            yield response

    async def _follow(
        self, owner: UUID, revision: int
    ) -> AsyncIterator[workloads_pb2.WatchWorkloadsResponse]:
        """What changes after a revision, and a bookmark at first and whenever it is quiet."""
        stream, now = current_stream.get(), asyncio.get_running_loop().time
        bookmark_at = now()
        while not stream.ending.is_set():
            head = self._feed.revision
            for batch in _batches(self._feed.changes(owner, revision)):
                yield self._watched(batch[-1].revision, batch)
                bookmark_at = now() + _BOOKMARK_S
            revision = head
            stream.cursor = str(revision)
            if now() >= bookmark_at:
                yield self._watched(revision)
                bookmark_at = now() + _BOOKMARK_S
            await _until(self._feed.wait(revision), stream, bookmark_at - now())
        yield self._watched(revision, reconnect=True)

    def _watched(
        self,
        revision: int,
        batch: Iterable[Versioned] = (),
        *,
        initial_complete: bool = False,
        reconnect: bool = False,
    ) -> workloads_pb2.WatchWorkloadsResponse:
        response = workloads_pb2.WatchWorkloadsResponse(
            revision=revision,
            epoch=self._epoch,
            initial_complete=initial_complete,
            reconnect=reconnect,
        )
        for found in batch:
            if found.workload is None:
                response.deleted.append(found.key.name)
            else:
                response.workloads.append(_versioned_to_proto(found))
        return response

    async def TailWorkloadLogs(
        self, request: workloads_pb2.TailWorkloadLogsRequest, _context: Any
    ) -> AsyncIterator[workloads_pb2.TailWorkloadLogsResponse]:
        key, stream, offset = _key(request.name), current_stream.get(), request.offset_bytes
        self._feed.get(key)
        while not stream.ending.is_set():
            chunk = await self._launcher.read_log(key, offset, _LOG_BYTES)
            offset = chunk.next_offset
            stream.cursor = str(offset)
            yield workloads_pb2.TailWorkloadLogsResponse(
                data=chunk.data, next_offset_bytes=offset, end_of_stream=chunk.is_end
            )
            if chunk.is_end:
                return
            if not chunk.data:
                await _until(self._launcher.log_changed(key, offset), stream, _BOOKMARK_S)


def workload_to_proto(workload: Workload, revision: int) -> workloads_pb2.Workload:
    """A workload as its owner sees it; without its secret files."""
    spec = workload.spec
    return workloads_pb2.Workload(
        name=workload.key.name,
        uid=str(workload.uid),
        labels=spec.labels,
        create_time=_timestamp(workload.create_time),
        revision=revision,
        kind=workloads_pb2.WorkloadKind.Value(f"WORKLOAD_KIND_{spec.kind}"),
        args=spec.args,
        env=spec.env,
        environment=environment_to_proto(spec.environment),
        resources=_resources(spec),
        timeout=_duration(spec.timeout_s),
        ttl_after_finish=_duration(spec.ttl_s),
        state=workloads_pb2.WorkloadState.Value(f"WORKLOAD_STATE_{workload.state.value}"),
        state_reason=workload.reason,
        exit=exit_to_proto(workload.exit),
        engine_reference=workload.engine_reference,
        start_time=_timestamp(workload.start_time),
        end_time=_timestamp(workload.end_time),
        limits_enforced=workload.are_limits_enforced,
        image=spec.image,
        run=spec.run,
        step=spec.step,
        attempt=spec.attempt,
        build=spec.build,
        pod=pod_to_proto(spec.pod),
    )


def spec_from_proto(workload: workloads_pb2.Workload) -> WorkloadSpec:
    """What to execute; secret files are none of it."""
    environment = workload.environment
    return WorkloadSpec(
        args=tuple(workload.args),
        kind=workloads_pb2.WorkloadKind.Name(workload.kind).removeprefix("WORKLOAD_KIND_"),
        env=dict(workload.env),
        labels=dict(workload.labels),
        environment=Environment(
            executable=environment.executable,
            host=environment.host,
            version=environment.version,
            requirements=tuple(environment.requirements),
        ),
        image=workload.image,
        run=workload.run,
        step=workload.step,
        attempt=workload.attempt,
        build=workload.build,
        cpu_millis=workload.resources.cpu_millis,
        memory_bytes=workload.resources.memory_bytes,
        gpu_count=workload.resources.gpu_count,
        gpu_resource=workload.resources.gpu_resource,
        ephemeral_storage_bytes=workload.resources.ephemeral_storage_bytes,
        pod=pod_from_proto(workload.pod),
        timeout_s=_seconds(workload, "timeout"),
        ttl_s=_seconds(workload, "ttl_after_finish"),
    )


def environment_to_proto(environment: Environment) -> types_pb2.PythonEnvironment | None:
    """The environment, absent where none was asked for."""
    if environment == Environment():
        return None
    return types_pb2.PythonEnvironment(
        executable=environment.executable,
        host=environment.host,
        version=environment.version,
        requirements=environment.requirements,
    )


def exit_to_proto(exit_: Exit | None) -> workloads_pb2.WorkloadExit | None:
    """How a workload ended, absent where it has not."""
    if exit_ is None:
        return None
    return workloads_pb2.WorkloadExit(
        code=exit_.code,
        signal=exit_.signal,
        out_of_memory=exit_.is_oom,
        timed_out=exit_.is_timeout,
        message=exit_.message,
    )


def _versioned_to_proto(found: Versioned) -> workloads_pb2.Workload:
    assert found.workload is not None
    return workload_to_proto(found.workload, found.revision)


def _resources(spec: WorkloadSpec) -> workloads_pb2.WorkloadResources | None:
    resources = workloads_pb2.WorkloadResources(
        cpu_millis=spec.cpu_millis,
        memory_bytes=spec.memory_bytes,
        gpu_count=spec.gpu_count,
        gpu_resource=spec.gpu_resource,
        ephemeral_storage_bytes=spec.ephemeral_storage_bytes,
    )
    return resources if resources.ByteSize() else None


def _timestamp(moment: datetime | None) -> timestamp_pb2.Timestamp | None:
    if moment is None:
        return None
    timestamp = timestamp_pb2.Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def _duration(seconds: float | None) -> duration_pb2.Duration | None:
    if seconds is None:
        return None
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration


def _seconds(message: Message, field: str) -> float | None:
    if not message.HasField(field):
        return None
    duration: duration_pb2.Duration = getattr(message, field)
    return duration.ToTimedelta().total_seconds()


def _owner() -> UUID:
    """The workspace that calls; the policy of every method lets nobody else in."""
    peer = current_call.get().caller.peer
    assert peer is not None
    return peer.uid


def _key(name: str) -> WorkloadKey:
    return WorkloadKey(_owner(), name.removeprefix("workloads/"))


def _batches(found: list[Versioned]) -> Iterator[list[Versioned]]:
    """Splits what a watch says into messages of a bounded size."""
    batch: list[Versioned] = []
    room = _BATCH_BYTES
    for one in found:
        size = _versioned_to_proto(one).ByteSize() if one.workload else len(one.key.name)
        if batch and (size > room or len(batch) == _BATCH_ITEMS):
            yield batch
            batch, room = [], _BATCH_BYTES
        batch.append(one)
        room -= size
    if batch:
        yield batch


async def _until(event: Coroutine[Any, Any, None], stream: OpenStream, timeout_s: float) -> None:
    """Waits for an event, for the end that the server asks the stream for, or for the time."""
    waits = [asyncio.ensure_future(event), asyncio.ensure_future(stream.ending.wait())]
    try:
        done, _ = await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    for wait in done:
        wait.result()
