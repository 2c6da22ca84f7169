"""Trained models and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft._materializers.base import Materializer, Saved
from weft.errors import MaterializerError

_TRUSTED = (
    "sklearn._loss.",
    "sklearn.ensemble._hist_gradient_boosting.",
    "sklearn.linear_model._sgd_fast.",
    "sklearn.metrics._dist_metrics.",
    "sklearn.neighbors._",
    "sklearn.svm._",
    "sklearn.tree._",
)


class SklearnMaterializer(Materializer):
    """scikit-learn estimators, as skops: types are checked before anything is built."""

    name = "sklearn.skops"
    libraries = ("scikit-learn", "skops", "numpy")

    def accepts(self, value: Any) -> bool:  # noqa: ARG002
        """Whether skops is installed."""
        import importlib.util

        return importlib.util.find_spec("skops") is not None

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `model.skops`."""
        import skops.io  # type: ignore[import-untyped]

        skops.io.dump(value, directory / "model.skops")
        parameters = {k: repr(v) for k, v in value.get_params(deep=False).items()}
        return Saved("skops", {"parameters": parameters}, type="MODEL")

    def load(self, directory: Path) -> Any:
        """Read the model.

        Raises:
            MaterializerError: It holds a type that neither skops nor scikit-learn vouch for.
        """
        import skops.io

        path = directory / "model.skops"
        unlisted = skops.io.get_untrusted_types(file=path)
        unknown = [name for name in unlisted if not _is_trusted(name)]
        if unknown:
            raise MaterializerError(f"the model holds types that are not trusted: {unknown}")
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


def _is_trusted(name: str) -> bool:
    """Whether a type is one of scikit-learn's own compiled parts, which skops does not list."""
    return name.startswith(_TRUSTED)
