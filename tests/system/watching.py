"""Clients of a watch: one that goes on over any break, and remembers what it saw."""

import threading
from typing import Any

import grpc

from tests.system.project import PATIENCE_S, Project
from weftapi.workspace.v1 import events_pb2


class Watcher:
    """Watches everything in a project from a revision on, as the contract says it is done.

    It resumes from the last complete message and drops what it has seen (S11, S30).
    """

    def __init__(self, project: Project, after: int) -> None:
        self._project = project
        self._changed = threading.Condition()
        self._done = False
        self._call: Any = None
        self.revision = after
        self.events: list[events_pb2.Event] = []
        self.openings = 0
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def wait_for(self, revision: int) -> None:
        """Waits until it has come that far."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.revision >= revision, PATIENCE_S)

    def close(self) -> None:
        self._done = True
        if self._call:
            self._call.cancel()
        self._thread.join()

    def _work(self) -> None:
        while not self._done:
            try:
                self._watch()
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                    raise

    def _watch(self) -> None:
        request = events_pb2.WatchEventsRequest(
            parent=self._project.name, after_revision=self.revision
        )
        token = self._project.endpoint._metadata(is_fresh=False)
        method = self._project.events.WatchEvents
        self._call = method(request, metadata=token, wait_for_ready=True)
        self.openings += 1
        for message in self._call:
            self._take(message)

    def _take(self, message: events_pb2.WatchResponse) -> None:
        seen = (self.events[-1].revision, self.events[-1].index) if self.events else (0, -1)
        with self._changed:
            self.events += [e for e in message.events if (e.revision, e.index) > seen]
            if not message.more_in_revision:
                self.revision = max(self.revision, message.revision)
            self._changed.notify_all()
