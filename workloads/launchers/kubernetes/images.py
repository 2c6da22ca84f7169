"""Which images workloads may name: those of registries that the operator allows.

A reference names its registry: which one a short name means is each node's own to say.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from meshkit.errors import FailedPrecondition, FieldViolation, InvalidArgument

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_HOST}/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?P<digest>@sha256:[0-9a-f]{64})?"
)
# As container runtimes tell a host from a folder.
_HAS_HOST = re.compile(r"(localhost|[^/]*[.:][^/]*)/")


@dataclass(frozen=True, slots=True)
class Images:
    """The operator's word on images that workloads name."""

    registries: Sequence[str]
    """Hosts, or paths below them, of which every image is allowed."""
    are_digests_required: bool = False

    def check(self, image: str) -> None:
        """Raises InvalidArgument where it is no reference, FailedPrecondition IMAGE_NOT_ALLOWED."""
        if words := self.problem(image):
            raise FailedPrecondition("IMAGE_NOT_ALLOWED", words, metadata={"image": image})

    def problem(self, image: str) -> str:
        """Why an image is not allowed; empty where it is, or none is named.

        Raises InvalidArgument where it is no reference.
        """
        if not image:
            return ""
        name, digest = _read(image)
        if not _HAS_HOST.match(name):
            return f"The image {image} names no registry: say which, registry.example/{image}."
        if not any(name.startswith(f"{each.rstrip('/')}/") for each in self.registries):
            allowed = ", ".join(self.registries) or "none"
            return f"The image {image} is of no registry that is allowed here (allowed: {allowed})."
        if self.are_digests_required and not digest:
            return f"The image {image} is not pinned: name it by its digest, {image}@sha256:..."
        return ""


def _read(image: str) -> tuple[str, str]:
    """The name of an image without its tag, and its digest."""
    found = _REFERENCE.fullmatch(image)
    if found is None:
        words = f"{image[:128]!r} is no reference of an image"
        raise InvalidArgument(
            "INVALID_FIELDS",
            f"workload.image: {words}",
            violations=[FieldViolation("workload.image", words)],
        )
    return found["name"], found["digest"] or ""
