"""Trained models and figures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from weft._materializers.base import Materializer, Saved
from weft._settings import settings
from weft.errors import MaterializerError

_log = logging.getLogger("weft")
# scikit-learn's own compiled parts.
_COMPILED = (
    "sklearn._loss.",
    "sklearn.ensemble._hist_gradient_boosting.",
    "sklearn.linear_model._sgd_fast.",
    "sklearn.metrics._dist_metrics.",
    "sklearn.neighbors._",
    "sklearn.svm._",
    "sklearn.tree._",
)


_trusted: set[str] = set()


def trust_types(*types: type | str) -> None:
    """Let models hold types of your own: they are built when a model is read.

    Args:
        *types: Classes or functions, or their names as `module.Class`.
    """
    names = (t if isinstance(t, str) else f"{t.__module__}.{t.__qualname__}" for t in types)
    _trusted.update(names)


class SklearnMaterializer(Materializer):
    """scikit-learn estimators, as skops: types are checked before anything is built.

    Trusted are those of scikit-learn, NumPy and SciPy that skops lists, and those that
    `trust_types` or WEFT_TRUSTED_TYPES names.
    """

    name = "sklearn.skops"
    libraries = ("scikit-learn", "skops", "numpy")

    def accepts(self, value: Any) -> bool:  # noqa: ARG002
        """Whether skops is installed."""
        import importlib.util

        return importlib.util.find_spec("skops") is not None

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `model.skops`."""
        import skops.io  # type: ignore[import-untyped]

        path = directory / "model.skops"
        skops.io.dump(value, path)
        parameters = {k: repr(v) for k, v in value.get_params(deep=False).items()}
        schema: dict[str, Any] = {"parameters": parameters}
        if unknown := _untrusted(skops.io.get_untrusted_types(file=path)):
            _log.warning("the model holds %s", _advice(unknown))
            schema["untrusted"] = unknown
        return Saved("skops", schema, type="MODEL")

    def load(self, directory: Path) -> Any:
        """Read the model.

        Raises:
            MaterializerError: It holds a type that nobody vouches for; with the fix.
        """
        import skops.io

        path = directory / "model.skops"
        unlisted = skops.io.get_untrusted_types(file=path)
        if unknown := _untrusted(unlisted):
            raise MaterializerError(f"the model holds {_advice(unknown)}")
        return skops.io.load(path, trusted=unlisted)


class FigureMaterializer(Materializer):
    """matplotlib figures, as a picture: reading gives the PNG's bytes, no live figure."""

    name = "matplotlib.png"
    libraries = ("matplotlib",)

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `figure.png`."""
        value.savefig(directory / "figure.png", metadata={"Software": None})
        width, height = value.get_size_inches()
        schema = {"width_inches": float(width), "height_inches": float(height)}
        return Saved("png", schema, visualizations=("figure.png",))

    def load(self, directory: Path) -> Any:
        """Read the PNG's bytes."""
        return (directory / "figure.png").read_bytes()


class PickleMaterializer(Materializer):
    """Whatever has no typed format. The artifact is flagged: reading it runs its code."""

    name = "cloudpickle"
    is_pickle = True
    libraries = ("cloudpickle",)

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.pkl`."""
        import cloudpickle

        with (directory / "data.pkl").open("wb") as file:
            cloudpickle.dump(value, file)
        return Saved("pickle")

    def load(self, directory: Path) -> Any:
        """Read `data.pkl`; the caller has checked flag, policy and hash."""
        import pickle

        with (directory / "data.pkl").open("rb") as file:
            return pickle.load(file)  # noqa: S301 - flagged, allowed and verified


def _untrusted(unlisted: list[str]) -> list[str]:
    """Of the types that skops does not list, those that are neither scikit-learn's nor named."""
    named = {*settings().trusted_types, *_trusted}
    return [name for name in unlisted if not name.startswith(_COMPILED) and name not in named]


def _advice(unknown: list[str]) -> str:
    names = ", ".join(unknown)
    return (
        f"types that nobody vouches for: {names}. Where you do, call weft.trust_types() with them, "
        "or name them in WEFT_TRUSTED_TYPES"
    )
