"""Watches of the fleet: positions in the feed, answered with how workspaces are now.

What is sent is read when it is sent, so a reader who was slow gets the newest state once, and
not each one in between. Who may see what is decided with every read: a workspace that the
caller may no longer see is reported as removed, one that they may see now as changed.
"""

from collections.abc import AsyncGenerator, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from controlplane import names, store
from controlplane.linking import views
from controlplane.linking.views import WorkspaceView
from controlplane.operations import access
from controlplane.servicers.workspace_messages import WorkspaceMessages
from controlplane.store.schema import TABLES
from controlplane.subjects import Subject
from meshkit.authentication import Context
from meshkit.database import Database, Session
from meshkit.feed import StoredEvent, read_head
from meshkit.sleepers import Sleeper, Sleepers
from meshkit.spiffe import SpiffeId
from meshkit.streams import current_stream
from weftapi.controlplane.v1 import workspaces_pb2

Response = workspaces_pb2.WatchWorkspacesResponse
Change = workspaces_pb2.WorkspaceChange
Kind: TypeAlias = "workspaces_pb2.WorkspaceChangeType.ValueType"
_PAGE_EVENTS = 512
_CHANGES_PER_MESSAGE = 200
_REGISTERED, _HEALTH = "Workspace", "LinkHealth"
# After these everything that the caller may see is looked at again.
_ACCESS = frozenset({"CustomRole", "RoleBinding", "TeamMember"})


@dataclass(frozen=True, slots=True)
class Look:
    """What a caller sees of an organization's workspaces at a revision."""

    revision: int
    views: list[WorkspaceView]


class WorkspaceWatches:
    """Serves every watch of workspaces."""

    def __init__(
        self,
        database: Database,
        messages: WorkspaceMessages,
        *,
        bookmark_s: float,
        is_draining: Callable[[], bool],
    ) -> None:
        self.database = database
        self.messages = messages
        self.is_draining = is_draining
        self.sleepers = Sleepers(database.feed, _keys_of, patience_s=bookmark_s)

    async def follow(
        self, request: workspaces_pb2.WatchWorkspacesRequest, context: Context, caller: Subject
    ) -> AsyncGenerator[Response, None]:
        """Everything that a watch says; it never ends by itself."""
        await self.database.feed.check(request.after_revision, epoch=request.epoch)
        organization = names.organization_of(request.parent)
        key = await self.database.read(_organization_uid, organization)
        watch = _Watch(self, organization, caller, keys=(organization, key))
        async for response in watch.follow(request, context):
            yield response


class _Watch:
    """One watch under way."""

    def __init__(
        self, watches: WorkspaceWatches, organization: str, caller: Subject, *, keys: Sequence[str]
    ) -> None:
        self._watches = watches
        self._feed = watches.database.feed
        self._organization = organization
        self._caller = caller
        self._stream = current_stream.get()
        self._sleeper = Sleeper(watches.sleepers, keys)
        self._position = 0
        self._epoch = self._feed.epoch
        # The workspaces that the reader knows of, by their UUIDs: what can be lost from view.
        self._known: dict[UUID, str] = {}

    async def follow(
        self, request: workspaces_pb2.WatchWorkspacesRequest, context: Context
    ) -> AsyncGenerator[Response, None]:
        look = await self._look(None)
        self._known = {view.uid: view.row.name for view in look.views}
        with_state = request.send_initial_state
        self._position = look.revision if with_state else request.after_revision or look.revision
        epoch = str(self._epoch)
        metadata = (("x-weft-epoch", epoch), ("x-weft-revision", str(self._position)))
        await context.send_initial_metadata(metadata)
        if with_state:
            yield Response(epoch=epoch, more_in_revision=True)
            kind = workspaces_pb2.WORKSPACE_CHANGE_TYPE_SNAPSHOT
            for message in self._messages([self._seen(view, kind) for view in look.views]):
                message.more_in_revision = True
                yield message
        yield self._bookmark(epoch, initial_complete=with_state)
        async for message in self._go_on():
            yield message

    async def _go_on(self) -> AsyncGenerator[Response, None]:
        ending = self._stream.ending
        ending.then(self._sleeper.rouse)
        while not ending.is_set():
            self._stream.cursor = str(self._position)
            if self._feed.head == self._position:
                self._position = await self._sleeper.sleep(self._position)
                if self._feed.head == self._position and not ending.is_set():
                    yield self._bookmark()
                continue
            if self._feed.epoch != self._epoch:
                await self._feed.check(self._position, epoch=str(self._epoch))
            events = await self._feed.read(self._position, _PAGE_EVENTS)
            changes = await self._changes(events)
            self._position = events[-1].revision if events else self._feed.head
            for message in self._messages(changes):
                yield message
        reason = "draining" if self._watches.is_draining() else "age"
        notice = workspaces_pb2.WatchNotice(reconnect=True, reason=reason)
        yield Response(revision=self._position, notice=notice)

    async def _changes(self, events: Sequence[StoredEvent]) -> list[Change]:
        """How the workspaces are now that a part of the feed is about."""
        own = [e for e in events if not set(_keys_of(e)).isdisjoint(self._sleeper.keys)]
        if not own:
            return []
        has_access_changed = any(event.resource_type in _ACCESS for event in own)
        touched = {uid for event in own for uid in _workspaces_in(event)}
        look = await self._look(None if has_access_changed else sorted(touched))
        kind = workspaces_pb2.WORKSPACE_CHANGE_TYPE_CHANGED
        seen = {view.uid: view for view in look.views if view.row.delete_time is None}
        changed = [v for uid, v in seen.items() if uid in touched or uid not in self._known]
        gone = {view.uid: view.row.name for view in look.views if view.uid not in seen}
        judged = self._known if has_access_changed else self._known.keys() & touched
        gone |= {uid: self._known[uid] for uid in judged if uid not in seen}
        self._known |= {uid: view.row.name for uid, view in seen.items()}
        for uid in gone:
            self._known.pop(uid, None)
        removed = [_removed(uid, name) for uid, name in gone.items()]
        return [*removed, *(self._seen(view, kind) for view in changed)]

    async def _look(self, uids: Sequence[UUID] | None) -> Look:
        arguments = (self._organization, self._caller, self._watches.messages.trust_domain)
        return await self._watches.database.read(_look, *arguments, uids)

    def _seen(self, view: WorkspaceView, kind: Kind) -> Change:
        message = self._watches.messages.workspace(view)
        return Change(type=kind, name=message.name, uid=message.uid, workspace=message)

    def _messages(self, changes: Sequence[Change]) -> Iterator[Response]:
        """The changes in messages of a bounded size; the last one says how far the watch is."""
        for start in range(0, len(changes), _CHANGES_PER_MESSAGE):
            part = changes[start : start + _CHANGES_PER_MESSAGE]
            has_more = start + _CHANGES_PER_MESSAGE < len(changes)
            yield Response(revision=self._position, changes=part, more_in_revision=has_more)

    def _bookmark(self, epoch: str = "", *, initial_complete: bool = False) -> Response:
        bookmark = workspaces_pb2.WatchBookmark(initial_complete=initial_complete)
        return Response(revision=self._position, epoch=epoch, bookmark=bookmark)


def _look(
    session: Session,
    organization: str,
    caller: Subject,
    trust_domain: str,
    uids: Sequence[UUID] | None,
) -> Look:
    """What the caller may see, of these workspaces or of all, and removed ones by their UUIDs."""
    grants = access.grants_of(session, caller)
    scopes = [grant.scope for grant in grants if grant.scope.organization == organization]
    rows = store.workspaces.seen_from(session, organization, scopes, uids)
    found = views.of_rows(session, organization, rows, trust_domain)
    return Look(read_head(session.connection(), TABLES).revision, found)


def _organization_uid(session: Session, organization: str) -> str:
    row = store.organizations.get(session, organization)
    assert row is not None, "whoever holds a grant in it has shown that it exists"
    return str(row.uid)


def _keys_of(event: StoredEvent) -> tuple[Hashable, ...]:
    """Whose watches an event may concern: an organization's, by its id or by its UUID."""
    if event.resource_type == _HEALTH:
        return (str(SpiffeId.parse(event.name).organization),)
    if event.resource_type == _REGISTERED or event.resource_type in _ACCESS:
        return (names.organization_of(event.name),)
    return ()


def _workspaces_in(event: StoredEvent) -> tuple[UUID, ...]:
    if event.resource_type == _HEALTH:
        return (SpiffeId.parse(event.name).uid,)
    return (UUID(event.uid),) if event.resource_type == _REGISTERED else ()


def _removed(uid: UUID, name: str) -> Change:
    kind = workspaces_pb2.WORKSPACE_CHANGE_TYPE_REMOVED
    return Change(type=kind, name=name, uid=str(uid))
