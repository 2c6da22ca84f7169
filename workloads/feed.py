"""What every workload looks like now, and in which order they last changed.

A watch says workloads as they are, so it needs no history of events: a subscriber's position
is a revision, and what is later than it is what changed since. Only deletions are remembered
beside, so many that a watch may resume over them. A manager that restarts has a new epoch.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from meshkit.errors import NotFound, OutOfRange
from meshkit.ids import new_uid
from workloads.launchers import Observation
from workloads.model import Workload, WorkloadKey

_DELETIONS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Versioned:
    """A workload as it became at a revision; None where it was deleted then."""

    revision: int
    key: WorkloadKey
    workload: Workload | None


class Feed:
    """The workloads of all owners; every question is asked for one of them."""

    def __init__(self, *, deletions_kept: int = _DELETIONS_KEPT) -> None:
        self.epoch: UUID = new_uid()
        self.revision = 0
        # Both in the order of their revisions: what changes moves to the end.
        self._present: OrderedDict[WorkloadKey, Versioned] = OrderedDict()
        self._deleted: OrderedDict[WorkloadKey, Versioned] = OrderedDict()
        self._deletions_kept = deletions_kept
        self._compact_revision = 0
        self._changed = asyncio.Event()

    def hear(self, observation: Observation) -> None:
        """Takes in what a launcher observes."""
        self.revision += 1
        key = observation.workload.key
        workload = None if observation.is_deleted else observation.workload
        self._present.pop(key, None)
        self._deleted.pop(key, None)
        where = self._deleted if workload is None else self._present
        where[key] = Versioned(self.revision, key, workload)
        if len(self._deleted) > self._deletions_kept:
            _, oldest = self._deleted.popitem(last=False)
            self._compact_revision = oldest.revision
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def get(self, key: WorkloadKey) -> tuple[Workload, int]:
        """A workload and the revision of its last change; raises NotFound."""
        found = self._present.get(key)
        if found is None or found.workload is None:
            raise NotFound(
                "RESOURCE_NOT_FOUND", f"there is no {key.name}", metadata={"resource": key.name}
            )
        return found.workload, found.revision

    def knows(self, key: WorkloadKey) -> bool:
        """Whether there is such a workload."""
        return key in self._present

    def all(self) -> Iterator[Workload]:
        """The workloads of all owners; for the manager itself."""
        return (found.workload for found in self._present.values() if found.workload)

    def present(self, owner: UUID) -> list[Versioned]:
        """An owner's workloads, in the order of their last changes."""
        return [found for found in self._present.values() if found.key.owner == owner]

    def changes(self, owner: UUID, after: int) -> list[Versioned]:
        """An owner's workloads that changed or were deleted after a revision, in order.

        Raises OutOfRange where the answer could not be complete.
        """
        self._check(after)
        later = [
            found
            for order in (self._present, self._deleted)
            for found in _later(order, after)
            if found.key.owner == owner
        ]
        return sorted(later, key=lambda found: found.revision)

    async def wait(self, after: int) -> None:
        """Returns when something is later than a revision."""
        while self.revision <= after:
            await self._changed.wait()

    def check_epoch(self, epoch: str) -> None:
        """Raises OutOfRange where a revision belongs to another epoch than ours."""
        if epoch != str(self.epoch):
            raise OutOfRange(
                "EPOCH_CHANGED",
                "the workload manager was restarted; watch again from the beginning",
                metadata={"epoch": str(self.epoch)},
            )

    def _check(self, after: int) -> None:
        current = str(self.revision)
        if after > self.revision:
            raise OutOfRange(
                "REVISION_IN_FUTURE",
                "the revision was never reached; watch again from the beginning",
                metadata={"currentRevision": current},
            )
        if after < self._compact_revision:
            compact = str(self._compact_revision)
            raise OutOfRange(
                "REVISION_COMPACTED",
                "deletions since that revision are forgotten; watch again from the beginning",
                metadata={"compactRevision": compact, "currentRevision": current},
            )


def _later(order: OrderedDict[WorkloadKey, Versioned], after: int) -> Iterator[Versioned]:
    for found in reversed(order.values()):
        if found.revision <= after:
            return
        yield found
