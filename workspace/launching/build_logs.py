"""What builds images, while it is kept where it was written."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass

import grpc

from meshkit.database import Database
from meshkit.errors import Unavailable
from meshkit.session import Session
from weftapi.workloads.v1 import workloads_pb2
from workspace import names
from workspace.launching.calls import plain
from workspace.launching.ports import WorkloadManagers
from workspace.operations.builds import BUILDING
from workspace.operations.refusals import absent
from workspace.store import build_launches as launch_store
from workspace.store import builds as store

# Between two looks whether a workload is there by now.
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """Whole lines, and where the next ones begin."""

    text: str
    next_offset: int
    is_end: bool


class BuildLogs:
    """Reads logs of builds from the workload manager."""

    def __init__(
        self, database: Database, managers: WorkloadManagers, is_draining: Callable[[], bool]
    ) -> None:
        self._database = database
        self._managers = managers
        self._is_draining = is_draining

    async def tail(self, build: str, step: str, offset: int) -> AsyncGenerator[Part]:
        """What is and will be written, until the end or until the server drains.

        NotFound where no workload builds such an image, or its log is gone; Unavailable.
        """
        project, id_ = names.ids(build)
        while not self._is_draining():
            workload, uid, is_under_way = await self._database.read(
                _workload_of, project, id_, step
            )
            if not (uid or is_under_way):
                raise absent(f"the log of {build}")
            try:
                async for part in self._read(workload, uid, offset):
                    yield part
                    offset = part.next_offset
                    if part.is_end or self._is_draining():
                        return
            except grpc.aio.AioRpcError as error:
                is_absent = error.code() is grpc.StatusCode.NOT_FOUND
                if is_absent and not is_under_way:
                    raise absent(f"the log of {build}") from error
                if not is_absent:
                    raise _out_of_reach() from error
            # A word now and then, so that nobody takes the line for dead.
            yield Part("", offset, is_end=False)
            await asyncio.sleep(_LOOK_S)

    async def _read(self, workload: str, uid: str, offset: int) -> AsyncIterator[Part]:
        manager = self._managers.all().get(uid)
        if not uid:
            # Until a manager was chosen, nobody has anything to say.
            return
        if manager is None:
            raise _out_of_reach()
        request = workloads_pb2.TailWorkloadLogsRequest(
            name=f"workloads/{workload}", offset_bytes=offset
        )
        async for part in manager.streams().TailWorkloadLogs(request):
            yield Part(plain(part.data), part.next_offset_bytes, part.end_of_stream)


def _workload_of(session: Session, project: str, build: str, step: str) -> tuple[str, str, bool]:
    """The workload that builds an image of a build, its manager, and whether it is under way."""
    name = names.child(names.project(project), "builds", build)
    row = store.get(session, project, build)
    if row is None:
        raise absent(name)
    image = row.step_images.get(step) if step else row.image
    launches = launch_store.of_build(session, row.uid)
    found = [each for each in launches if image and each.uri == image["uri"]]
    found = found or ([] if step or row.image else launches)
    if not found:
        raise absent(f"the log of {name}: no workload builds that image; it")
    return found[0].workload, found[0].manager, row.state == BUILDING


def _out_of_reach() -> Unavailable:
    return Unavailable(
        "UPSTREAM_UNAVAILABLE",
        "The workload manager does not answer: try again.",
        metadata={"service": "workload manager"},
        retry_after_s=_LOOK_S,
    )
