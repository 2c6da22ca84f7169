"""What a namespace holds of ours, kept true by one list and one watch of each kind.

A watch that ends is opened where it ended; one that is too old is begun anew by a list, whose
difference to what was known is told like any other change. Nothing follows from silence: while
the API server is out of reach, things are as they were last.
"""

import asyncio
import random
from collections.abc import Callable

import structlog

from workloads.launchers.kubernetes.api import GONE, ApiError, Change, Cluster, Kind, Object

log = structlog.get_logger()

_LONGEST_BACKOFF_S = 30.0
_FORBIDDEN = 403
# A watch that lived as long was no failure: the next one is opened without waiting.
_HEALTHY_S = 5.0


class Mirror:
    """The objects of one kind that match selectors of the API server, by name.

    `changed` hears of each object that is new or other than it was, and of each that is gone
    (then `is_gone`), as it was last.
    """

    def __init__(
        self,
        cluster: Cluster,
        kind: Kind,
        changed: Callable[[Object, bool], None],
        **selectors: str,
    ) -> None:
        self._cluster = cluster
        self._kind = kind
        self._selectors = selectors
        self._changed = changed
        self._objects: dict[str, Object] = {}
        self._version = ""
        self.synced = asyncio.Event()
        # Set when it was synced once, or may not be.
        self.settled = asyncio.Event()
        # Why nothing is heard, in words; empty while all is well.
        self.problem = ""

    def get(self, name: str) -> Object | None:
        return self._objects.get(name)

    def all(self) -> list[Object]:
        return list(self._objects.values())

    def hear(self, thing: Object) -> None:
        """Takes in an object that a call of ours answered, unless the watch was faster."""
        known = self._objects.get(thing["metadata"]["name"])
        if known is None or _is_newer(thing, known):
            self._put(thing)

    async def run(self) -> None:
        """Follows until cancelled."""
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._follow()
                failures = 0
            except ApiError as error:
                if error.status == GONE:
                    self._version = ""
                    continue
                lived_s = asyncio.get_running_loop().time() - began
                failures = 1 if lived_s > _HEALTHY_S else failures + 1
                self._complain(error)
                await asyncio.sleep(error.retry_after_s or _backoff_s(failures))

    async def _follow(self) -> None:
        if not self._version:
            await self._list()
        async for change in self._cluster.watch(self._kind, self._version, **self._selectors):
            self._recover()
            self._hear(change)

    async def _list(self) -> None:
        found, version = await self._cluster.list(self._kind, **self._selectors)
        present = {thing["metadata"]["name"]: thing for thing in found}
        for name in self._objects.keys() - present.keys():
            self._tell(self._objects.pop(name), is_gone=True)
        for name, thing in present.items():
            known = self._objects.get(name)
            if known is not None and known["metadata"]["uid"] != thing["metadata"]["uid"]:
                # Deleted, and another of its name made, while nobody looked.
                self._tell(self._objects.pop(name), is_gone=True)
            if known is None or _version(known) != _version(thing):
                self._put(thing)
        self._version = version
        self._recover()
        self.synced.set()
        self.settled.set()

    def _hear(self, change: Change) -> None:
        if change.type != "BOOKMARK":
            name = change.object["metadata"]["name"]
            if change.type == "DELETED":
                self._objects.pop(name, None)
                self._tell(change.object, is_gone=True)
            else:
                self._put(change.object)
        self._version = _version(change.object)

    def _put(self, thing: Object) -> None:
        # Who wrote which field is most of an object, and nothing that we ask for.
        thing["metadata"].pop("managedFields", None)
        self._objects[thing["metadata"]["name"]] = thing
        self._tell(thing, is_gone=False)

    def _tell(self, thing: Object, *, is_gone: bool) -> None:
        """Tells of an object; one that nobody can make sense of keeps no other back."""
        try:
            self._changed(thing, is_gone)
        except Exception:
            name = thing["metadata"]["name"]
            log.exception("object_parked", kind=self._kind.name, name=name)

    def _complain(self, error: ApiError) -> None:
        if not self.problem:
            log.warning("cluster_out_of_sight", kind=self._kind.name, error=error.message)
        self.problem = error.message
        if error.status == _FORBIDDEN:
            self.settled.set()

    def _recover(self) -> None:
        if self.problem:
            log.info("cluster_in_sight", kind=self._kind.name)
        self.problem = ""


def _version(thing: Object) -> str:
    return str(thing["metadata"]["resourceVersion"])


def _is_newer(thing: Object, known: Object) -> bool:
    # Since Kubernetes 1.35 the API promises that versions of one kind compare as numbers; every
    # server before it, with etcd below, had them so.
    return int(_version(thing)) > int(_version(known))


def _backoff_s(failures: int) -> float:
    bound: float = min(_LONGEST_BACKOFF_S, 0.25 * 2 ** min(failures, 8))
    return random.uniform(bound / 2, bound)  # noqa: S311  # spreads load, hides nothing
