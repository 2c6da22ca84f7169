"""Data frames and Arrow tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft._materializers.base import Materializer, Saved

_HEAD_ROWS = 100
_HEAD_CHARACTERS = 1 << 18


class DataFrameMaterializer(Materializer):
    """pandas data frames, as Parquet with pandas' own metadata."""

    name = "pandas.parquet"
    libraries = ("pandas", "pyarrow")

    def accepts(self, value: Any) -> bool:
        """Whether Parquet gives back an equal frame: columns named by distinct strings."""
        import pandas as pd
        import pyarrow as pa

        if type(value) is not pd.DataFrame or not all(type(c) is str for c in value.columns):
            return False
        if not value.columns.is_unique or any(map(_is_object, value.dtypes)):
            return False
        try:
            pa.Schema.from_pandas(value)
        except (pa.ArrowException, TypeError, ValueError):
            return False
        return True

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.parquet`, and its first rows as `head.csv` to look at."""
        value.to_parquet(directory / "data.parquet", engine="pyarrow")
        columns = {name: str(dtype) for name, dtype in value.dtypes.items()}
        shown = _write_head(value, directory / "head.csv")
        return Saved("parquet", {"columns": columns}, {"rows": len(value)}, shown)

    def load(self, directory: Path) -> Any:
        """Read `data.parquet`."""
        import pandas as pd

        return pd.read_parquet(directory / "data.parquet", engine="pyarrow")


class SeriesMaterializer(Materializer):
    """pandas series, as a frame of one column."""

    name = "pandas.series"
    libraries = ("pandas", "pyarrow")

    def accepts(self, value: Any) -> bool:
        """Whether the frame of one column can be stored."""
        import pandas as pd

        named = type(value.name) is str or value.name is None
        return type(value) is pd.Series and named and _FRAMES.accepts(value.to_frame("value"))

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.parquet`, the name in `name.txt`."""
        saved = _FRAMES.save(value.to_frame("value"), directory)
        if value.name is not None:
            (directory / "name.txt").write_text(value.name)
        schema = {"dtype": str(value.dtype)}
        return Saved("parquet", schema, saved.statistics, saved.visualizations)

    def load(self, directory: Path) -> Any:
        """Read the only column."""
        name = directory / "name.txt"
        return _FRAMES.load(directory)["value"].rename(name.read_text() if name.exists() else None)


class ArrowMaterializer(Materializer):
    """Arrow tables, as Arrow IPC files: every type and chunk reads back equal."""

    name = "pyarrow.ipc"
    libraries = ("pyarrow",)

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.arrow`."""
        import pyarrow as pa

        path = str(directory / "data.arrow")
        with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, value.schema) as writer:
            writer.write_table(value)
        columns = {field.name: str(field.type) for field in value.schema}
        return Saved("arrow", {"columns": columns}, {"rows": value.num_rows})

    def load(self, directory: Path) -> Any:
        """Read `data.arrow`."""
        import pyarrow as pa

        with pa.OSFile(str(directory / "data.arrow"), "rb") as source:
            return pa.ipc.open_file(source).read_all()


def _write_head(frame: Any, path: Path) -> tuple[str, ...]:
    """Write the first rows; nothing where a few of them are large already."""
    text = frame.head(_HEAD_ROWS).to_csv(index=False)
    if len(text) > _HEAD_CHARACTERS:
        return ()
    path.write_text(text, encoding="utf-8")
    return (path.name,)


def _is_object(dtype: Any) -> bool:
    return getattr(dtype, "kind", "") == "O" and str(dtype) == "object"


_FRAMES = DataFrameMaterializer()
