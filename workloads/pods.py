"""What users ask of the pods of their workloads; whether they may is the launcher's to say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Toleration:
    """A taint that a pod tolerates; an empty value or effect means any."""

    key: str
    value: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume: a claim, a config map, or an empty directory where it names neither."""

    mount_path: str
    is_read_only: bool = False
    claim: str = ""
    config_map: str = ""
    # Of an empty directory; 0 is as much as the manager gives.
    size_bytes: int = 0
    is_in_memory: bool = False


@dataclass(frozen=True, slots=True)
class Pod:
    """How a pod looks, beside its image, resources and environment; empty means the manager's."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    priority_class: str = ""
    queue: str = ""
    runtime_class: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[Volume, ...] = ()
    image_pull_policy: str = ""

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Pod":
        """Raises TypeError where it is not what `asdict` made of one."""
        rest = dict(content)
        tolerations = tuple(Toleration(**each) for each in rest.pop("tolerations", ()))
        volumes = tuple(Volume(**each) for each in rest.pop("volumes", ()))
        return cls(tolerations=tolerations, volumes=volumes, **rest)
