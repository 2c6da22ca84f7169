"""Amounts as Kubernetes writes them ("1500m", "64Gi", "1e3"), in the units of workloads.pools."""

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from workloads.launchers.kubernetes.api import Object
from workloads.pools import CPU, total

_BINARY = {f"{letter}i": Decimal(1024) ** (n + 1) for n, letter in enumerate("KMGTPE")}
_EXPONENTS = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_FACTORS = _BINARY | {letter: Decimal(f"1e{exponent}") for letter, exponent in _EXPONENTS.items()}


def quantity(text: Any) -> Decimal:
    """The number that a quantity stands for; raises ValueError where it stands for none."""
    written = str(text)
    for suffix, factor in _FACTORS.items():
        if written.endswith(suffix):
            return _number(written.removesuffix(suffix)) * factor
    return _number(written)


def amounts(written: Mapping[str, Any] | None, *, up: bool = False) -> dict[str, int]:
    """Amounts of resources, rounded down, or up where they are asked for."""
    return {name: amount(name, text, up=up) for name, text in (written or {}).items()}


def amount(resource: str, text: Any, *, up: bool = False) -> int:
    exact = quantity(text) * (1000 if resource == CPU else 1)
    return math.ceil(exact) if up else math.floor(exact)


def requests_of(pod: Object) -> dict[str, int]:
    """What a pod asks of its node, as the scheduler counts it.

    All its containers and sidecars at once, or the largest of those that come before them; and
    what its runtime takes.
    """
    spec = pod["spec"]
    before = spec.get("initContainers") or []
    sidecars = [each for each in before if each.get("restartPolicy") == "Always"]
    together = total(map(_asked, [*spec["containers"], *sidecars]))
    for each in before:
        if each not in sidecars:
            together = _most(together, _asked(each))
    # What is said of the pod as a whole counts instead of what its containers say.
    whole = amounts((spec.get("resources") or {}).get("requests"), up=True)
    return total([together | whole, amounts(spec.get("overhead"), up=True)])


def _asked(container: Object) -> dict[str, int]:
    return amounts((container.get("resources") or {}).get("requests"), up=True)


def _most(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in one.keys() | other.keys()}


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is no quantity") from error
