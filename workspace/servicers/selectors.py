"""What of the feed concerns a watch."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Protocol

from meshkit.caller import Caller
from meshkit.feed import StoredEvent
from meshkit.filters import Filter
from weftapi.workspace.v1 import events_pb2, run_types_pb2
from workspace import names
from workspace.access import Access
from workspace.encoding import decode, left
from workspace.lifecycle import RUN_TERMINAL
from workspace.store.schema import Run

OVER = frozenset(run_types_pb2.RunState.Value(f"RUN_STATE_{state}") for state in RUN_TERMINAL)
_ANY = ""


class Selector(Protocol):
    """Chooses events; `keys` are those of `keys_of` by which it may want one.

    `is_conflating` says that of several changes of one resource the newest is enough.
    """

    @property
    def is_conflating(self) -> bool: ...

    @property
    def keys(self) -> Sequence[Hashable]: ...

    @property
    def likeness(self) -> Hashable | None:
        """Equal for selectors that choose the same now; None where choosing has a memory."""
        ...

    def select(self, event: StoredEvent) -> bytes | None:
        """The bytes to send of an event, or nothing."""
        ...


def keys_of(event: StoredEvent) -> Iterator[Hashable]:
    """By what watches may be waiting for an event: its run, its project and kind."""
    parts = event.name.split("/", 4)
    if len(parts) > 3 and parts[2] == "runs":  # noqa: PLR2004 - projects/p/runs/r
        yield "/".join(parts[:4])
    for project in (event.project, _ANY):
        yield project, event.resource_type
        yield project, _ANY


class OfRun:
    """A run and its steps."""

    __slots__ = ("_below", "_name", "is_conflating")

    def __init__(self, name: str, *, is_conflating: bool = False) -> None:
        self._name = name
        self.is_conflating = is_conflating
        self._below = f"{name}/steps/"

    @property
    def keys(self) -> Sequence[Hashable]:
        return (self._name,)

    @property
    def likeness(self) -> Hashable:
        return self._name, self.is_conflating

    def select(self, event: StoredEvent) -> bytes | None:
        is_own = event.name == self._name or event.name.startswith(self._below)
        return event.event if is_own else None


class Scope:
    """Which projects a watch may show: decided again whenever the policy changes."""

    __slots__ = ("_access", "_arguments", "_revision", "_visible", "project")

    def __init__(self, access: Access, caller: Caller, permission: str, parent: str) -> None:
        self._access = access
        self._arguments = (caller, permission, parent)
        self._revision = -1
        self._visible: frozenset[str] | None = frozenset()
        named = names.project_of(parent)
        self.project = _ANY if named == names.WILDCARD else named

    def visible(self) -> frozenset[str] | None:
        if self._revision != self._access.revision:
            self._revision = self._access.revision
            self._visible = self._access.visible(*self._arguments)
        return self._visible

    def shows(self, event: StoredEvent) -> bool:
        visible = self.visible()
        return visible is None or event.project in visible


class InScope:
    """Everything in the projects of a scope, or some kinds of it."""

    __slots__ = ("_scope", "_wanted", "is_conflating")

    def __init__(self, scope: Scope, resource_types: Any, *, is_conflating: bool = False) -> None:
        self._scope = scope
        self.is_conflating = is_conflating
        self._wanted = frozenset(resource_types)

    @property
    def keys(self) -> Sequence[Hashable]:
        return [(self._scope.project, kind) for kind in self._wanted or (_ANY,)]

    @property
    def likeness(self) -> Hashable:
        return self._scope.visible(), self._wanted, self.is_conflating

    def select(self, event: StoredEvent) -> bytes | None:
        if self._wanted and event.resource_type not in self._wanted:
            return None
        return event.event if self._scope.shows(event) else None


class Matching:
    """Selects runs by a filter, and says once of each that it no longer matches.

    Which runs matched before this watch began is known only if it began with all of them;
    otherwise a run that does not match is reported as having left, once: who does not know it
    loses nothing.
    """

    likeness = None

    def __init__(
        self,
        filter_: Filter,
        scope: Scope,
        initial: Sequence[bytes] | None,
        *,
        is_conflating: bool = False,
    ) -> None:
        """`initial` are the runs that match at the start, where the watch begins with them."""
        self.is_conflating = is_conflating
        self._holds = filter_.predicate()
        self._scope = scope
        self._knows_all = initial is not None
        self._inside = {decode(event).uid for event in initial or ()}
        self._outside: set[str] = set()

    @property
    def keys(self) -> Sequence[Hashable]:
        return ((self._scope.project, Run.resource_type),)

    def select(self, event: StoredEvent) -> bytes | None:
        if event.resource_type != Run.resource_type or not self._scope.shows(event):
            return None
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
        if event.run.state in OVER:
            self._inside.discard(event.uid)
            self._outside.discard(event.uid)
