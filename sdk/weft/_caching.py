"""When an earlier result of a step may stand in: what counts, as a sum of parts."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from keyword import iskeyword
from typing import Any, ClassVar, Literal

Inputs = Literal["content", "version", "none"]
_MAX_SHOWN = 1_024
_ORDER: tuple[Inputs, ...] = ("none", "content", "version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """When an earlier result of a step may stand in for running it.

    What counts can be written as a sum: `Cache.INPUTS + Cache.CODE - Cache.param("seed")`. Parts
    are added and taken away from left to right; `Cache()` is `Cache.INPUTS + Cache.CODE`.

    Attributes:
        enabled: Whether to look at all.
        code: Whether a change of the step's source makes a new result.
        code_deps: Further functions, classes or modules whose source counts.
        ignore: Names of arguments that do not count.
        files: Paths whose content counts.
        extra: Further values that count, such as `{"release": "2026-11"}`.
        inputs: Compare arguments that are artifacts by their content, or by their version; with
            `"none"` no argument counts, but those in `only`.
        max_age_s: Seconds for which a result serves; None means for ever.
        only: Names of the arguments that count where `inputs` is `"none"`.
    """

    INPUTS: ClassVar[Cache]
    VERSIONS: ClassVar[Cache]
    CODE: ClassVar[Cache]

    enabled: bool = True
    code: bool = True
    code_deps: Sequence[Any] = ()
    ignore: Sequence[str] = ()
    files: Sequence[str] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    inputs: Inputs = "content"
    max_age_s: float | None = None
    only: Sequence[str] = ()

    @classmethod
    def of(cls, setting: Cache | bool | None) -> Cache:  # noqa: FBT001 - `cache=False` is the API
        """Read the decorator's short forms: None and True mean the default policy."""
        if isinstance(setting, Cache):
            return setting
        return cls(enabled=setting is not False)

    @classmethod
    def param(cls, *names: str) -> Cache:
        """Arguments of the step, by name."""
        return cls(code=False, inputs="none", only=names)

    @classmethod
    def file(cls, *paths: str) -> Cache:
        """The content of files and folders."""
        return cls(code=False, inputs="none", files=tuple(map(str, paths)))

    @classmethod
    def value(cls, **values: Any) -> Cache:
        """Values of your own; plain data.

        Raises:
            ValueError: A name is none that Python could write, so `parse` could not read it.
        """
        if wrong := [name for name in values if not name.isidentifier() or iskeyword(name)]:
            raise ValueError(f"{wrong[0]!r} is no name of a value: letters, digits and _")
        return cls(code=False, inputs="none", extra=values)

    @classmethod
    def code_of(cls, *things: Any) -> Cache:
        """The source of further functions, classes or modules."""
        return cls(code=False, inputs="none", code_deps=things)

    @classmethod
    def parse(cls, text: str) -> Cache:
        """Read what `str` wrote: `inputs + code - param("seed")`.

        Raises:
            ValueError: It is no such sum, or names code, which only code can.
        """
        try:
            return _read(ast.parse(text.strip(), mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise ValueError(
                f'{text!r} is no sum of inputs, versions, code, param("x"), file("path") and '
                'value(name="x")'
            ) from None

    def counts(self, name: str) -> bool:
        """Whether an argument counts."""
        return name in self.only if self.inputs == "none" else name not in self.ignore

    def __add__(self, other: Cache) -> Cache:
        """What counts for either; of two ages, the shorter one."""
        inputs = max(self.inputs, other.inputs, key=_ORDER.index)
        names = _names(self, other)
        ages = [age for age in (self.max_age_s, other.max_age_s) if age is not None]
        return Cache(
            enabled=self.enabled and other.enabled,
            code=self.code or other.code,
            code_deps=_joined(self.code_deps, other.code_deps),
            files=_joined(self.files, other.files),
            extra={**self.extra, **other.extra},
            inputs=inputs,
            max_age_s=min(ages, default=None),
        )._counting(names, lambda name: self.counts(name) or other.counts(name))

    def __sub__(self, other: Cache) -> Cache:
        """What counts here, without what counts there."""
        return replace(
            self,
            code=self.code and not other.code,
            code_deps=tuple(thing for thing in self.code_deps if thing not in other.code_deps),
            files=tuple(path for path in self.files if path not in other.files),
            extra={key: item for key, item in self.extra.items() if key not in other.extra},
            inputs=self.inputs if other.inputs == "none" else "none",
        )._counting(_names(self, other), lambda name: self.counts(name) and not other.counts(name))

    def __str__(self) -> str:
        plus = [*_INPUTS_SAID[self.inputs]]
        plus += [_call("param", map(json.dumps, self.only))] if self.inputs == "none" else []
        plus += ["code"] if self.code else []
        plus += [_call("code_of", [_name(thing) for thing in self.code_deps])]
        plus += [_call("file", map(json.dumps, self.files))]
        plus += [_call("value", [f"{key}={item!r}" for key, item in self.extra.items()])]
        text = " + ".join(filter(None, plus))
        ignored = self.ignore if self.inputs != "none" else ()
        minus = [f" - {_call('param', map(json.dumps, ignored))}"] if ignored else []
        return "".join([text or "nothing", *minus])

    def _counting(self, names: Iterable[str], counts: Callable[[str], bool]) -> Cache:
        """The same, where of these arguments so many count."""
        if self.inputs == "none":
            return replace(self, only=tuple(filter(counts, names)), ignore=())
        return replace(self, ignore=tuple(n for n in names if not counts(n)), only=())


Cache.INPUTS = Cache(code=False)
Cache.VERSIONS = Cache(code=False, inputs="version")
Cache.CODE = Cache(inputs="none")
_NOTHING = Cache(code=False, inputs="none")
_NAMED = {
    "inputs": Cache.INPUTS,
    "versions": Cache.VERSIONS,
    "code": Cache.CODE,
    "nothing": _NOTHING,
}
_INPUTS_SAID: Mapping[Inputs, tuple[str, ...]] = {
    "content": ("inputs",),
    "version": ("versions",),
    "none": (),
}


def shown(cache: Cache) -> str:
    """Give what counts, as it is put on record."""
    return str(cache)[:_MAX_SHOWN]


def _names(one: Cache, other: Cache) -> tuple[str, ...]:
    """All arguments that either of the two speaks of."""
    return tuple(dict.fromkeys([*one.ignore, *one.only, *other.ignore, *other.only]))


def _joined(one: Sequence[Any], other: Sequence[Any]) -> tuple[Any, ...]:
    return (*one, *(item for item in other if item not in one))


def _call(name: str, arguments: Iterable[str]) -> str:
    inside = ", ".join(arguments)
    return f"{name}({inside})" if inside else ""


def _name(thing: Any) -> str:
    return str(getattr(thing, "__qualname__", None) or getattr(thing, "__name__", repr(thing)))


def _read(node: ast.expr) -> Cache:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        left, right = _read(node.left), _read(node.right)
        return left + right if isinstance(node.op, ast.Add) else left - right
    if isinstance(node, ast.Name) and node.id in _NAMED:
        return _NAMED[node.id]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _read_call(node.func.id, node)
    raise ValueError(ast.dump(node))


def _read_call(name: str, call: ast.Call) -> Cache:
    texts = [ast.literal_eval(argument) for argument in call.args]
    values = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in call.keywords}
    if name == "value" and values and not texts and "" not in values:
        return Cache.value(**values)
    if name in {"param", "file"} and texts and not values and all(type(t) is str for t in texts):
        return Cache.param(*texts) if name == "param" else Cache.file(*texts)
    raise ValueError(name)
