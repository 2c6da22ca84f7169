"""polars data frames and series, written by polars itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weft._materializers.base import Materializer, Saved

_HEAD_ROWS = 100
_HEAD_BYTES = 1 << 18


class PolarsMaterializer(Materializer):
    """polars data frames, as Parquet; a lazy one has no rows yet, so collect it first."""

    name = "polars.parquet"
    libraries = ("polars",)

    def accepts(self, value: Any) -> bool:
        """Whether no column holds Python objects, which only pickle could store."""
        import polars as pl

        return type(value) is pl.DataFrame and pl.Object not in value.dtypes

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.parquet`, and its first rows as `head.csv` to look at."""
        value.write_parquet(directory / "data.parquet")
        columns = {name: str(dtype) for name, dtype in value.schema.items()}
        shown = _write_head(value, directory / "head.csv")
        return Saved("parquet", {"columns": columns}, {"rows": value.height}, shown)

    def load(self, directory: Path) -> Any:
        """Read `data.parquet`."""
        import polars as pl

        # In memory: the directory may vanish.
        return pl.read_parquet(directory / "data.parquet", memory_map=False)


class PolarsSeriesMaterializer(Materializer):
    """polars series, as a frame of one column."""

    name = "polars.series"
    libraries = ("polars",)

    def accepts(self, value: Any) -> bool:
        """Whether it holds no Python objects."""
        import polars as pl

        return type(value) is pl.Series and value.dtype != pl.Object

    def save(self, value: Any, directory: Path) -> Saved:
        """Write `data.parquet`."""
        value.to_frame().write_parquet(directory / "data.parquet")
        return Saved("parquet", {"dtype": str(value.dtype)}, {"rows": len(value)})

    def load(self, directory: Path) -> Any:
        """Read `data.parquet`."""
        import polars as pl

        return pl.read_parquet(directory / "data.parquet", memory_map=False).to_series()


def _write_head(frame: Any, path: Path) -> tuple[str, ...]:
    """Write the first rows; none where a column has no words for CSV, such as a list."""
    import polars as pl

    try:
        text = frame.head(_HEAD_ROWS).write_csv()
    except pl.exceptions.PolarsError:
        return ()
    if len(text.encode()) > _HEAD_BYTES:
        return ()
    path.write_text(text, encoding="utf-8")
    return (path.name,)
