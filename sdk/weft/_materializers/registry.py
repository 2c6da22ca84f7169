"""Finds the materializer of a value by its type, importing no library that is not in use."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from weft._materializers.base import Materializer
from weft.errors import MaterializerError

# By (top package, class), because classes move between submodules from version to version.
_BY_TYPE = {
    ("weft", "External"): ("plain:ExternalMaterializer",),
    ("weft", "Html"): ("plain:PageMaterializer",),
    ("weft", "Markdown"): ("plain:PageMaterializer",),
    ("builtins", "str"): ("plain:TextMaterializer",),
    ("builtins", "bytes"): ("plain:BytesMaterializer",),
    ("builtins", "dict"): ("numeric:ArraysMaterializer", "tensors:StateMaterializer"),
    ("pathlib", "Path"): ("plain:PathMaterializer",),
    ("numpy", "ndarray"): ("numeric:ArrayMaterializer",),
    ("numpy", "generic"): ("numeric:ArrayMaterializer",),
    ("pandas", "DataFrame"): ("tables:DataFrameMaterializer",),
    ("pandas", "Series"): ("tables:SeriesMaterializer",),
    ("pyarrow", "Table"): ("tables:ArrowMaterializer",),
    ("torch", "Tensor"): ("tensors:TensorMaterializer",),
    ("torch", "Module"): ("tensors:ModuleMaterializer",),
    ("sklearn", "BaseEstimator"): ("models:SklearnMaterializer",),
    ("matplotlib", "Figure"): ("models:FigureMaterializer",),
    ("plotly", "Figure"): ("pictures:PlotlyMaterializer",),
    ("PIL", "Image"): ("pictures:ImageMaterializer",),
    ("polars", "DataFrame"): ("frames:PolarsMaterializer",),
    ("polars", "Series"): ("frames:PolarsSeriesMaterializer",),
}
_NEEDS = {"numeric:ArraysMaterializer": "numpy", "tensors:StateMaterializer": "torch"}
_JSON, _PICKLE = "plain:JsonMaterializer", "models:PickleMaterializer"
_ALL = [*(name for names in _BY_TYPE.values() for name in names), _JSON, _PICKLE]
_registered: dict[type, Materializer] = {}


def register_materializer(kind: type, materializer: Materializer) -> None:
    """Use a materializer for values of a type and its subclasses, before the built-in ones.

    Raises:
        MaterializerError: Its name is taken by a built-in one.
    """
    if materializer.name in {built_in(name).name for name in _ALL}:
        raise MaterializerError(f"the name {materializer.name!r} is taken; give it another")
    _registered[kind] = materializer


def for_value(value: Any) -> Materializer:
    """Find what stores a value; the last resort is pickle, which is flagged."""
    return next(m for m in _candidates(type(value)) if m.accepts(value))


def for_hint(hint: Any) -> str:
    """Name what stores values of an annotation, as part of cache keys."""
    if not isinstance(hint, type):
        return built_in(_JSON).label
    return next(_candidates(hint)).label


def by_label(label: str) -> Materializer:
    """Find the materializer that an artifact names.

    Raises:
        MaterializerError: No such one is registered, or only of an older version.
    """
    name, _, version = label.rpartition("/")
    own = {m.name: m for m in _registered.values()}
    found = own.get(name) or next((m for m in map(built_in, _ALL) if m.name == name), None)
    if found is None:
        raise MaterializerError(
            f"nothing here reads {name!r} artifacts; call weft.register_materializer() first"
        )
    if found.version < int(version):
        raise MaterializerError(f"the artifact was written by {label}; this is {found.label}")
    return found


@cache
def built_in(name: str) -> Materializer:
    """Make the materializer at `module:Class` of this package."""
    module, _, cls = name.partition(":")
    made: Materializer = getattr(import_module(f"weft._materializers.{module}"), cls)()
    return made


def _candidates(kind: type) -> Iterator[Materializer]:
    for cls in kind.__mro__:
        if cls in _registered:
            yield _registered[cls]
    for cls in kind.__mro__:
        for name in _BY_TYPE.get((cls.__module__.partition(".")[0], cls.__name__), ()):
            if _NEEDS.get(name, "sys") in sys.modules:
                yield built_in(name)
    yield built_in(_JSON)
    yield built_in(_PICKLE)
