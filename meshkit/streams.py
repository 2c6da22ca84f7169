"""Open streams: judged again while they live, asked to end, and ended.

One sweep looks at all of them, instead of a task for each: an idle watch then costs no more
than its cursor.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, Protocol

import structlog
from google.protobuf.message import Message

from meshkit.access import Access, MethodPolicy
from meshkit.authentication import Authenticator, Identity
from meshkit.caller import Caller
from meshkit.chance import CHANCE
from meshkit.clock import Clock
from meshkit.errors import MeshError, ResourceExhausted
from meshkit.limits import Limits, key_of

log = structlog.get_logger()


class Authorizer(Protocol):
    """Decides who may do what; each service brings its own."""

    @property
    def revision(self) -> int:
        """Moves when the policy changes; open streams are then decided again."""
        ...

    async def authorize(
        self, caller: Caller, policy: MethodPolicy, resource: str, request: Message | None
    ) -> None:
        """Raises PermissionDenied unless the caller may call the method on the resource.

        Called for every method that is not public, before validation and lookup: it may read
        the name, never the object. `policy.permission` is empty for methods that need none;
        then only the caller's own standing counts (a disabled user, a peer struck off).
        `request` is None for client streams that name no resource up front.
        """
        ...


class Ending:
    """Whether a stream should end: as an event, but one that costs little while nobody waits."""

    __slots__ = ("_calls", "_is_set")

    def __init__(self) -> None:
        self._is_set = False
        self._calls: dict[Callable[[], None], None] = {}

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        calls, self._calls = self._calls, {}
        for call in calls:
            call()

    def then(self, call: Callable[[], None]) -> None:
        """Calls once it is set; at once where it is already."""
        if self._is_set:
            call()
        else:
            self._calls[call] = None

    async def wait(self) -> Literal[True]:
        """Returns once it is set."""
        if not self._is_set:
            event = asyncio.Event()
            self._calls[event.set] = None
            try:
                await event.wait()
            finally:
                self._calls.pop(event.set, None)
        return True


@dataclass(slots=True, eq=False)
class OpenStream:
    """A stream as its servicer sees it, through `current_stream`.

    `ending` is set when the stream should send its reconnect notice and return: the server
    drains, the stream is old, or its token is about to expire. `cursor` may hold the resume
    point that a reader is told when it was too slow.
    """

    policy: MethodPolicy
    identity: Identity
    ending: Ending = field(default_factory=Ending)
    cursor: str = ""
    request: Message | None = None
    verdict: MeshError | None = None
    # Monotonic time at which the write under way began; 0 while there is none.
    writing_since: float = 0.0
    _authorizer: Authorizer = field(kw_only=True)
    _task: "asyncio.Task[object]" = field(kw_only=True)
    _resources: list[str] = field(default_factory=list)

    async def authorize(self, resource: str) -> None:
        """Decides the method's permission on one more resource that a message names.

        Raises PermissionDenied. The decision is made again for as long as the stream lives.
        """
        if resource not in self._resources:
            await self._decide(resource)
            self._resources.append(resource)

    async def authorize_again(self) -> None:
        """Decides on every resource so far; raises PermissionDenied."""
        for resource in tuple(self._resources):
            await self._decide(resource)

    def end(self, verdict: MeshError) -> None:
        """Ends the stream now, with an error."""
        if self.verdict is None:
            self.verdict = verdict
            self._task.cancel()

    async def _decide(self, resource: str) -> None:
        if self.policy.access is not Access.PUBLIC:
            caller = self.identity.caller
            await self._authorizer.authorize(caller, self.policy, resource, self.request)


current_stream: ContextVar[OpenStream] = ContextVar("current_stream")


@dataclass(frozen=True, slots=True)
class StreamTimes:
    """Seconds; see the settings of the same names."""

    age_s: float
    recheck_s: float
    slow_consumer_s: float


@dataclass(slots=True)
class _Due:
    """When a stream is asked to leave, and the policy it was last decided on."""

    ends_at: float
    checked_at: float
    revision: int


class OpenStreams:
    """All open streams of one listener."""

    def __init__(
        self,
        times: StreamTimes,
        *,
        authenticator: Authenticator,
        authorizer: Authorizer,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._times = times
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._limits = limits
        self._clock = clock
        self._streams: dict[OpenStream, _Due] = {}
        self._draining = False
        # How many readers were ended because they took nothing.
        self.slow_consumers = 0

    def __len__(self) -> int:
        return len(self._streams)

    def open(self, policy: MethodPolicy, identity: Identity) -> "_Opened":
        """Takes a slot for the stream and keeps it swept; raises ResourceExhausted.

        The stream is open until the returned context manager is left.
        """
        caller = identity.caller
        self._limits.streams.take(key_of(caller), self._limits.streams_of(caller))
        task = asyncio.current_task()
        assert task is not None
        stream = OpenStream(policy, identity, _authorizer=self._authorizer, _task=task)
        now = self._clock.monotonic()
        age = self._times.age_s * CHANCE.uniform(0.9, 1.1)  # spreads load
        self._streams[stream] = _Due(now + age, now, self._authorizer.revision)
        if self._draining:
            stream.ending.set()
        current_stream.set(stream)
        return _Opened(self, stream)

    def close(self, stream: OpenStream) -> None:
        """Forgets a stream and gives its slot back."""
        del self._streams[stream]
        self._limits.streams.give_back(key_of(stream.identity.caller))

    def drain(self) -> None:
        """Asks every stream, and those still to come, to end."""
        self._draining = True
        for stream in self._streams:
            stream.ending.set()

    async def sweep(self) -> None:
        """Ends the streams that must end and asks those to leave that should."""
        for stream, due in tuple(self._streams.items()):
            try:
                await self._judge(stream, due)
            except MeshError as verdict:
                if stream in self._streams:
                    stream.end(verdict)
            except Exception:
                # A check that breaks ends nobody's stream; the next sweep tries again.
                log.exception("stream_check_failed", method=stream.policy.method)

    async def _judge(self, stream: OpenStream, due: _Due) -> None:
        now = self._clock.monotonic()
        self._authenticator.require_valid(stream.identity)
        if stream.writing_since and now - stream.writing_since > self._times.slow_consumer_s:
            self.slow_consumers += 1
            raise _slow_consumer(stream)
        if now >= due.ends_at or self._token_has_expired(stream):
            stream.ending.set()
        revision = self._authorizer.revision
        if revision != due.revision or now - due.checked_at >= self._times.recheck_s:
            await stream.authorize_again()
            due.revision, due.checked_at = revision, now

    def _token_has_expired(self, stream: OpenStream) -> bool:
        # The skew between here and the hard end is the stream's time to say goodbye.
        token = stream.identity.token
        return token is not None and self._clock.now() >= token.expires_at


class _Opened:
    """Keeps a stream open while its block runs."""

    __slots__ = ("_streams", "stream")

    def __init__(self, streams: OpenStreams, stream: OpenStream) -> None:
        self._streams = streams
        self.stream = stream

    def __enter__(self) -> OpenStream:
        return self.stream

    def __exit__(self, *_: object) -> None:
        self._streams.close(self.stream)


def _slow_consumer(stream: OpenStream) -> ResourceExhausted:
    return ResourceExhausted(
        "SLOW_CONSUMER",
        "The reader took nothing for too long; resume where it stopped.",
        metadata={"lastRevision": stream.cursor} if stream.cursor else {},
    )
