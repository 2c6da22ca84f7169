"""Opens watches: where they begin, with which state, and what concerns them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from meshkit.caller import Caller
from meshkit.clock import Clock
from meshkit.database import Database, Session
from meshkit.filters import Filter
from weftapi.workspace.v1 import events_pb2, runs_pb2
from workspace import names
from workspace.access import Access
from workspace.encoding import EventEncoder
from workspace.lifecycle import RUN_TERMINAL
from workspace.operations.refusals import absent
from workspace.servicers.following import Following, Watch
from workspace.servicers.selectors import InScope, Matching, OfRun, Scope, Selector
from workspace.store import lists
from workspace.store import projects as project_store
from workspace.store import runs as run_store
from workspace.store import steps as step_store
from workspace.store.schema import Run

MAX_INITIAL_RUNS = 10_000


@dataclass(slots=True)
class Start:
    """Where a watch begins: the feed's revision then, and the state to send first, if asked.

    `end` is the revision with which its subject ended; 0 while it has not.
    """

    revision: int
    initial: list[bytes] | None = None
    end: int = 0

    def position(self, after_revision: int) -> int:
        """Behind the state that is sent, else where the reader was, else at the head."""
        return self.revision if self.initial is not None else after_revision or self.revision


class Watches:
    """Opens every watch of a workspace."""

    def __init__(
        self,
        database: Database,
        encoder: EventEncoder,
        access: Access,
        *,
        clock: Clock,
        bookmark_s: float = 15.0,
        is_draining: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._feed = database.feed
        self._encoder = encoder
        self._access = access
        self.following = Following(
            database.feed, clock=clock, bookmark_s=bookmark_s, is_draining=is_draining
        )

    async def run(self, request: runs_pb2.WatchRunRequest) -> Watch:
        """One run and its steps, until it has ended."""
        await self._feed.check(request.after_revision, epoch=request.epoch)
        with_state = request.send_initial_state
        start = await self._database.read(
            self._start_of_run, *names.ids(request.name), with_state=with_state
        )
        if start is None:
            raise absent(request.name)
        return Watch(
            self.following,
            OfRun(request.name, is_conflating=request.conflate),
            start.position(request.after_revision),
            initial=start.initial,
            run=request.name,
            end=start.end,
        )

    async def runs(
        self, request: runs_pb2.WatchRunsRequest, caller: Caller, filter_: Filter | None
    ) -> Watch:
        """Runs of a project, or of those that the caller may see."""
        await self._feed.check(request.after_revision, epoch=request.epoch)
        with_state = request.send_initial_state
        scope = Scope(self._access, caller, "runs.list", request.parent)
        start = await self._database.read(
            self._start_of_runs, scope.project, scope.visible(), filter_, with_state=with_state
        )
        is_conflating, only_runs = request.conflate, (Run.resource_type,)
        selector: Selector = (
            Matching(filter_, scope, start.initial, is_conflating=is_conflating)
            if filter_
            else InScope(scope, only_runs, is_conflating=is_conflating)
        )
        position = start.position(request.after_revision)
        return Watch(self.following, selector, position, initial=start.initial)

    async def events(self, request: events_pb2.WatchEventsRequest, caller: Caller) -> Watch:
        """Everything in a project, or in those that the caller may see."""
        await self._feed.check(request.after_revision, epoch=request.epoch)
        scope = Scope(self._access, caller, "events.list", request.parent)
        start = await self._database.read(_start_of_events, scope.project)
        selector = InScope(scope, request.resource_types)
        return Watch(self.following, selector, start.position(request.after_revision))

    def selector(self, caller: Caller, parent: str, resource_types: Any) -> Selector:
        """What of the feed concerns a reader of a project's events."""
        return InScope(Scope(self._access, caller, "events.list", parent), resource_types)

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
