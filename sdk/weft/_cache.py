"""Whether an earlier result may stand in for a step, and why, or why not."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from weft import _json
from weft._arguments import Argument, fingerprint
from weft._caching import Cache
from weft._definition import StepDefinition
from weft._fingerprints import code_digest, digest, path_digest
from weft._graph import Constant
from weft._materializers import registry
from weft._records import ArtifactVersion, CacheCandidate
from weft.errors import WeftError

_SHOWN = 64
_USUAL = str(Cache())


class CacheOutcome(StrEnum):
    """What became of looking for an earlier result."""

    HIT = "HIT"
    MISS = "MISS"
    DISABLED = "DISABLED"
    UNCACHEABLE = "UNCACHEABLE"


class UncacheableError(WeftError):
    """Something that a result depends on cannot be compared."""


@dataclass(frozen=True, slots=True)
class Change:
    """One part of the key that differs; "" where it is not there."""

    component: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.component}: {self.before or 'absent'} → {self.after or 'absent'}"


@dataclass(frozen=True, slots=True)
class CacheDecision:
    """Whether an earlier result stands in, and the explanation.

    Attributes:
        key: SHA-256 over the components; "" where there is none.
        components: Parts of the key by name: short constants as they are, the rest as digests.
        candidate: The step that matches or, on a miss, the latest one it was compared with.
        changes: On a miss, what differs from that step.
        reason: One sentence.
        counts: What a result depends on, where that is not all inputs and the code.
    """

    outcome: CacheOutcome
    reason: str
    key: str = ""
    components: Mapping[str, str] = field(default_factory=dict)
    candidate: CacheCandidate | None = None
    changes: tuple[Change, ...] = ()
    counts: str = ""

    def explain(self) -> str:
        """Give the reason and, on a miss, what changed, a line each; then what counts."""
        told = [self.reason, *(f"  {change}" for change in self.changes)]
        return "\n".join([*told, f"  what counts: {self.counts}"] if self.counts else told)


DISABLED = CacheDecision(CacheOutcome.DISABLED, "caching is off for this step")


def components_of(step: StepDefinition, arguments: Mapping[str, Argument]) -> dict[str, str]:
    """Give everything the result of a call depends on.

    Raises:
        UncacheableError: Something cannot be compared; the message names it.
    """
    policy = step.cache
    parts = {"step": step.name, "materializers": _materializers(step)}
    if policy.code:
        parts["code"] = _code(step.function)
        parts |= _closure(step.function)
    named = zip(_names(policy.code_deps), policy.code_deps, strict=True)
    parts |= {f"code:{name}": _code(dependency) for name, dependency in named}
    identify = _by_content if policy.inputs == "content" else _by_version
    for name, argument in arguments.items():
        if policy.counts(name):
            parts[f"input:{name}"] = _input(name, argument, identify)
    parts |= {f"file:{name}": _file("file", Path(name)) for name in policy.files}
    for name, value in policy.extra.items():
        parts[f"extra:{name}"] = _extra(name, value)
    return parts


def decide(
    step: StepDefinition,
    arguments: Mapping[str, Argument],
    lookup: Callable[[str], CacheCandidate | None],
    exists: Callable[[ArtifactVersion], bool],
) -> CacheDecision:
    """Look for an earlier result of a call.

    Args:
        step: The step and its cache policy.
        arguments: Arguments of the call.
        lookup: Gives the result with a key, else the latest one of the step.
        exists: Whether the files of an output are still there.
    """
    counts = "" if str(step.cache) == _USUAL else str(step.cache)
    return replace(_decide(step, arguments, lookup, exists), counts=counts)


def _decide(
    step: StepDefinition,
    arguments: Mapping[str, Argument],
    lookup: Callable[[str], CacheCandidate | None],
    exists: Callable[[ArtifactVersion], bool],
) -> CacheDecision:
    try:
        components = components_of(step, arguments)
    except UncacheableError as error:
        return CacheDecision(CacheOutcome.UNCACHEABLE, f"not cached: {error}")
    key = digest(components)
    found = lookup(key)
    if found is None:
        reason = "no earlier result of this step"
        return CacheDecision(CacheOutcome.MISS, reason, key, components)
    if found.key != key:
        changes = compare(found.components, components)
        names = ", ".join(change.component for change in changes)
        reason = f"differs from {found.step} in {names}"
        return CacheDecision(CacheOutcome.MISS, reason, key, components, found, changes)
    gone = [v.uri for versions in found.outputs.values() for v in versions if not exists(v)]
    if gone:
        reason = f"{found.step} matches, but its artifact {gone[0]} is gone"
        return CacheDecision(CacheOutcome.MISS, reason, key, components, found)
    reason = f"key {key[:8]}, from {found.step}"
    return CacheDecision(CacheOutcome.HIT, reason, key, components, found)


def compare(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Change, ...]:
    """Give the components that differ, in a fixed order."""
    names = dict.fromkeys([*after, *before])
    pairs = ((name, before.get(name, ""), after.get(name, "")) for name in names)
    return tuple(Change(name, old, new) for name, old, new in pairs if old != new)


def _materializers(step: StepDefinition) -> str:
    return _shown({name: registry.for_hint(hint) for name, hint in step.outputs.hints.items()})


def _code(thing: Any) -> str:
    try:
        return f"sha256:{code_digest(thing)}"
    except ValueError as error:
        raise UncacheableError(str(error)) from None


def _names(things: Sequence[Any]) -> list[str]:
    """Names of code, whole where two share the short one: neither hides the other.

    Two of one whole name, as a factory makes them, are told apart by their place.
    """
    short = [str(getattr(thing, "__name__", thing)) for thing in things]
    names: list[str] = []
    for name, thing in zip(short, things, strict=True):
        whole = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', name)}"
        said = whole if short.count(name) > 1 else name
        names.append(f"{said}#{len(names)}" if said in names else said)
    return names


def _closure(function: Callable[..., Any]) -> dict[str, str]:
    """Compare what a function closes over, as far as it is plain data or code."""
    parts = {}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in cells:
        with suppress(ValueError, _json.NotPlainError):  # an empty cell is a ValueError
            value = cell.cell_contents
            is_code = inspect.isroutine(value) or isinstance(value, type)
            parts[f"closure:{name}"] = _code(value) if is_code else _shown(_json.encode(value))
    return parts


def _input(name: str, argument: Argument, identify: Callable[[ArtifactVersion], str]) -> str:
    if isinstance(argument, Constant) and _is_path(argument.data):
        path = Path(argument.data["value"])
        return _file(f"argument {name!r}", path) if path.exists() else f"path:{path}"
    try:
        return _shown(fingerprint(argument, identify))
    except UncacheableError as error:
        raise UncacheableError(f"argument {name!r}: {error}") from None


def _is_path(data: Any) -> bool:
    return isinstance(data, dict) and data.get("$type") == "path"


def _extra(name: str, value: Any) -> str:
    try:
        return _shown(_json.encode(value))
    except _json.NotPlainError as error:
        raise UncacheableError(f"extra {name!r}: {error}") from None


def _file(what: str, path: Path) -> str:
    try:
        return f"sha256:{path_digest(path)}"
    except (OSError, WeftError) as error:
        raise UncacheableError(f"{what} {path}: {error}") from None


def _shown(data: Any) -> str:
    text = json.dumps(data, sort_keys=True)
    return text if len(text) <= _SHOWN else f"sha256:{digest(data)}"


def _by_content(version: ArtifactVersion) -> str:
    if not version.content_hash:
        raise UncacheableError(f"artifact {version.name} has no content hash")
    return version.content_hash


def _by_version(version: ArtifactVersion) -> str:
    return version.uid
