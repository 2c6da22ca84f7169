"""How a Kubernetes orchestrator says what the pods of its runs look like.

The fields are those of `weftapi.common.v1.PodSettings`; which values are allowed is for the
operator of the cluster to say, and its workload manager refuses the others.
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format

from weftapi.common.v1 import pods_pb2

Schema = dict[str, Any]

_NAME: Schema = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", "maxLength": 253}


def _map(title: str, *, most: int) -> Schema:
    values = {"type": "string", "maxLength": most}
    return {"type": "object", "title": title, "maxProperties": 32, "additionalProperties": values}


def _item(*required: str, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(title: str, item: Schema, *, most: int) -> Schema:
    return {"type": "array", "title": title, "maxItems": most, "items": item}


_TOLERATION = _item(
    "key",
    key={"type": "string", "pattern": "^[A-Za-z0-9./_-]+$", "maxLength": 317},
    value={"type": "string", "maxLength": 63},
    effect={"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]},
)
_VOLUME = _item(
    "mount_path",
    mount_path={"type": "string", "pattern": "^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$"},
    read_only={"type": "boolean"},
    claim={**_NAME, "title": "A PersistentVolumeClaim of the namespace"},
    config_map={**_NAME, "title": "A ConfigMap of the namespace"},
    empty=_item(
        size_bytes={"type": "integer", "minimum": 1, "maximum": 1 << 50},
        in_memory={"type": "boolean"},
    ),
)
# One source at most; a directory of its own without one.
_VOLUME["not"] = {
    "anyOf": [
        {"required": [one, other]}
        for one, other in (("claim", "config_map"), ("claim", "empty"), ("config_map", "empty"))
    ]
}
POD_SCHEMA: Schema = {
    **_item(
        node_selector=_map("Labels that nodes must have", most=63),
        tolerations=_list("Taints of nodes that are tolerated", _TOLERATION, most=32),
        priority_class={**_NAME, "title": "Priority class"},
        queue={**_NAME, "title": "Queue of Kueue"},
        runtime_class={**_NAME, "title": "Runtime class"},
        labels=_map("Labels of pods", most=63),
        annotations=_map("Annotations of pods", most=4096),
        volumes=_list("What is mounted", _VOLUME, most=16),
        image_pull_policy={
            "enum": ["Always", "IfNotPresent", "Never"],
            "title": "When nodes ask the registry for the image",
        },
    ),
    "title": "What pods look like, as far as the cluster's operator allows it",
}


def pod_of(
    config: Mapping[str, Any], own: Mapping[str, Any] | None = None
) -> pods_pb2.PodSettings | None:
    """What a configuration of this schema says, with a step's `own` over it; None for nothing.

    Maps and lists are added to, the rest is replaced.
    """
    if not config and not own:
        return None
    pod = json_format.ParseDict(dict(config), pods_pb2.PodSettings())
    pod.MergeFrom(json_format.ParseDict(dict(own or {}), pods_pb2.PodSettings()))
    return pod
