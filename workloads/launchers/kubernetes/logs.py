"""A pod's output in the format that every launcher tells it in, at positions that hold.

The API server tells lines after their times, from the beginning or from a second on. A position
is a count of bytes from the beginning; whoever reads on where he stopped finds the open tail
again, and everybody else begins one that passes over what he has.
"""

import asyncio
from collections import deque
from collections.abc import Iterator

import aiohttp

from meshkit.errors import OutOfRange
from workloads.launchers import LogChunk
from workloads.launchers.kubernetes import podspec
from workloads.launchers.kubernetes.api import ApiError, Cluster, lines
from workloads.model import WorkloadKey

# As much as one line of the format may have, so that nobody needs to hold more.
_LINE_BYTES = 16 << 10
# A tail reads ahead so far, and then waits for its reader.
_AHEAD_BYTES = 1 << 20
_AGAIN_S = 1.0
_MOST = 256
# A container that has not started has no log yet, and a pod that is gone has none any more.
_NO_LOG = frozenset({400, 404})


class Tail:
    """Follows the log of one pod from its beginning, or from `position` on."""

    def __init__(self, cluster: Cluster, pod: str, position: int) -> None:
        self._cluster = cluster
        self._pod = pod
        self.position = position
        self._skip = position
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._moved = asyncio.Event()
        self._room = asyncio.Event()
        # Where a broken connection goes on: lines of this time were told so often.
        self._last_time, self._told = b"", 0
        self.is_over = False
        self._is_final = False
        self._task = asyncio.create_task(self._follow())

    def close(self) -> None:
        self._task.cancel()

    def finish(self) -> None:
        """The container has ended: what its log holds now is all there will be."""
        self._is_final = True

    def read(self, limit: int) -> LogChunk:
        """What waits, at most `limit` bytes of whole lines. Raises OutOfRange."""
        if self.is_over and self._skip:
            size = self.position - self._skip
            raise OutOfRange(
                "LOG_OFFSET_GAP",
                f"the log has {size} bytes, so it cannot be read from byte {self.position}",
                metadata={"expected": str(size)},
            )
        data = bytearray()
        while self._waiting and len(data) + len(self._waiting[0]) <= limit:
            data += self._waiting.popleft()
        self._size -= len(data)
        offset, self.position = self.position, self.position + len(data)
        self._room.set()
        return LogChunk(offset, bytes(data), is_end=self.is_over and not self._waiting)

    async def wait(self, size: int = 1) -> None:
        """Returns when so many bytes wait to be read, or nothing will follow."""
        while self._size < min(size, _AHEAD_BYTES) and not self.is_over:
            self._moved.clear()
            await self._moved.wait()

    async def _follow(self) -> None:
        while not self.is_over:
            is_final = self._is_final  # asked first: later lines could not be missed
            try:
                await self._read_to_end()
                self.is_over = is_final
            except ApiError as error:
                self.is_over = is_final and error.status in _NO_LOG
            if not self.is_over:
                await asyncio.sleep(_AGAIN_S)
        self._moved.set()

    async def _read_to_end(self) -> None:
        since = self._last_time.decode()
        response = await self._cluster.log(self._pod, podspec.CONTAINER, since=since)
        async with response:
            await self._take(response)

    async def _take(self, response: aiohttp.ClientResponse) -> None:
        resumed, again = self._last_time, 0
        async for line in lines(response):
            time, _, text = line.partition(b" ")
            if resumed and time <= resumed:
                # `since` is exact to the second only, and what has this time may be half told.
                again += time == resumed
                if time < resumed or again <= self._told:
                    continue
            self._told = self._told + 1 if time == self._last_time else 1
            self._last_time = time
            for part in _parts(time, text):
                await self._put(part)

    async def _put(self, part: bytes) -> None:
        if self._skip:
            # Positions are given out at ends of lines, so a line is passed over whole.
            self._skip = max(0, self._skip - len(part))
            return
        while self._size > _AHEAD_BYTES:
            self._room.clear()
            await self._room.wait()
        self._waiting.append(part)
        self._size += len(part)
        self._moved.set()


class Tails:
    """The open tails of a launcher, each where its reader is."""

    def __init__(self) -> None:
        # In the order of their last use: whoever went away is forgotten first.
        self._open: dict[tuple[WorkloadKey, int], Tail] = {}

    def close(self) -> None:
        for tail in self._open.values():
            tail.close()

    def at(self, cluster: Cluster, key: WorkloadKey, pod: str, position: int) -> Tail:
        """The tail of whoever has read so far, or one that passes over it."""
        tail = self._open.pop((key, position), None) or Tail(cluster, pod, position)
        self._open[key, position] = tail
        while len(self._open) > _MOST:
            self._open.pop(next(iter(self._open))).close()
        return tail

    def read(self, key: WorkloadKey, tail: Tail, limit: int) -> LogChunk:
        """Reads from a tail, which is found again at its new position. Raises OutOfRange."""
        self._open.pop((key, tail.position), None)
        chunk = tail.read(limit)
        if chunk.is_end:
            tail.close()
        else:
            self._open[key, tail.position] = tail
        return chunk

    def finish(self, key: WorkloadKey) -> None:
        """A workload has ended: what its log holds now is all there will be."""
        for (owner, _), tail in self._open.items():
            if owner == key:
                tail.finish()

    def drop(self, key: WorkloadKey) -> None:
        """A workload is gone, and its log with it."""
        for place in [place for place in self._open if place[0] == key]:
            self._open.pop(place).close()


def _parts(time: bytes, text: bytes) -> Iterator[bytes]:
    """A line in pieces of a bounded size. The API server does not say which stream it is from."""
    head = time + b" stdout "
    while len(text) > _LINE_BYTES:
        yield head + b"P " + text[:_LINE_BYTES] + b"\n"
        text = text[_LINE_BYTES:]
    yield head + b"F " + text + b"\n"
