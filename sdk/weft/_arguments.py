"""Arguments of one call, resolved: what is constant, what is stored where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from weft import _json
from weft._graph import Binding, Collection, Constant, Existing, FromStep
from weft._outputs import Outputs
from weft._records import ArtifactVersion, Failure
from weft._types import describe
from weft.errors import ItemFailedError


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored value; with `index`, one item of a stored list."""

    version: ArtifactVersion
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The place of a failed item in the result of `map(..., return_exceptions=True)`."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Group:
    """Several arguments as one value; `container` names the class of kind `object`."""

    kind: Literal["list", "tuple", "dict", "object"]
    items: tuple[tuple[Any, Argument], ...]
    container: str = ""


Argument = Constant | Stored | Failed | Group
Results = Mapping[str, ArtifactVersion] | Failure
NodeResult = tuple[Outputs, Results | list[Results]]


def resolve(binding: Binding, result_of: Callable[[str], NodeResult]) -> Argument:
    """Give the argument for a binding, once the steps it reads have ended."""
    if isinstance(binding, Constant):
        return binding
    if isinstance(binding, Existing):
        return Stored(binding.version)
    if isinstance(binding, Collection):
        items = tuple((key, resolve(item, result_of)) for key, item in binding.items)
        return Group(binding.kind, items)
    return _result(binding, *result_of(binding.step))


def _result(binding: FromStep, outputs: Outputs, results: Results | list[Results]) -> Argument:
    if isinstance(results, list):
        items = [_one(binding.output, outputs, item) for item in results]
        return Group("list", tuple(enumerate(items)))
    return _one(binding.output, outputs, results)


def _one(output: str | None, outputs: Outputs, results: Results) -> Argument:
    if isinstance(results, Failure):
        return Failed(results)
    if output is not None:
        return Stored(results[output])
    if outputs.shape == "none":
        return Constant(None)
    if outputs.shape == "single":
        return Stored(results[outputs.names[0]])
    items = tuple((name, Stored(results[name])) for name in outputs.names)
    if outputs.shape == "tuple":
        return Group("tuple", items)
    return Group("object", items, _json.remember(outputs.container))


def load(argument: Argument, read: Callable[[ArtifactVersion], Any]) -> Any:
    """Give the value of an argument; `read` loads stored ones."""
    if isinstance(argument, Constant):
        return _json.decode(argument.data)
    if isinstance(argument, Stored):
        value = read(argument.version)
        return value if argument.index is None else value[argument.index]
    if isinstance(argument, Failed):
        failure = argument.failure
        return ItemFailedError(f"{failure.exception}: {failure.message}")
    pairs = [(key, load(item, read)) for key, item in argument.items]
    if argument.kind == "dict":
        return dict(pairs)
    if argument.kind == "object":
        return _json.resolve(argument.container)(**dict(pairs))
    return (tuple if argument.kind == "tuple" else list)(value for _, value in pairs)


def versions(argument: Argument) -> Iterator[ArtifactVersion]:
    """Yield all artifact versions that an argument reads."""
    if isinstance(argument, Stored):
        yield argument.version
    if isinstance(argument, Group):
        for _, item in argument.items:
            yield from versions(item)


def lineage(arguments: Mapping[str, Argument]) -> dict[str, tuple[ArtifactVersion, ...]]:
    """Give the artifact versions that each argument reads, where it reads any."""
    found = {name: tuple(versions(item)) for name, item in arguments.items()}
    return {name: read for name, read in found.items() if read}


def fingerprint(argument: Argument, identify: Callable[[ArtifactVersion], str]) -> Any:
    """Give JSON that is equal for equal arguments; `identify` tells artifacts apart."""
    if isinstance(argument, Constant):
        return argument.data
    if isinstance(argument, Stored):
        return {"artifact": identify(argument.version), "index": argument.index}
    if isinstance(argument, Failed):
        return {"failed": argument.failure.message}
    return [argument.kind, [[k, fingerprint(item, identify)] for k, item in argument.items]]


def show(argument: Argument) -> str:
    """Give a few words for messages: a short constant, or the artifact's name."""
    if isinstance(argument, Constant):
        return describe(_json.decode(argument.data))
    if isinstance(argument, Stored):
        suffix = "" if argument.index is None else f"[{argument.index}]"
        return f"{argument.version.name}{suffix}"
    if isinstance(argument, Failed):
        return "a failed item"
    return f"{argument.kind} of {len(argument.items)}"
