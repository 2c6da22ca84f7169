"""Programs that work with a control plane without a pause, while its replicas are replaced.

They use the SDK as it is, and note every call that failed for them after its retries.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.controlplane.harness import ORGANIZATION
from weft._connection import Endpoint
from weft.cli.fleet_watch import changes
from weftapi.controlplane.v1 import (
    auth_pb2,
    auth_pb2_grpc,
    teams_pb2,
    teams_pb2_grpc,
    workspace_types_pb2,
    workspaces_pb2,
    workspaces_pb2_grpc,
)

W1 = f"{ORGANIZATION}/workspaces/w1"
_PATIENCE_S = 60.0


class Counted(Endpoint):
    """An endpoint that counts the streams that were opened on it, and ends them when closed."""

    def __init__(self, target: str, **options: Any) -> None:
        super().__init__(target, **options)
        self.opened = 0
        self._stream: Any = None
        self._is_left = False

    def open(self, *args: Any, **options: Any) -> Any:
        if self._is_left:
            raise ConnectionAbortedError("its user has left")
        self.opened += 1
        self._stream = super().open(*args, **options)
        return self._stream

    def close(self) -> None:
        self._is_left = True
        if self._stream is not None:
            self._stream.cancel()
        super().close()


@dataclass
class Watcher:
    """Who watches the fleet: the numbers that w1 was seen to be named, one after the other."""

    endpoint: Counted
    seen: list[int] = field(default_factory=list)


class AtWork:
    """The programs, each a thread with a connection of its own."""

    def __init__(self, connect: Callable[[], Counted]) -> None:
        self._connect = connect
        self.failures: list[str] = []
        self.teams: list[str] = []
        self.named = 0
        self.watchers: list[Watcher] = []
        self._is_over = threading.Event()
        self._is_closed = False
        self._progress = threading.Condition()
        self._endpoints: list[Endpoint] = []
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        self.watchers = [Watcher(self._endpoint()) for _ in range(3)]
        for watcher in self.watchers:
            self._work("watches", lambda watcher=watcher: self._watch(watcher))  # type: ignore[misc]
        self._work("makes teams", self._make_teams)
        self._work("names w1", self._name)
        self._work("lists", self._list)

    def renew(self, anonymous: Endpoint, refresh_token: str) -> None:
        """One more program: it signs in again and again, each time by what it was given last."""
        self._endpoints.append(anonymous)
        self._work("signs in again", lambda: self._renew(anonymous, refresh_token))

    def more(self, teams: int) -> None:
        """Waits for so many more teams."""
        with self._progress:
            goal = len(self.teams) + teams
            self._until(lambda: len(self.teams) >= goal, "nobody gets on")

    def end(self) -> None:
        """Has everybody finish what they began, and watchers see the last of it."""
        self._is_over.set()
        for thread in self._threads[len(self.watchers) :]:
            thread.join(_PATIENCE_S)
        with self._progress:
            self._until(
                lambda: all(watcher.seen[-1:] == [self.named] for watcher in self.watchers),
                "a watcher does not come to the end",
            )

    def close(self) -> None:
        """Hangs up: watches go on until then."""
        self._is_closed = True
        self._is_over.set()
        for endpoint in self._endpoints:
            endpoint.close()
        for thread in self._threads:
            thread.join(_PATIENCE_S)

    def listed_teams(self) -> list[str]:
        endpoint = self._endpoint()
        method = endpoint.stub(teams_pb2_grpc.TeamServiceStub).ListTeams
        request = teams_pb2.ListTeamsRequest(parent=ORGANIZATION, page_size=200)
        names: list[str] = []
        while True:
            page = endpoint.call(method, request)
            names += [team.name for team in page.teams]
            if not page.next_page_token:
                return names
            request.page_token = page.next_page_token

    def _until(self, holds: Callable[[], bool], words: str) -> None:
        assert self._progress.wait_for(lambda: self.failures or holds(), _PATIENCE_S), words

    def _endpoint(self) -> Counted:
        endpoint = self._connect()
        self._endpoints.append(endpoint)
        return endpoint

    def _work(self, name: str, work: Callable[[], None]) -> None:
        def noted() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - whatever it is, somebody's work ended
                with self._progress:
                    if not self._is_closed:
                        self.failures.append(f"{name}: {error!r}")
                    self._progress.notify_all()

        self._threads.append(threading.Thread(target=noted, name=name))
        self._threads[-1].start()

    def _make_teams(self) -> None:
        endpoint = self._endpoint()
        stub = endpoint.stub(teams_pb2_grpc.TeamServiceStub)
        while not self._is_over.wait(0.01):
            request = teams_pb2.CreateTeamRequest(
                parent=ORGANIZATION, team_id=f"team-{len(self.teams)}", request_id=str(uuid4())
            )
            made = endpoint.call(stub.CreateTeam, request)
            endpoint.call(stub.GetTeam, teams_pb2.GetTeamRequest(name=made.name))
            with self._progress:
                self.teams.append(made.name)
                self._progress.notify_all()

    def _name(self) -> None:
        endpoint = self._endpoint()
        stub = endpoint.stub(workspaces_pb2_grpc.WorkspaceServiceStub)
        while not self._is_over.wait(0.02):
            named = workspace_types_pb2.Workspace(name=W1, display_name=str(self.named + 1))
            request = workspaces_pb2.UpdateWorkspaceRequest(
                workspace=named, request_id=str(uuid4())
            )
            endpoint.call(stub.UpdateWorkspace, request)
            self.named += 1

    def _list(self) -> None:
        endpoint = self._endpoint()
        stub = endpoint.stub(workspaces_pb2_grpc.WorkspaceServiceStub)
        request = workspaces_pb2.ListWorkspacesRequest(parent=ORGANIZATION)
        while not self._is_over.wait(0.01):
            endpoint.call(stub.ListWorkspaces, request)

    def _renew(self, anonymous: Endpoint, refresh_token: str) -> None:
        stub = anonymous.stub(auth_pb2_grpc.AuthServiceStub)
        while not self._is_over.wait(0.02):
            request = auth_pb2.ExchangeTokenRequest(refresh_token=refresh_token)
            refresh_token = anonymous.call(stub.ExchangeToken, request).refresh_token

    def _watch(self, watcher: Watcher) -> None:
        for message in changes(watcher.endpoint, ORGANIZATION):
            names = [it.workspace.display_name for it in message.changes if it.name == W1]
            with self._progress:
                watcher.seen += [int(name) for name in names if name]
                self._progress.notify_all()


def judge(at_work: AtWork) -> None:
    """No call failed, nothing was done twice or forgotten, and streams were handed over."""
    assert at_work.failures == []
    listed = at_work.listed_teams()
    assert sorted(listed) == sorted(at_work.teams)
    for watcher in at_work.watchers:
        assert watcher.seen == sorted(watcher.seen)
        assert watcher.endpoint.opened >= 3, watcher.endpoint.opened
