"""What a finished Job may hold: Pod Security's "restricted", our own shape, and what is allowed.

The judge of the merged object, whoever asked for which part of it. It knows what may be there and
refuses everything else by its path: a field that Kubernetes invents tomorrow is refused until
somebody has thought about it. Deny-lists of pod fields were escaped in system after system.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from meshkit.errors import FailedPrecondition
from workloads.launchers.kubernetes import manifests, podspec
from workloads.launchers.kubernetes.api import Object
from workloads.launchers.kubernetes.images import Images
from workloads.launchers.kubernetes.settings import KubernetesSettings

# Yields what is wrong with a value, each as its path below it and a few words.
Check = Callable[[Any], Iterator[str]]

# Below these the container's own system lives, and our files.
_SYSTEM = ("proc", "sys", "dev", "etc", "bin", "sbin", "lib", "lib64", "usr", "boot", "root")
_TAKEN = ("/run", "/var", "/home", "/tmp", *(f"/{name}" for name in _SYSTEM))  # noqa: S108
_AMOUNTS = frozenset({"cpu", "memory", "ephemeral-storage"})
_MOST_TOLD = 5


class Restricted:
    """Judges the Jobs of one manager."""

    def __init__(self, settings: KubernetesSettings, images: Images) -> None:
        self._settings = settings
        self._allowed = settings.allowed
        self._images = images

    def check(self, job: Object, made: Object) -> None:
        """Raises FailedPrecondition POD_NOT_ALLOWED with all that is wrong; see `problems`."""
        found = list(self.problems(job, made))
        if found:
            more = f" (and {len(found) - _MOST_TOLD} more)" if len(found) > _MOST_TOLD else ""
            words = "; ".join(found[:_MOST_TOLD]) + more
            raise FailedPrecondition("POD_NOT_ALLOWED", f"the pod is not allowed here: {words}")

    def problems(self, job: Object, made: Object) -> Iterator[str]:
        """What a Job holds that it may not; `made` is the metadata that we gave it.

        Identity, owner and specification stand in it, and nobody's wish may change them.
        """
        labels, annotations = made["labels"], made["annotations"]
        metadata = _holds(
            {
                "name": _is(made["name"]),
                "labels": self._job_labels(labels),
                "annotations": _is(annotations),
            }
        )
        template = _holds(
            {
                "metadata": _holds({"labels": self._marks(labels), "annotations": self._marks({})}),
                "spec": self._pod(made["name"]),
            }
        )
        spec = _holds(
            {
                "backoffLimit": _is(0),
                "completions": _is(1),
                "parallelism": _is(1),
                "podReplacementPolicy": _is("Failed"),
                "suspend": _kind(bool),
                "template": template,
            }
        )
        shape = {"apiVersion": _is("batch/v1"), "kind": _is("Job")}
        for problem in _holds({**shape, "metadata": metadata, "spec": spec})(job):
            yield problem.removeprefix(".")

    # Parts of a Job.

    def _job_labels(self, ours: Mapping[str, str]) -> Check:
        own = self._settings.queue_of(ours.get(manifests.PROJECT, ""))
        queues = {own, *self._allowed.queues}
        as_they_are = {name: _is(value) for name, value in ours.items()}
        return _holds(as_they_are, {manifests.KUEUE: _one_of(queues)})

    def _marks(self, ours: Mapping[str, str]) -> Check:
        """Labels or annotations: ours as they are, others only of keys that are allowed."""

        def check(marks: Any) -> Iterator[str]:
            if not isinstance(marks, dict):
                yield ": is no object"
                return
            for name, value in ours.items():
                if marks.get(name) != value:
                    yield f".{name}: is for Weft alone to set"
            for name in marks.keys() - ours.keys():
                if not self._is_allowed_mark(name):
                    yield f".{name}: {_allowed_are(self._allowed.marks)}"

        return check

    def _is_allowed_mark(self, name: str) -> bool:
        return not name.startswith("weft.dev/") and any(
            name.startswith(each) if each.endswith("/") else name == each
            for each in self._allowed.marks
        )

    def _pod(self, job: str) -> Check:
        settings, allowed = self._settings, self._allowed
        required: dict[str, Check] = {
            "restartPolicy": _is("Never"),
            "automountServiceAccountToken": _is(False),
            "enableServiceLinks": _is(False),
            "terminationGracePeriodSeconds": _is(settings.grace_s),
            "securityContext": _is(podspec.pod_security(settings)),
            "containers": _the_one(self._container()),
            "volumes": _each(self._volume(job)),
            "nodeSelector": self._nodes,
            "tolerations": _each(self._toleration),
            "imagePullSecrets": _is([{"name": each} for each in settings.pull_secrets]),
        }
        if settings.service_account:
            required["serviceAccountName"] = _is(settings.service_account)
        optional = {
            "activeDeadlineSeconds": _kind(int),
            "priorityClassName": _one_of({settings.priority_class, *allowed.priority_classes}),
            "runtimeClassName": _one_of({settings.runtime_class, *allowed.runtime_classes}),
        }
        return _holds(required, optional)

    def _nodes(self, selector: Any) -> Iterator[str]:
        yield from _texts(selector)
        for name, value in self._settings.node_selector.items():
            if not isinstance(selector, dict) or selector.get(name) != value:
                yield f".{name}: is {value} for all workloads here"

    def _toleration(self, toleration: Any) -> Iterator[str]:
        if toleration in [dict(each) for each in self._settings.tolerations]:
            return
        yield from _holds(
            {
                "key": _one_of(self._allowed.taints),
                "operator": _one_of({"Exists", "Equal"}),
            },
            {
                "value": _kind(str),
                "effect": _one_of({"NoSchedule", "PreferNoSchedule", "NoExecute"}),
            },
        )(toleration)

    def _volume(self, job: str) -> Check:
        claim = {"claimName": _one_of(self._allowed.claims)}
        config_map = {"name": _one_of(self._allowed.config_maps)}
        most = self._settings.scratch_bytes
        sources: dict[str, Check] = {
            "emptyDir": _holds({"sizeLimit": _up_to(most)}, {"medium": _is("Memory")}),
            # Its own, and nobody else's.
            "secret": _is({"secretName": job, "defaultMode": 0o400}),
            "persistentVolumeClaim": _holds(claim),
            "configMap": _holds(config_map),
        }

        def check(volume: Any) -> Iterator[str]:
            yield from _holds({"name": _kind(str)}, sources)(volume)
            if isinstance(volume, dict) and len(volume) != len(("name", "source")):
                yield ": has not exactly one source"

        return check

    def _container(self) -> Check:
        return _holds(
            {
                "name": _is(podspec.CONTAINER),
                "image": self._image,
                "command": _each(_kind(str)),
                "workingDir": _kind(str),
                "env": _each(_holds({"name": _kind(str), "value": _kind(str)})),
                "resources": _holds({"limits": self._amounts, "requests": self._amounts}),
                "volumeMounts": _mounts,
                "securityContext": _is(podspec.container_security()),
            },
            {"imagePullPolicy": _one_of(sorted(self._settings.image_pull_policies))},
        )

    def _amounts(self, amounts: Any) -> Iterator[str]:
        yield from _texts(amounts)
        for name in amounts if isinstance(amounts, dict) else ():
            if name not in _AMOUNTS and not self._settings.allows_device(str(name)):
                yield f".{name}: {_allowed_are(self._allowed.gpu_resources)}"

    def _image(self, image: Any) -> Iterator[str]:
        if image != self._settings.image and (words := self._images.problem(str(image))):
            yield f": {words}"


# The small checks that all others are made of.


def _is(expected: Any) -> Check:
    def check(value: Any) -> Iterator[str]:
        # In Python True is 1, and in Kubernetes it is not.
        if type(value) is not type(expected) or value != expected:
            yield f": must be {expected!r}"

    return check


def _kind(kind: type) -> Check:
    def check(value: Any) -> Iterator[str]:
        if type(value) is not kind:
            yield f": is no {kind.__name__}"

    return check


def _one_of(values: Iterable[str]) -> Check:
    allowed = {value for value in values if value}

    def check(value: Any) -> Iterator[str]:
        if not isinstance(value, str) or value not in allowed:
            yield f": {str(value)[:128]!r} {_allowed_are(sorted(allowed))}"

    return check


def _allowed_are(values: Iterable[str]) -> str:
    return f"is not allowed here (allowed: {', '.join(values) or 'none'})"


def _up_to(most: int) -> Check:
    def check(value: Any) -> Iterator[str]:
        if type(value) is not int or not 0 < value <= most:
            yield f": must be 1 to {most}"

    return check


def _holds(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object of these fields and no others."""
    known = {**required, **(optional or {})}

    def check(thing: Any) -> Iterator[str]:
        if not isinstance(thing, dict):
            yield ": is no object"
            return
        for name in required.keys() - thing.keys():
            yield f".{name}: is missing"
        for name, value in thing.items():
            found = known[name](value) if name in known else iter((": is not allowed",))
            yield from (f".{name}{problem}" for problem in found)

    return check


def _each(item: Check) -> Check:
    def check(values: Any) -> Iterator[str]:
        if not isinstance(values, list):
            yield ": is no list"
            return
        for index, value in enumerate(values):
            yield from (f"[{index}]{problem}" for problem in item(value))

    return check


def _the_one(item: Check) -> Check:
    def check(values: Any) -> Iterator[str]:
        yield from _each(item)(values)
        if isinstance(values, list) and len(values) != 1:
            yield ": must be exactly one"

    return check


def _texts(thing: Any) -> Iterator[str]:
    if not isinstance(thing, dict) or not all(
        isinstance(text, str) for pair in thing.items() for text in pair
    ):
        yield ": is no map of texts"


def _mounts(mounts: Any) -> Iterator[str]:
    """Ours as they are; others where they hide neither ours nor the container's system."""
    path = _holds({"name": _kind(str), "mountPath": _kind(str)}, {"readOnly": _is(True)})
    yield from _each(path)(mounts)
    taken: set[str] = set()
    for mount in mounts if isinstance(mounts, list) else ():
        name, at = mount.get("name"), str(mount.get("mountPath"))
        if at in taken:
            yield f": {at} is mounted twice"
        taken.add(at)
        if podspec.MOUNTS.get(name) != at and not _is_free(at):
            yield f": {at} is Weft's own, or the system's"


def _is_free(path: str) -> bool:
    parts = path.split("/")
    is_plain = path.startswith("/") and all(p not in ("", ".", "..") for p in parts[1:])
    return is_plain and ":" not in path and f"/{parts[1]}" not in _TAKEN
