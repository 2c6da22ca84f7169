"""WatchWorkspaces: everything first, then each change as it is; resumed without a gap."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import sqlalchemy as sa

from controlplane.events import encode_event
from controlplane.store.schema import Base, Link
from meshkit.database import Database, Session
from tests.controlplane.harness import (
    ORGANIZATION,
    WORKSPACE,
    Client,
    Plane,
    bind,
    refused,
    running,
)
from weftapi.controlplane.v1 import access_pb2, workspace_types_pb2, workspaces_pb2

W1, W2 = (f"{ORGANIZATION}/workspaces/{id_}" for id_ in ("w1", "w2"))
STATE = workspace_types_pb2.WorkspaceState
SNAPSHOT, CHANGED, REMOVED = (
    workspaces_pb2.WorkspaceChangeType.Value(f"WORKSPACE_CHANGE_TYPE_{name}")
    for name in ("SNAPSHOT", "CHANGED", "REMOVED")
)
Response = workspaces_pb2.WatchWorkspacesResponse


class Watch:
    """A watch as a client holds it."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.revision = 0
        self.seen: list[Response] = []

    async def next(self) -> Response:
        async with asyncio.timeout(30):
            message = await self.call.read()
        assert message is not grpc.aio.EOF
        self.seen.append(message)
        if not message.more_in_revision:
            self.revision = message.revision
        return message

    async def until(self, holds: Callable[[Response], bool]) -> Response:
        """Reads on to the first message of which something holds."""
        while not holds(message := await self.next()):
            pass
        return message

    async def change(self, name: str = W1, state: int | None = None) -> Any:
        """Reads on to the first change of a workspace, to a state if one is given."""

        def found(message: Response) -> list[Any]:
            return [
                change
                for change in message.changes
                if change.name == name and state in (None, change.workspace.state)
            ]

        return found(await self.until(lambda message: bool(found(message))))[0]


@asynccontextmanager
async def watching(client: Client, **fields: Any) -> AsyncIterator[Watch]:
    request = workspaces_pb2.WatchWorkspacesRequest(parent=ORGANIZATION, **fields)
    bearer = (("authorization", f"Bearer {client.tokens.access_token}"),)
    call = client.workspaces.WatchWorkspaces(request, metadata=bearer)
    try:
        yield Watch(call)
    finally:
        call.cancel()


async def test_it_begins_with_everything_and_goes_on(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    async with watching(admin, send_initial_state=True) as watch:
        first = await watch.next()
        assert first.epoch
        assert first.more_in_revision
        snapshot = await watch.next()
        assert [(c.type, c.name) for c in snapshot.changes] == [(SNAPSHOT, W1)]
        assert (await watch.next()).bookmark.initial_complete
        await plane.new_workspace(admin, "w2")
        made = await watch.change(W2)
        assert (made.type, made.workspace.state) == (CHANGED, STATE.WORKSPACE_STATE_ENROLLING)
        link = await plane.link(await plane.enroll(admin, WORKSPACE, "w2"))
        await watch.change(W2, STATE.WORKSPACE_STATE_ACTIVE)
        await link.health(database="cannot be reached")
        failing = await watch.change(W2, STATE.WORKSPACE_STATE_DEGRADED)
        assert failing.workspace.state_reason == "database: cannot be reached"
        await link.call.done_writing()
        gone = await watch.change(W2, STATE.WORKSPACE_STATE_UNREACHABLE)
        assert gone.workspace.state_time.ToDatetime() >= failing.workspace.state_time.ToDatetime()
        name = workspaces_pb2.DeregisterWorkspaceRequest(name=W2)
        await admin.workspaces.DeregisterWorkspace(name)
        removed = await watch.until(lambda m: any(c.type == REMOVED for c in m.changes))
        assert [c.uid for c in removed.changes if c.type == REMOVED] == [made.uid]
    revisions = [message.revision for message in watch.seen[1:]]
    assert revisions == sorted(revisions)


async def test_it_is_resumed_from_any_place(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    listing = workspaces_pb2.ListWorkspacesRequest(parent=ORGANIZATION)
    start = (await admin.workspaces.ListWorkspaces(listing)).revision
    await plane.new_workspace(admin, "w2")
    async with watching(admin, after_revision=start) as watch:
        assert (await watch.next()).bookmark.initial_complete is False
        assert (await watch.change(W2)).type == CHANGED
        middle = watch.revision
    await admin.workspaces.DeregisterWorkspace(workspaces_pb2.DeregisterWorkspaceRequest(name=W2))
    async with watching(admin, after_revision=middle) as watch:
        assert (await watch.change(W2)).type == REMOVED
    for fields, reason in (
        ({"after_revision": middle + 10_000}, "REVISION_IN_FUTURE"),
        ({"after_revision": middle, "epoch": str(uuid4())}, "EPOCH_CHANGED"),
    ):
        async with watching(admin, **fields) as watch:
            assert await refused(watch.next()) == ("OUT_OF_RANGE", reason)


async def test_it_shows_what_its_reader_may_see(plane: Plane, admin: Client) -> None:
    for id_ in ("w1", "w2"):
        await plane.new_workspace(admin, id_)
    vi = await plane.new_user(admin, "vi@example.com", role="viewer", resource=W1)
    async with watching(vi, send_initial_state=True) as watch:
        await watch.until(lambda message: message.bookmark.initial_complete)
        assert [c.name for message in watch.seen for c in message.changes] == [W1]
        await plane.enroll(admin, WORKSPACE, "w2")
        granted = await bind(admin, vi.subject, "viewer", W2)
        assert (await watch.change(W2)).type == CHANGED
        await admin.access.DeleteRoleBinding(access_pb2.DeleteRoleBindingRequest(name=granted.name))
        assert (await watch.change(W2)).type == REMOVED
        fields = workspace_types_pb2.Workspace(name=W2, display_name="secret")
        await admin.workspaces.UpdateWorkspace(
            workspaces_pb2.UpdateWorkspaceRequest(workspace=fields)
        )
        fields.name = W1
        await admin.workspaces.UpdateWorkspace(
            workspaces_pb2.UpdateWorkspaceRequest(workspace=fields)
        )
        await watch.change(W1)
        assert W2 not in {c.name for c in watch.seen[-1].changes}
    nobody = await plane.new_user(admin, "no@example.com")
    async with watching(nobody) as watch:
        assert await refused(watch.next()) == ("PERMISSION_DENIED", "NOT_PERMITTED")


async def test_an_idle_watch_says_that_it_is_alive(tmp_path: Path, sqlite_url: str) -> None:
    async with running(tmp_path, sqlite_url, bookmark_s=0.1) as plane:
        admin = await plane.set_up()
        async with watching(admin) as watch:
            await watch.next()
            again = await watch.next()
            assert again.HasField("bookmark")


async def test_a_draining_server_asks_watches_to_come_back(tmp_path: Path, sqlite_url: str) -> None:
    async with running(tmp_path, sqlite_url) as plane:
        admin = await plane.set_up()
        async with watching(admin) as watch:
            await watch.next()
            stopping = asyncio.create_task(plane.server.stop())
            last = await watch.until(lambda message: message.HasField("notice"))
            assert (last.notice.reconnect, last.notice.reason) == (True, "draining")
            assert await watch.call.read() is grpc.aio.EOF
            assert await watch.call.code() is grpc.StatusCode.OK
            await stopping


async def test_a_restart_says_who_did_not_come_back(tmp_path: Path, database_url: str) -> None:
    """Who watched before it hears of links that broke with the old process."""
    async with running(tmp_path, database_url) as first:
        admin = await first.set_up()
        await first.new_workspace(admin, "w1")
        link = await first.link(await first.enroll(admin, WORKSPACE, "w1"))
        await link.hear("directory")
        async with watching(admin, send_initial_state=True) as watch:
            await watch.until(lambda message: message.bookmark.initial_complete)
    url = first.settings.database
    async with await Database.open(
        url, metadata=Base.metadata, encode_event=encode_event
    ) as database:
        # As a kill leaves it: nobody has said that the link has ended.
        await database.write(_say_linked)
    async with running(tmp_path, database_url) as second:
        again = await second.sign_in()
        async with watching(again, after_revision=watch.revision) as resumed:
            change = await resumed.change(W1, STATE.WORKSPACE_STATE_UNREACHABLE)
            assert change.workspace.state_reason == "Its server is not linked now."


def _say_linked(session: Session) -> None:
    session.execute(sa.update(Link).values(linked=True, verdict="HEALTHY"))


async def test_usage_and_drift_are_told(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    link = await plane.link(await plane.enroll(admin, WORKSPACE, "w1"))
    told = (await link.hear("policy")).revision
    usage = workspace_types_pb2.WorkspaceUsage(project_count=2, run_count=7, artifact_bytes=1 << 40)
    await link.report(policy_revision=told - 1, usage=usage)

    async def seen() -> Any:
        request = workspaces_pb2.GetWorkspaceRequest(name=W1)
        return await admin.workspaces.GetWorkspace(request)

    async with asyncio.timeout(20):
        while not (now := await seen()).HasField("usage"):  # noqa: ASYNC110 - as below
            await asyncio.sleep(0.01)
    assert now.usage == usage
    assert now.policy_revision == told - 1
    assert now.drift == f"decides on policy {told - 1} where {told} was pushed"
    await link.report(policy_revision=told, usage=usage)
    async with asyncio.timeout(20):
        while (await seen()).drift:  # noqa: ASYNC110 - another process would poll too
            await asyncio.sleep(0.01)
