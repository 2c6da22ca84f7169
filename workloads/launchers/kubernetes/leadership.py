"""Which of several managers of one name does what one of them has to do: a Lease says it.

It saves work and no more: whatever is done under it may as well be done twice, or by a manager
that only thinks that it leads. So a cluster that keeps no Lease for us has every manager lead.
"""

import asyncio
import contextlib
import socket
from datetime import UTC, datetime
from uuid import uuid4

import structlog

from meshkit.clock import Clock, SystemClock
from workloads.launchers.kubernetes.api import CONFLICT, ApiError, Cluster, Kind, Object
from workloads.launchers.kubernetes.refusals import ABSENT, FORBIDDEN

log = structlog.get_logger()

# Others take the lease when they have seen it unchanged for as long. Its holder stops before, by
# a clock that runs while it is paused; and tries several times in between.
_LEASE_S = 30
_HOLDS_S = 20.0
_RENEW_S = 5.0
_RELEASE_S = 2.0
_LONGEST_IDENTITY = 128


class Leadership:
    """The part of one manager in an election among all of its name; `run` is a task of its own."""

    def __init__(self, cluster: Cluster, manager: str, clock: Clock | None = None) -> None:
        self._cluster = cluster
        self._clock = clock or SystemClock()
        self._name = f"{manager.lower().replace('_', '-')}-leader"
        host = socket.gethostname()[: _LONGEST_IDENTITY - 40]
        self._identity = f"{host}_{uuid4()}"
        # The lease as we wrote it last, and until when we hold it by the monotonic clock.
        self._mine: Object | None = None
        self._holds_until = 0.0
        # What others wrote last, and since when we have seen no other.
        self._seen: tuple[str, float] = ("", 0.0)
        self._is_unkept = False

    def holds(self) -> bool:
        """Whether this manager leads at this moment; to be asked before each thing that is done."""
        return self._is_unkept or self._clock.monotonic() < self._holds_until

    async def run(self) -> None:
        """Takes the lease when it is free and renews it, until cancelled."""
        while True:
            await self.step()
            await asyncio.sleep(_RENEW_S)

    async def step(self) -> None:
        """Renews the lease, or takes it if it is free; a call or two of the API server."""
        asked = self._clock.monotonic()
        try:
            lease = self._mine or await self._cluster.get(Kind.LEASE, self._name)
            if self._is_free(lease, asked):
                self._mine = await self._cluster.patch(Kind.LEASE, self._name, self._claim(lease))
                # From before the question: whoever sees the answer counts from a later moment.
                self._hold(asked + _HOLDS_S)
            self._is_unkept = False
        except ApiError as error:
            self._refused(error)

    async def release(self) -> None:
        """Lets the next manager lead at once, if that can be said."""
        lease, self._mine = self._mine, None
        self._holds_until = 0.0
        if lease is None:
            return
        free = {"holderIdentity": "", "leaseDurationSeconds": 1}
        body = _edit(lease, free | {"renewTime": _now()})
        with contextlib.suppress(ApiError, TimeoutError):
            async with asyncio.timeout(_RELEASE_S):
                await self._cluster.patch(Kind.LEASE, self._name, body)

    def _is_free(self, lease: Object, now: float) -> bool:
        """Never by the times in it: clocks of machines differ."""
        spec = lease.get("spec") or {}
        if spec.get("holderIdentity") in (None, "", self._identity):
            return True
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = (version, now)
        return now - self._seen[1] >= (spec.get("leaseDurationSeconds") or _LEASE_S)

    def _claim(self, lease: Object) -> Object:
        spec = lease.get("spec") or {}
        now = _now()
        claim = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": _LEASE_S,
            "renewTime": now,
        }
        if spec.get("holderIdentity") != self._identity:
            transitions = (spec.get("leaseTransitions") or 0) + 1
            claim |= {"acquireTime": now, "leaseTransitions": transitions}
        return _edit(lease, claim)

    def _hold(self, until: float) -> None:
        if not self.holds():
            log.info("leadership_taken", lease=self._name)
        self._holds_until = until

    def _refused(self, error: ApiError) -> None:
        """Another one's write ends ours at once; what is no answer lets it run out."""
        self._mine = None
        if error.status == CONFLICT:
            self._holds_until = 0.0
            log.info("leadership_lost", lease=self._name)
        elif error.status in (ABSENT, FORBIDDEN) and not self._is_unkept:
            self._is_unkept = True
            log.warning("leadership_unkept", lease=self._name, error=error.message)


def _edit(lease: Object, spec: Object) -> Object:
    """Changes exactly the state that was seen: of two that do so one gets a conflict."""
    version = lease["metadata"]["resourceVersion"]
    return {"metadata": {"resourceVersion": version}, "spec": spec}


def _now() -> str:
    """As a MicroTime, which has six digits after the point."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
