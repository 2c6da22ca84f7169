"""A workload in the manager's memory: its folder, what was last seen of it, who is told."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from workloads.launchers import Observation, outcomes
from workloads.launchers.folder import Folder, Intent
from workloads.launchers.handles import ProcessHandle
from workloads.lifecycle import WorkloadState
from workloads.model import Workload, WorkloadKey
from workloads.shim import files

log = structlog.get_logger()


class Record:
    """One workload; whatever changes it goes through here, and is told at once."""

    def __init__(self, intent: Intent, folder: Folder, tell: Callable[[Observation], None]) -> None:
        self.intent = intent
        self.folder = folder
        self.workload: Workload = outcomes.restore(intent, folder)
        # The shim, while somebody attends it.
        self.handle: ProcessHandle | None = None
        self.ended = asyncio.Event()
        self.lock = asyncio.Lock()
        self._tell = tell
        if self.state.is_terminal:
            self.ended.set()

    @property
    def key(self) -> WorkloadKey:
        return self.intent.key

    @property
    def state(self) -> WorkloadState:
        return self.workload.state

    def announce(self, *, is_deleted: bool = False) -> None:
        """Tells the workload as it is, or that it is no more."""
        self._tell(Observation(self.workload, is_deleted=is_deleted))

    def explain(self, reason: str) -> None:
        """Changes the reason of the state, but not the state."""
        if self.workload.reason != reason:
            self.workload = replace(self.workload, reason=reason)
            self.announce()

    def move(self, state: WorkloadState, reason: str = "") -> None:
        """Goes to a state; stays where no way leads there (an order to cancel came first)."""
        self._become(replace(self.workload, state=state, reason=reason))

    def begin(self, started: files.Json) -> None:
        """Notes that the child executes."""
        self._become(outcomes.begun(replace(self.workload, state=WorkloadState.RUNNING), started))

    def end(self, end: files.Json) -> None:
        """Enters the terminal state that the record of its end means."""
        workload, started = self.workload, self.folder.started()
        if started:
            self.begin(started)  # it may have ended before anybody looked
            workload = outcomes.begun(self.workload, started)
        self._become(outcomes.ended(workload, end, self.folder.order_to_cancel()))
        self.ended.set()

    def _become(self, target: Workload) -> None:
        """Enters the target's state by every legal step, so that nobody sees any other edge."""
        for workload in self.workload.becoming(target):
            self.workload = workload
            log.info("workload", key=str(self.key), state=self.state.value, reason=workload.reason)
            self.announce()
