"""polars, Pillow and plotly: values come back equal, and nothing is pickled."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from weft._records import ArtifactVersion
from weft._store import LocalStore, Place
from weft._values import load_value, save_value
from weft.errors import PickleRefusedError

pl = pytest.importorskip("polars")
go = pytest.importorskip("plotly.graph_objects")
Image = pytest.importorskip("PIL.Image")
PLACE = Place("default", "run", "step", 1, "output")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "artifacts")


def kept(store: LocalStore, value: Any) -> tuple[ArtifactVersion, Any]:
    version = save_value(store, PLACE, value, allow_pickle=False)
    assert not version.is_pickled
    return version, load_value(store, version, allow_pickle=False)


def test_a_polars_frame_keeps_its_types(store: LocalStore) -> None:
    frame = pl.DataFrame(
        {
            "day": [dt.date(2026, 1, 1), None],
            "kind": pl.Series(["a", "b"], dtype=pl.Categorical),
            "amount": pl.Series([1, 2], dtype=pl.UInt8),
        }
    )
    version, back = kept(store, frame)
    assert back.equals(frame)
    assert back.schema == frame.schema
    assert (version.format, version.statistics["rows"]) == ("parquet", 2)
    assert version.visualizations == ("head.csv",)
    assert set(version.libraries) == {"python", "polars"}


def test_a_polars_frame_of_lists_is_kept_and_has_no_head(store: LocalStore) -> None:
    frame = pl.DataFrame({"lists": [[1, 2], []]})
    version, back = kept(store, frame)
    assert back.equals(frame)
    assert version.visualizations == ()


@pytest.mark.parametrize("values", [[], [1.5, None], ["a"]])
def test_a_polars_series_keeps_its_name(store: LocalStore, values: list[Any]) -> None:
    series = pl.Series("x", values)
    _, back = kept(store, series)
    assert back.equals(series, check_names=True, check_dtypes=True)


def test_python_objects_in_a_polars_frame_need_pickle(store: LocalStore) -> None:
    frame = pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(PickleRefusedError):
        kept(store, frame)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_an_image_keeps_every_pixel(store: LocalStore, mode: str) -> None:
    image = Image.new(mode, (3, 2))
    version, back = kept(store, image)
    assert (back.mode, back.size, back.tobytes()) == (mode, (3, 2), image.tobytes())
    assert version.visualizations == ("image.png",)
    assert type(back) is Image.Image


def test_an_image_that_png_would_change_needs_pickle(store: LocalStore) -> None:
    with pytest.raises(PickleRefusedError):
        kept(store, Image.new("CMYK", (1, 1)))


def test_a_plotly_figure_can_be_drawn_again(store: LocalStore) -> None:
    figure = go.Figure(go.Scatter(x=[1, 2], y=[3.0, 4.5], name="line"))
    version, back = kept(store, figure)
    assert back.to_dict() == figure.to_dict()
    assert version.schema == {"traces": ["scatter"]}
    assert version.visualizations == ("figure.json",)
