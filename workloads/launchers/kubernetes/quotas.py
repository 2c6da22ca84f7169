"""ResourceQuotas of a namespace: the limits of the projects whose Jobs are in it."""

from collections.abc import Iterator

from workloads.launchers.kubernetes.api import Cluster, Kind, Object
from workloads.launchers.kubernetes.mirror import Mirror
from workloads.launchers.kubernetes.quantities import amounts
from workloads.pools import Amounts, Limit, in_words

_REQUESTS, _LIMITS = "requests.", "limits."


class Quotas:
    """Those of one namespace; `mirror` is to be followed."""

    def __init__(self, cluster: Cluster) -> None:
        self.mirror = Mirror(cluster, Kind.QUOTA, self._hear)
        self._of: dict[str, tuple[Limit, ...]] = {}
        # What applies to every pod, and not to those of some class alone.
        self._general: dict[str, Amounts] = {}

    def limits(self) -> Iterator[Limit]:
        for _, limits in sorted(self._of.items()):
            yield from limits

    def hard(self, resource: str) -> int | None:
        """The most that a pod may ask for; None where nothing says."""
        found = [hard[resource] for hard in self._general.values() if resource in hard]
        return min(found, default=None)

    def too_small(self, wanted: Amounts) -> str:
        """Why a quota would never let a pod in that asks for this; empty where each would."""
        for name, hard in self._general.items():
            for resource, amount in wanted.items():
                if amount > hard.get(resource, amount):
                    most = in_words(resource, hard[resource])
                    words = in_words(resource, amount)
                    return f"It asks for {words}, and the quota {name} gives {most} to all."
        return ""

    def _hear(self, thing: Object, is_gone: bool) -> None:  # noqa: FBT001  # as a mirror tells it
        name = thing["metadata"]["name"]
        self._of.pop(name, None)
        self._general.pop(name, None)
        if is_gone:
            return
        spec, status = thing.get("spec") or {}, thing.get("status") or {}
        hard, used = _plain(spec.get("hard")), _plain(status.get("used"))
        source = f"ResourceQuota {name}"
        self._of[name] = tuple(Limit(source, r, most, used.get(r)) for r, most in hard.items())
        if not (spec.get("scopes") or spec.get("scopeSelector")):
            self._general[name] = hard


def _plain(written: Object | None) -> dict[str, int]:
    """By resource: what pods request is what they may have at most, so that both mean the same."""
    found: dict[str, int] = {}
    for name, text in (written or {}).items():
        plain = name.removeprefix(_REQUESTS).removeprefix(_LIMITS)
        most = amounts({plain: text})[plain]
        found[plain] = min(most, found.get(plain, most))
    return found
