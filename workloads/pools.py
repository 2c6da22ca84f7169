"""Pools as this service thinks of them, whatever engine the room in them is of.

Amounts are integers: "cpu" in thousandths of a core, "memory" and "ephemeral-storage" in bytes,
all else counted. What is not known is None, never 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from meshkit.errors import ResourceExhausted
from workloads.model import WorkloadSpec

CPU, MEMORY, STORAGE = "cpu", "memory", "ephemeral-storage"
# How much of each resource, by name.
Amounts = Mapping[str, int]

_CORDON_S = 5.0
_THOUSAND, _STEP = 1000, 1024
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


@dataclass(frozen=True, slots=True)
class Cordon:
    """That a pool takes nothing new: who said so, why and when."""

    creator: str
    reason: str
    create_time: datetime

    def to_json(self) -> dict[str, str]:
        created = self.create_time.isoformat()
        return {"creator": self.creator, "reason": self.reason, "create_time": created}

    @classmethod
    def from_json(cls, content: Mapping[str, str]) -> "Cordon":
        """Raises KeyError, TypeError, ValueError where it is none."""
        created = datetime.fromisoformat(content["create_time"])
        return cls(str(content["creator"]), str(content["reason"]), created)

    def words(self, pool: str) -> str:
        """Why a workload waits."""
        since = f"{self.create_time:%Y-%m-%d %H:%M} UTC"
        return (
            f"The pool {pool} was cordoned by {self.creator} at {since}: {self.reason}. "
            "It is taken when somebody uncordons the pool."
        )


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a pool; `own_used` and `queued` are what its own workloads ask for."""

    name: str
    allocatable: int | None = None
    used: int | None = None
    own_used: int = 0
    queued: int = 0
    largest: int | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """How much of a resource the engine lets somebody have."""

    source: str
    resource: str
    limit: int
    used: int | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """A place where workloads find room."""

    id: str
    engine: str
    place: str
    queue: str = ""
    projects: tuple[str, ...] = ()
    can_grow: bool = False
    running: int = 0
    queued: int = 0
    resources: tuple[Resource, ...] = ()
    limits: tuple[Limit, ...] = ()
    # What could not be seen and why, a sentence each.
    unseen: tuple[str, ...] = ()
    cordon: Cordon | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """Why a workload would never start; only a warning where more room may come."""

    problem: str
    is_warning: bool = False


def asked(spec: WorkloadSpec, gpu: str) -> dict[str, int]:
    """What a workload asks for; `gpu` is what GPUs are called where it does not say."""
    wanted = {
        CPU: spec.cpu_millis,
        MEMORY: spec.memory_bytes,
        STORAGE: spec.ephemeral_storage_bytes,
        spec.gpu_resource or gpu: spec.gpu_count,
    }
    return {name: amount for name, amount in wanted.items() if amount}


def total(amounts: Iterable[Amounts]) -> dict[str, int]:
    """The sum by resource."""
    found: dict[str, int] = {}
    for each in amounts:
        for name, amount in each.items():
            found[name] = found.get(name, 0) + amount
    return found


def cordoned(pool: str, cordon: Cordon) -> ResourceExhausted:
    """The refusal that its workspace takes for what it is: a reason to ask again later."""
    return ResourceExhausted(
        "POOL_CORDONED", cordon.words(pool), metadata={"pool": pool}, retry_after_s=_CORDON_S
    )


def in_words(resource: str, amount: int) -> str:
    """An amount as people say it: "10 TiB of memory", "1.5 cores", "2 nvidia.com/gpu"."""
    if resource == CPU:
        return f"{amount / _THOUSAND:g} core{'' if amount == _THOUSAND else 's'}"
    if resource not in (MEMORY, STORAGE):
        return f"{amount} {resource}"
    size, unit = float(amount), 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    return f"{size:.4g} {_UNITS[unit]} of {resource.replace('-', ' ')}"
