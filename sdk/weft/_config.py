"""Settings of one run, from files and options, over what the code says.

Tables are merged key by key. What is said later holds: a file, then each `--set`; parameters that
are options of their own hold over both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from weft._caching import Cache
from weft._config_file import Layer, read_layer, set_layer
from weft._config_schema import SHORT, Problem, problems
from weft._config_schema import Path as Keys
from weft._definition import StepDefinition
from weft._graph import Graph, Node
from weft._image import Image
from weft._parameters import Parameters
from weft._step import Step
from weft.errors import ConfigError, ParameterError

_STEP_PATH = 3
_PLAIN = ("timeout_s", "queue_timeout_s", "deadline_s", "isolation")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value, the place that says it, and those that said something else before."""

    value: Any
    origin: str
    before: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Settings of one run by their paths, such as `("steps", "train", "retries", "max")`."""

    settings: Mapping[Keys, Setting] = field(default_factory=dict)

    @classmethod
    def of(cls, files: Sequence[Path] = (), assignments: Sequence[str] = ()) -> RunConfig:
        """Read files and assignments, the later ones over the earlier ones.

        Raises:
            ConfigError: One of them says what cannot be; all that is wrong is told, line by line.
        """
        layers = [*map(read_layer, files), *map(set_layer, assignments)]
        _refuse((layer, found) for layer in layers for found in problems(layer.document))
        settings: dict[Keys, Setting] = {}
        for layer in layers:
            for path, value in _leaves(layer.document, ()):
                _put(settings, path, Setting(value, layer.at(path)))
        return cls(settings)

    def table(self, name: str) -> dict[str, Any]:
        """Give one of the tables, such as `labels`, merged."""
        found: dict[str, Any] = {}
        for path, setting in self.settings.items():
            if path[0] == name and len(path) > 1:
                _insert(found, path[1:], setting.value)
        return found

    def value(self, name: str, default: Any) -> Any:
        """Give a setting that is no table."""
        found = self.settings.get((name,))
        return default if found is None else found.value

    def at(self, path: Keys) -> str:
        """Give the place that says a setting, or any below it."""
        origins = (s.origin for own, s in self.settings.items() if own[: len(path)] == path)
        return next(origins, "")

    @property
    def image(self) -> Image | None:
        """The image of the run; None leaves it to the pipeline."""
        said = self.table("image")
        return self._made(Image, said, ("image",)) if said else None

    def bind(
        self,
        parameters: Parameters,
        options: Mapping[str, str],
        over: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Give the values of all parameters; texts of `options`, and values `over` all, win.

        Raises:
            ConfigError: A value does not fit; with its place.
            ParameterError: An option does not fit, or a parameter is missing.
        """
        given = {}
        for name, value in self.table("parameters").items():
            try:
                given[name] = parameters.check(name, value)
            except ParameterError as error:
                raise ConfigError(f"{self.at(('parameters', name))}: {error}") from None
        checked = {name: parameters.check(name, value) for name, value in (over or {}).items()}
        return parameters.parse(options, {**given, **checked})

    def applied(self, graph: Graph) -> Graph:
        """Give the graph in which steps run as the settings say.

        Raises:
            ConfigError: A step is not there, or cannot run so.
        """
        said = self.table("steps")
        for id_ in said:
            if id_ not in graph.nodes:
                raise ConfigError(f"{self.at(('steps', id_))}: {_unknown(id_, graph)}")
        if not said:
            return graph
        return graph.changed(
            lambda node: self._changed(node, said[node.id]) if node.id in said else node
        )

    def _changed(self, node: Node, said: Mapping[str, Any]) -> Node:
        step, where = node.step, ("steps", node.id)
        given: dict[str, Any] = {name: said[name] for name in _PLAIN if name in said}
        for name, own in (
            ("resources", step.resources),
            ("retries", step.retry),
            ("pod", step.pod),
        ):
            if name in said:
                given[name] = self._made(_replaced, {"own": own, **said[name]}, (*where, name))
        if "cache" in said:
            given["cache"] = self._made(
                _cached, {"own": step.cache, **said["cache"]}, (*where, "cache")
            )
        if "environment" in said:
            given["environment"] = {**step.environment, **said["environment"]}
        if "image" in said:
            given["image"] = self._made(Image, said["image"], (*where, "image"))
        return replace(node, step=Step(step).with_options(**given).definition)

    def _made(self, make: Any, said: Mapping[str, Any], where: Keys) -> Any:
        try:
            return make(**said)
        except ValueError as error:
            raise ConfigError(f"{self.at(where)}: {'.'.join(where)}: {error}") from None


def in_code(step: StepDefinition, path: Keys) -> Any:
    """Give what the code says of a step's setting; None where it says nothing."""
    table = {
        "resources": step.resources,
        "retries": step.retry,
        "cache": step.cache,
        "image": step.image,
        "pod": step.pod,
        "environment": step.environment,
    } | {name: getattr(step, name) for name in _PLAIN}
    if path == ("cache", "policy"):
        return str(step.cache)
    found: Any = table.get(path[0])
    for name in path[1:]:
        found = found.get(name) if isinstance(found, Mapping) else getattr(found, name, None)
    return found


def _replaced(own: Any, **said: Any) -> Any:
    """Whole numbers may be written as 3.0: the code counts with them."""
    whole = {k: int(v) if k in {"max", "gpu"} else v for k, v in said.items()}
    return replace(own, **whole)


def _cached(own: Cache, policy: str = "", **said: Any) -> Cache:
    """Another policy is about what counts alone."""
    when = {"enabled": own.enabled, "max_age_s": own.max_age_s, **said}
    return replace(Cache.parse(policy) if policy else own, **when)


def _leaves(value: Any, path: Keys) -> Iterator[tuple[Keys, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(item, (*path, name))
    elif value != {} or (path[:1] == ("parameters",) and len(path) > 1):
        meant = SHORT.get((path[2], type(value))) if len(path) == _STEP_PATH else None
        yield (*path, meant) if meant and path[0] == "steps" else path, value


def _put(settings: dict[Keys, Setting], path: Keys, setting: Setting) -> None:
    """Note a setting, in place of those whose table it replaces, or that were no table."""
    before = [p for p in settings if p[: len(path)] == path or path[: len(p)] == p]
    over = tuple(settings.pop(each) for each in before)
    settings[path] = replace(setting, before=over)


def _insert(table: dict[str, Any], path: Keys, value: Any) -> None:
    for name in path[:-1]:
        table = table.setdefault(name, {})
    table[path[-1]] = value


def _refuse(found: Iterable[tuple[Layer, Problem]]) -> None:
    told = [f"{layer.at(path)}: {'.'.join(path)} {what}" for layer, (path, what) in found]
    if told:
        raise ConfigError("\n".join(told))


def _unknown(id_: str, graph: Graph) -> str:
    names = ", ".join(graph.nodes)
    late = "; those called after a look at a result take no settings" if graph.opened else ""
    return f"the pipeline calls no step {id_}: it has {names}{late}"
