"""What the API server keeps: objects, and the changes that watches have not forgotten."""

import asyncio
import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

Object = dict[str, Any]
_WITHOUT_STATUS = frozenset({"ConfigMap", "Event", "Lease", "Secret"})


class RefusalError(Exception):
    """An answer that is no success: HTTP's status, and Kubernetes' reason."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Store:
    """The objects of one namespace by (plural, name), with one version for all of them."""

    def __init__(self, namespace: str = "weft-runs") -> None:
        self.namespace = namespace
        self.version = 1
        self.compacted = 0
        self.objects: dict[tuple[str, str], Object] = {}
        # (version, plural, type, object), oldest first.
        self.history: list[tuple[int, str, str, Object]] = []
        self.moved = asyncio.Event()
        self._listeners: list[Callable[[str, str, Object], None]] = []

    def listen(self, hear: Callable[[str, str, Object], None]) -> None:
        self._listeners.append(hear)

    def find(self, plural: str, name: str) -> Object:
        found = self.objects.get((plural, name))
        if found is None:
            raise RefusalError(404, "NotFound", f'{plural} "{name}" not found')
        return found

    def all(self, plural: str) -> list[Object]:
        return [thing for (kind, _), thing in sorted(self.objects.items()) if kind == plural]

    def create(self, plural: str, thing: Object) -> Object:
        name = thing["metadata"]["name"]
        if (plural, name) in self.objects:
            raise RefusalError(409, "AlreadyExists", f'{plural} "{name}" already exists')
        thing["metadata"] |= {
            "namespace": self.namespace,
            "uid": thing["metadata"].get("uid") or str(uuid4()),
            "creationTimestamp": now(),
        }
        if thing.get("kind") not in _WITHOUT_STATUS:
            thing.setdefault("status", {})
        return self._keep(plural, "ADDED", thing)

    def change(self, plural: str, name: str, edit: Callable[[Object], None]) -> Object:
        """Edits a copy and keeps it; one that nothing keeps any more is removed."""
        thing = copy.deepcopy(self.find(plural, name))
        edit(thing)
        if thing == self.objects[plural, name]:
            return thing
        metadata = thing["metadata"]
        is_held = metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds")
        if "deletionTimestamp" in metadata and not is_held:
            return self.remove(plural, name, thing)
        return self._keep(plural, "MODIFIED", thing)

    def remove(self, plural: str, name: str, last: Object | None = None) -> Object:
        thing = copy.deepcopy(last or self.find(plural, name))
        del self.objects[plural, name]
        return self._tell(plural, "DELETED", thing)

    def compact(self) -> None:
        """Forgets every change, as etcd does with old ones: whoever watches from there is late."""
        self.compacted = self.version
        self.history.clear()
        self._wake()

    def _keep(self, plural: str, type_: str, thing: Object) -> Object:
        self._tell(plural, type_, thing)
        self.objects[plural, thing["metadata"]["name"]] = thing
        return thing

    def _tell(self, plural: str, type_: str, thing: Object) -> Object:
        self.version += 1
        thing["metadata"]["resourceVersion"] = str(self.version)
        self.history.append((self.version, plural, type_, copy.deepcopy(thing)))
        self._wake()
        loop = asyncio.get_running_loop()
        for hear in self._listeners:
            loop.call_soon(hear, plural, type_, thing)
        return thing

    def _wake(self) -> None:
        moved, self.moved = self.moved, asyncio.Event()
        moved.set()
