"""NumPy arrays and scalars, never through pickle."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from weft._materializers.base import Materializer, Saved


class ArrayMaterializer(Materializer):
    """One array, or a NumPy scalar as an array without axes; dtype and memory order are kept."""

    name = "numpy.npy"
    libraries = ("numpy",)

    def accepts(self, value: Any) -> bool:
        """Whether the dtype holds no Python objects and the array is of no special class."""
        import numpy as np

        plain = type(value) is np.ndarray or isinstance(value, np.generic)
        return plain and not value.dtype.hasobject

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.npy`, or `scalar.npy`."""
        import numpy as np

        name = "scalar.npy" if isinstance(value, np.generic) else "data.npy"
        np.save(directory / name, value, allow_pickle=False)
        return Saved("npy", _shape(value), _range(value))

    def load(self, directory: Path) -> Any:
        """Read the file; no pickle."""
        import numpy as np

        scalar = directory / "scalar.npy"
        if scalar.exists():
            return np.load(scalar, allow_pickle=False)[()]
        return np.load(directory / "data.npy", allow_pickle=False)


class ArraysMaterializer(Materializer):
    """A dict of arrays by name, as `.npz`."""

    name = "numpy.npz"
    libraries = ("numpy",)

    def accepts(self, value: Any) -> bool:
        """Whether all keys are safe names and all values are plain arrays."""
        import numpy as np

        return bool(value) and all(
            type(key) is str
            and key.isidentifier()
            and type(item) is np.ndarray
            and not item.dtype.hasobject
            for key, item in value.items()
        )

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.npz`, without the time that `numpy.savez` adds: equal arrays, equal hash."""
        import numpy as np

        with zipfile.ZipFile(directory / "data.npz", "w") as archive:
            for key, array in value.items():
                buffer = io.BytesIO()
                np.lib.format.write_array(buffer, array, allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{key}.npy"), buffer.getvalue())
        return Saved("npz", {key: _shape(array) for key, array in value.items()})

    def load(self, directory: Path) -> Any:
        """Read all arrays; no pickle."""
        import numpy as np

        with np.load(directory / "data.npz", allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}


def _shape(array: Any) -> dict[str, Any]:
    return {"shape": list(array.shape), "dtype": str(array.dtype)}


def _range(array: Any) -> dict[str, Any]:
    """Give the range of small real arrays; of large ones it is not cheap."""
    if array.dtype.kind not in "iufb" or not 0 < array.size <= 10_000_000:  # noqa: PLR2004
        return {}
    low, high = float(array.min()), float(array.max())
    return {"min": low, "max": high} if low == low and high == high else {}  # noqa: PLR0124 - NaN
