"""Watches: positions in the feed that move on as their readers take what is there.

A watch holds no queue. It reads what is later than its position, sends what concerns it,
and waits; what it sends are the bytes that the change was committed with.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from meshkit.authentication import Context
from meshkit.caller import Caller
from meshkit.database import Database, Session
from meshkit.feed import StoredEvent
from meshkit.filters import Filter
from meshkit.streams import OpenStream, current_stream
from weftapi.workspace.v1 import events_pb2, reports_pb2, run_types_pb2, runs_pb2
from workspace import names
from workspace.access import Access
from workspace.encoding import EventEncoder, decode, left, messages
from workspace.lifecycle import RUN_TERMINAL
from workspace.operations.refusals import absent
from workspace.store import lists
from workspace.store import projects as project_store
from workspace.store import runs as run_store
from workspace.store import steps as step_store
from workspace.store.schema import Run

MAX_INITIAL_RUNS = 10_000
_PAGE_EVENTS = 512
_OVER = frozenset(run_types_pb2.RunState.Value(f"RUN_STATE_{state}") for state in RUN_TERMINAL)
# What a selector answers of an event: the bytes to send, or nothing.
Select = Callable[[StoredEvent], bytes | None]


class Resumable(Protocol):
    """What the requests of watches share."""

    after_revision: int
    epoch: str


@dataclass(slots=True)
class Start:
    """Where a watch begins: the feed's revision then, and the state to send first, if asked.

    `end` is the revision with which its subject ended; 0 while it has not.
    """

    revision: int
    initial: list[bytes] = field(default_factory=list)
    end: int = 0


class Watches:
    """Serves every watch of a workspace."""

    def __init__(
        self,
        database: Database,
        encoder: EventEncoder,
        access: Access,
        *,
        bookmark_s: float = 15.0,
        is_draining: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._feed = database.feed
        self._encoder = encoder
        self._access = access
        self._bookmark_s = bookmark_s
        self._is_draining = is_draining

    async def run(
        self, request: runs_pb2.WatchRunRequest, context: Context
    ) -> AsyncIterator[events_pb2.WatchResponse | bytes]:
        """One run and its steps, until it has ended."""
        await self._feed.check(request.after_revision, epoch=request.epoch)
        with_state = request.send_initial_state
        start = await self._database.read(
            self._start_of_run, *names.ids(request.name), with_state=with_state
        )
        if start is None:
            raise absent(request.name)
        below = f"{request.name}/steps/"

        def select(event: StoredEvent) -> bytes | None:
            is_own = event.name == request.name or event.name.startswith(below)
            return event.event if is_own else None

        watch = _Watch(self, context, request, start, select, run=request.name)
        async for response in watch.follow(with_state=with_state):
            yield response

    async def runs(
        self,
        request: runs_pb2.WatchRunsRequest,
        context: Context,
        caller: Caller,
        filter_: Filter | None,
    ) -> AsyncIterator[events_pb2.WatchResponse | bytes]:
        """Runs of a project, or of those that the caller may see."""
        await self._feed.check(request.after_revision, epoch=request.epoch)
        with_state = request.send_initial_state
        scope = _Scope(self._access, caller, "runs.list", request.parent)
        start = await self._database.read(
            self._start_of_runs, scope.project, scope.visible(), filter_, with_state=with_state
        )
        matching = _Matching(filter_, scope, knows_all=with_state)
        if with_state and filter_:
            matching.begin(start.initial)
        watch = _Watch(self, context, request, start, matching.select)
        async for response in watch.follow(with_state=with_state):
            yield response

    async def events(
        self, request: events_pb2.WatchEventsRequest, context: Context, caller: Caller
    ) -> AsyncIterator[events_pb2.WatchResponse | bytes]:
        """Everything in a project, or in those that the caller may see."""
        await self._feed.check(request.after_revision, epoch=request.epoch)
        scope = _Scope(self._access, caller, "events.list", request.parent)
        start = await self._database.read(_start_of_events, scope.project)
        select = scope.selector(request.resource_types)
        watch = _Watch(self, context, request, start, select)
        async for response in watch.follow(with_state=False):
            yield response

    def selector(self, caller: Caller, parent: str, resource_types: Any) -> Select:
        """What of the feed concerns a reader of a project's events."""
        return _Scope(self._access, caller, "events.list", parent).selector(resource_types)

    def _start_of_run(
        self, session: Session, project: str, run_id: str, *, with_state: bool
    ) -> Start | None:
        run = run_store.get(session, project, run_id)
        if run is None:
            return None
        start = Start(lists.revision(session), end=run.revision if _is_over(run) else 0)
        if with_state:
            rows = [run, *step_store.of_run(session, run.uid)]
            start.initial = [
                self._encoder.snapshot(row, start.revision, session.now) for row in rows
            ]
        return start

    def _start_of_runs(
        self,
        session: Session,
        project: str,
        visible: lists.Visible,
        filter_: Filter | None,
        *,
        with_state: bool,
    ) -> Start:
        start = _start_of_events(session, project)
        if with_state:
            rows = run_store.newest(session, visible, filter_, MAX_INITIAL_RUNS)
            start.initial = [
                self._encoder.snapshot(row, start.revision, session.now) for row in rows
            ]
        return start


def _start_of_events(session: Session, project: str) -> Start:
    if project and not project_store.existing(session, {project}):
        raise absent(names.project(project))
    return Start(lists.revision(session))


def _is_over(run: Run) -> bool:
    return run.state in RUN_TERMINAL


class _Scope:
    """Which projects a watch may show: decided again whenever the policy changes."""

    def __init__(self, access: Access, caller: Caller, permission: str, parent: str) -> None:
        self._access = access
        self._arguments = (caller, permission, parent)
        self._revision = -1
        self._visible: frozenset[str] | None = frozenset()
        named = names.project_of(parent)
        self.project = "" if named == names.WILDCARD else named

    def visible(self) -> frozenset[str] | None:
        if self._revision != self._access.revision:
            self._revision = self._access.revision
            self._visible = self._access.visible(*self._arguments)
        return self._visible

    def shows(self, event: StoredEvent) -> bool:
        visible = self.visible()
        return visible is None or event.project in visible

    def selector(self, resource_types: Any) -> Select:
        wanted = frozenset(resource_types)

        def select(event: StoredEvent) -> bytes | None:
            if wanted and event.resource_type not in wanted:
                return None
            return event.event if self.shows(event) else None

        return select


class _Matching:
    """Selects runs by a filter, and says once of each that it no longer matches.

    Which runs matched before this watch began is known only if it began with all of them;
    otherwise a run that does not match is reported as having left, once: who does not know it
    loses nothing.
    """

    def __init__(self, filter_: Filter | None, scope: _Scope, *, knows_all: bool) -> None:
        self._holds = filter_.predicate() if filter_ else None
        self._scope = scope
        self._knows_all = knows_all
        self._inside: set[str] = set()
        self._outside: set[str] = set()

    def begin(self, initial: list[bytes]) -> None:
        """The runs that match at the start."""
        self._inside = {decode(event).uid for event in initial}

    def select(self, event: StoredEvent) -> bytes | None:
        if event.resource_type != Run.resource_type or not self._scope.shows(event):
            return None
        if self._holds is None:
            return event.event
        uid = event.uid
        decoded = decode(event.event)
        if decoded.truncated or self._holds(decoded.run):
            self._inside.add(uid)
            self._outside.discard(uid)
            self._forget_ended(decoded)
            return event.event
        was_inside = uid in self._inside
        is_unknown = not self._knows_all and event.type == "UPDATED" and uid not in self._outside
        self._inside.discard(uid)
        self._outside.add(uid)
        self._forget_ended(decoded)
        return left(event.event) if was_inside or is_unknown else None

    def _forget_ended(self, event: events_pb2.Event) -> None:
        # What has ended never changes again, and would fill the memory of a long watch.
        if event.run.state in _OVER:
            self._inside.discard(event.uid)
            self._outside.discard(event.uid)


class _Alarm:
    """Interrupts a wait of the watch when its stream is asked to end."""

    def __init__(self, stream: OpenStream) -> None:
        self._stream = stream
        self._timer: asyncio.Timeout | None = None
        self._task = asyncio.create_task(self._ring())

    async def _ring(self) -> None:
        await self._stream.ending.wait()
        if self._timer:
            self._timer.reschedule(asyncio.get_running_loop().time())

    async def wait(self, feed: Any, position: int, timeout_s: float) -> None:
        """Waits for news, the timeout, or the end of the stream."""
        if self._stream.ending.is_set():
            return
        try:
            async with asyncio.timeout(timeout_s) as self._timer:
                await feed.wait(position)
        except TimeoutError:
            pass
        finally:
            self._timer = None

    def off(self) -> None:
        self._task.cancel()


class _Watch:
    """One watch under way."""

    def __init__(
        self,
        watches: Watches,
        context: Context,
        request: Resumable,
        start: Start,
        select: Select,
        *,
        run: str = "",
    ) -> None:
        self._watches = watches
        self._feed = watches._feed  # noqa: SLF001 - parts of one thing
        self._context = context
        self._start = start
        self._select = select
        self._run = run
        self._position = request.after_revision or start.revision
        self._end = start.end
        self._stream = current_stream.get()

    async def follow(self, *, with_state: bool) -> AsyncIterator[events_pb2.WatchResponse | bytes]:
        """Everything that the watch says."""
        if with_state:
            self._position = self._start.revision
        has_ended = bool(self._end) and self._position >= self._end
        await self._greet(is_over=has_ended and not with_state)
        async for response in self._begin(with_state=with_state):
            yield response
        if not has_ended:
            async for response in self._go_on():
                yield response
        elif self._end:
            yield events_pb2.WatchResponse(revision=self._position, end_of_stream=True)

    async def _greet(self, *, is_over: bool) -> None:
        metadata = [
            ("x-weft-epoch", str(self._feed.epoch)),
            ("x-weft-revision", str(self._position)),
        ]
        if is_over:
            metadata.append(("x-weft-ended", "true"))
        await self._context.send_initial_metadata(metadata)

    async def _begin(self, *, with_state: bool) -> AsyncIterator[events_pb2.WatchResponse | bytes]:
        epoch = str(self._feed.epoch)
        if not with_state:
            yield self._bookmark(epoch=epoch)
            return
        # Half an initial state is no place to resume from.
        yield events_pb2.WatchResponse(epoch=epoch, more_in_revision=True)
        initial = ((self._position, event) for event in self._start.initial)
        for message in messages(initial, revision=self._position, is_whole=False):
            yield message
        yield self._bookmark(initial_complete=True)

    async def _go_on(self) -> AsyncIterator[events_pb2.WatchResponse | bytes]:
        alarm = _Alarm(self._stream)
        try:
            while not self._stream.ending.is_set():
                self._stream.cursor = str(self._position)
                events = await self._feed.read(self._position, _PAGE_EVENTS)
                if not events:
                    await alarm.wait(self._feed, self._position, self._watches._bookmark_s)  # noqa: SLF001
                    if self._feed.head <= self._position and not self._stream.ending.is_set():
                        yield self._bookmark()
                    continue
                for message in self._take(events):
                    yield message
                if self._end and self._position >= self._end:
                    yield events_pb2.WatchResponse(revision=self._position, end_of_stream=True)
                    return
                # A page without a word for this reader must not keep the loop from the others.
                await asyncio.sleep(0)
            yield self._farewell()
        finally:
            alarm.off()

    def _take(self, events: list[StoredEvent]) -> list[bytes]:
        chosen = []
        for event in events:
            selected = self._select(event)
            if selected is not None:
                chosen.append((event.revision, selected))
                self._notice_end(event)
        self._position = events[-1].revision
        return list(messages(chosen, revision=self._position))

    def _notice_end(self, event: StoredEvent) -> None:
        if event.name == self._run and decode(event.event).run.state in _OVER:
            self._end = event.revision

    def _bookmark(
        self, *, initial_complete: bool = False, epoch: str = ""
    ) -> events_pb2.WatchResponse:
        return events_pb2.WatchResponse(
            revision=self._position,
            epoch=epoch,
            bookmark=events_pb2.Bookmark(initial_complete=initial_complete),
        )

    def _farewell(self) -> events_pb2.WatchResponse:
        is_draining = self._watches._is_draining()  # noqa: SLF001
        notice = reports_pb2.Notice(reconnect=True, reason="draining" if is_draining else "age")
        return events_pb2.WatchResponse(revision=self._position, notice=notice)
