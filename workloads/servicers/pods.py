"""Pods between the contract and what this service thinks of them."""

from dataclasses import asdict

from weftapi.common.v1 import pods_pb2
from workloads.pods import Pod, Toleration, Volume


def pod_from_proto(pod: pods_pb2.PodSettings) -> Pod:
    return Pod(
        node_selector=dict(pod.node_selector),
        tolerations=tuple(
            Toleration(each.key, each.value, each.effect) for each in pod.tolerations
        ),
        priority_class=pod.priority_class,
        queue=pod.queue,
        runtime_class=pod.runtime_class,
        labels=dict(pod.labels),
        annotations=dict(pod.annotations),
        volumes=tuple(map(_volume_from_proto, pod.volumes)),
        image_pull_policy=pod.image_pull_policy,
    )


def pod_to_proto(pod: Pod) -> pods_pb2.PodSettings | None:
    """What was asked of the pod, absent where nothing was."""
    if pod == Pod():
        return None
    return pods_pb2.PodSettings(
        node_selector=pod.node_selector,
        tolerations=[pods_pb2.PodToleration(**asdict(each)) for each in pod.tolerations],
        priority_class=pod.priority_class,
        queue=pod.queue,
        runtime_class=pod.runtime_class,
        labels=pod.labels,
        annotations=pod.annotations,
        volumes=map(_volume_to_proto, pod.volumes),
        image_pull_policy=pod.image_pull_policy,
    )


def _volume_from_proto(volume: pods_pb2.PodVolume) -> Volume:
    return Volume(
        mount_path=volume.mount_path,
        is_read_only=volume.read_only,
        claim=volume.claim,
        config_map=volume.config_map,
        size_bytes=volume.empty.size_bytes,
        is_in_memory=volume.empty.in_memory,
    )


def _volume_to_proto(volume: Volume) -> pods_pb2.PodVolume:
    message = pods_pb2.PodVolume(mount_path=volume.mount_path, read_only=volume.is_read_only)
    if volume.claim:
        message.claim = volume.claim
    elif volume.config_map:
        message.config_map = volume.config_map
    else:
        message.empty.size_bytes = volume.size_bytes
        message.empty.in_memory = volume.is_in_memory
    return message
