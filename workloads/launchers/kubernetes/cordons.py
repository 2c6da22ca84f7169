"""Which pools take nothing new: a ConfigMap of the cluster says it, to every replica at once."""

import json

import structlog

from meshkit.clock import Clock, SystemClock
from meshkit.errors import FailedPrecondition
from workloads.launchers.kubernetes.api import ApiError, Cluster, Kind, Object
from workloads.launchers.kubernetes.mirror import Mirror
from workloads.launchers.kubernetes.refusals import ABSENT, FORBIDDEN, mesh_error
from workloads.pools import Cordon

log = structlog.get_logger()


class Cordons:
    """The cordons of one manager, by pool; `mirror` is to be followed."""

    def __init__(self, cluster: Cluster, manager: str, clock: Clock | None = None) -> None:
        self._cluster = cluster
        self._clock = clock or SystemClock()
        self._name = f"{manager.lower().replace('_', '-')}-pools"
        where = f"metadata.name={self._name}"
        self.mirror = Mirror(cluster, Kind.CONFIG_MAP, self._hear, fieldSelector=where)
        self._of: dict[str, Cordon] = {}

    def of(self, pool: str) -> Cordon | None:
        return self._of.get(pool)

    async def set(self, pool: str, cordon: Cordon | None) -> None:
        """Raises FailedPrecondition where nothing keeps it, and Unavailable."""
        said = json.dumps(cordon.to_json()) if cordon else None
        try:
            kept = await self._cluster.patch(Kind.CONFIG_MAP, self._name, {"data": {pool: said}})
        except ApiError as error:
            if error.status in (ABSENT, FORBIDDEN):
                raise self._not_kept(pool, error) from error
            raise mesh_error(error) from error
        self.mirror.hear(kept)

    def _not_kept(self, pool: str, error: ApiError) -> FailedPrecondition:
        namespace = self._cluster.namespace
        remedy = f"kubectl create configmap {self._name} -n {namespace}"
        if error.status == FORBIDDEN:
            remedy = f"let the manager patch the ConfigMap {self._name}"
        words = f"the namespace {namespace} keeps no cordons: {error.message}; {remedy}"
        return FailedPrecondition("CORDON_NOT_KEPT", words, metadata={"pool": pool})

    def _hear(self, thing: Object, is_gone: bool) -> None:  # noqa: FBT001  # as a mirror tells it
        said = {} if is_gone else thing.get("data") or {}
        self._of = {pool: self._read(pool, text) for pool, text in said.items()}
        log.info("pools_cordoned", pools=sorted(self._of))

    def _read(self, pool: str, text: str) -> Cordon:
        """One that people wrote by hand is one, too: what they meant is that nothing starts."""
        try:
            return Cordon.from_json(json.loads(text))
        except (KeyError, TypeError, ValueError, RecursionError):
            known = self._of.get(pool)
            since = known.create_time if known else self._clock.now()
            return Cordon("somebody in the cluster", text[:512], since)
