"""The pools of a cluster: namespaces, and queues of Kueue in them, to which settings send Jobs."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from meshkit.resources import ID_PATTERN
from workloads.launchers.kubernetes.settings import KubernetesSettings
from workloads.model import WorkloadSpec, project_of

_ID = re.compile(ID_PATTERN)


@dataclass(frozen=True, slots=True)
class Place:
    """Where Jobs go; the projects are those that settings send there."""

    namespace: str
    queue: str = ""
    projects: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its pool's: what people know it by, unless that is no id."""
        known = f"{self.namespace}--{self.queue}" if self.queue else self.namespace
        if _ID.fullmatch(known):
            return known
        digest = hashlib.sha256(f"{self.namespace}/{self.queue}".encode()).hexdigest()[:8]
        readable = re.sub(r"[^a-z0-9]+", "-", known)[:40].strip("-")
        return f"pool-{readable}-{digest}"

    @property
    def words(self) -> str:
        queue = f", queue {self.queue}" if self.queue else ""
        return f"namespace {self.namespace}{queue}"


def places(settings: KubernetesSettings, namespace: str) -> list[Place]:
    """All there are, by id; `namespace` is the manager's own."""
    found: dict[tuple[str, str], list[str]] = {(namespace, settings.queue): []}
    for project in sorted(settings.namespaces.keys() | settings.queues.keys()):
        where = (settings.namespace_of(project) or namespace, settings.queue_of(project))
        found.setdefault(where, []).append(project)
    for each in (namespace, *settings.namespaces.values()):
        for queue in settings.allowed.queues:
            found.setdefault((each, queue), [])
    made = [Place(*where, projects=tuple(projects)) for where, projects in found.items()]
    return sorted(made, key=lambda place: place.id)


def place_of(spec: WorkloadSpec, settings: KubernetesSettings, namespace: str) -> Place:
    """Where a workload goes; `namespace` is where it is, or where those of no project go."""
    queue = spec.pod.queue or settings.queue_of(project_of(spec))
    return Place(namespace, queue)


def namespaces(settings: KubernetesSettings, namespace: str) -> Sequence[str]:
    """Those that Jobs may be in."""
    return sorted({namespace, *settings.namespaces.values()})
