"""Values become files and read back equal, without pickle unless it is flagged and allowed."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.extra import pandas as hpd

from tests.sdk.test_json import PLAIN
from weft import Materializer, Saved, register_materializer, trust_types
from weft._materializers import models, registry
from weft._records import ArtifactVersion
from weft._store import LocalStore, Place
from weft._values import load_value, save_value
from weft.errors import (
    ArtifactCorruptedError,
    MaterializerError,
    PickleRefusedError,
    PickleWarning,
)

PLACE = Place("default", "run", "step", 1, "output")
tolerant = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "artifacts")


def stored(store: LocalStore, value: Any, *, allow_pickle: bool = False) -> ArtifactVersion:
    return save_value(store, PLACE, value, allow_pickle=allow_pickle)


def round_trip(store: LocalStore, value: Any) -> Any:
    return load_value(store, stored(store, value), allow_pickle=False)


@tolerant
@given(PLAIN)
def test_plain_data(store: LocalStore, value: Any) -> None:
    if not isinstance(value, Path):
        assert round_trip(store, value) == value


@tolerant
@given(st.text() | st.binary())
def test_text_and_bytes(store: LocalStore, value: Any) -> None:
    assert round_trip(store, value) == value


@tolerant
@given(hnp.arrays(hnp.scalar_dtypes() | hnp.unicode_string_dtypes(), hnp.array_shapes(min_dims=0)))
def test_arrays(store: LocalStore, array: Any) -> None:
    found = round_trip(store, array)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@tolerant
@given(hnp.arrays(np.float64, 3))
def test_numpy_scalars_and_named_arrays(store: LocalStore, array: Any) -> None:
    scalar = round_trip(store, array[0])
    assert type(scalar) is np.float64
    np.testing.assert_array_equal(scalar, array[0])
    found = round_trip(store, {"a": array, "b": array[:1]})
    assert list(found) == ["a", "b"]
    np.testing.assert_array_equal(found["a"], array)


COLUMNS = [
    hpd.column("i", dtype=np.int64),
    hpd.column("f", dtype=np.float64),
    hpd.column("b", dtype=np.bool_),
]


@tolerant
@given(hpd.data_frames(COLUMNS))
def test_data_frames(store: LocalStore, frame: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(round_trip(store, frame), frame)


@tolerant
@given(hpd.series(dtype=np.float64), st.none() | st.text(min_size=1, max_size=5))
def test_series(store: LocalStore, series: Any, name: str | None) -> None:
    named = series.rename(name)
    if name is None or name.isprintable():
        pd.testing.assert_series_equal(round_trip(store, named), named)


@tolerant
@given(
    st.lists(
        st.tuples(st.integers(-(2**60), 2**60), st.text(st.characters(exclude_categories=["Cs"])))
    )
)
def test_arrow_tables(store: LocalStore, rows: list[tuple[int, str]]) -> None:
    schema = pa.schema([("n", pa.int64()), ("t", pa.string())])
    table = pa.table([[n for n, _ in rows], [t for _, t in rows]], schema=schema)
    assert round_trip(store, table).equals(table)


def test_equal_values_have_equal_hashes(store: LocalStore) -> None:
    values = [{"a": np.arange(3)}, np.arange(3), {"b": [1]}, "text", pd.DataFrame({"a": [1]})]
    for value in values:
        assert stored(store, value).content_hash == stored(store, value).content_hash


class Doubler:
    """A transformer that scikit-learn takes, and skops does not know."""

    def fit(self, x: Any, y: Any = None) -> Doubler:
        return self

    def transform(self, x: Any) -> Any:
        return x * 2


def test_a_model_with_a_type_of_ones_own_is_read_by_who_vouches_for_it(
    store: LocalStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    name = f"{Doubler.__module__}.Doubler"
    monkeypatch.setattr(models, "_trusted", set())
    version = stored(store, make_pipeline(StandardScaler(), Doubler()))
    assert version.schema["untrusted"] == [name]
    assert name in caplog.text
    with pytest.raises(MaterializerError, match=r"weft\.trust_types"):
        load_value(store, version, allow_pickle=False)
    monkeypatch.setenv("WEFT_TRUSTED_TYPES", f"x.Y,{name}")
    assert type(load_value(store, version, allow_pickle=False)[1]) is Doubler
    monkeypatch.delenv("WEFT_TRUSTED_TYPES")
    trust_types(Doubler)
    assert type(load_value(store, version, allow_pickle=False)[1]) is Doubler
    assert "untrusted" not in stored(store, make_pipeline(Doubler())).schema


def test_what_is_recorded(store: LocalStore) -> None:
    version = stored(store, pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}))
    assert version.format == "parquet"
    assert version.schema["columns"]["x"] == "int64"
    assert version.statistics == {"rows": 2}
    assert version.size_bytes > 0
    assert set(version.libraries) == {"python", "pandas", "pyarrow"}
    assert version.data_type.startswith("pandas.")
    array = stored(store, np.array([[1.0, 4.0]]))
    assert array.schema == {"shape": [1, 2], "dtype": "float64"}
    assert array.statistics == {"min": 1.0, "max": 4.0}


def test_files_and_folders(store: LocalStore, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello")
    found = round_trip(store, file)
    assert (found.name, found.read_text()) == ("notes.txt", "hello")
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "x").write_text("1")
    assert (round_trip(store, folder) / "deep" / "x").read_text() == "1"


def test_scikit_learn_models_are_stored_without_pickle(store: LocalStore) -> None:
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    for model in (
        LogisticRegression(),
        RandomForestClassifier(3, random_state=0),
        GradientBoostingClassifier(n_estimators=2, random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ):
        model.fit(x, y)
        version = stored(store, model)
        assert (version.format, version.type, version.is_pickled) == ("skops", "MODEL", False)
        found = load_value(store, version, allow_pickle=False)
        np.testing.assert_allclose(found.predict_proba(x), model.predict_proba(x))


def test_figures_become_pictures(store: LocalStore) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot([1, 2])
    version = stored(store, figure)
    assert version.visualizations == ("figure.png",)
    assert load_value(store, version, allow_pickle=False).startswith(b"\x89PNG")


class Opaque:
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque)

    __hash__ = None  # type: ignore[assignment]


def test_pickle_is_flagged_and_announced(store: LocalStore) -> None:
    with pytest.warns(PickleWarning, match="output 'output' of step step is a .*Opaque"):
        version = stored(store, Opaque(), allow_pickle=True)
    assert version.is_pickled
    assert load_value(store, version, allow_pickle=True) == Opaque()


@pytest.mark.parametrize("value", [Opaque(), [Opaque()], {1: Opaque()}, np.array([Opaque()])])
def test_policy_refuses_to_write_pickle(store: LocalStore, value: Any) -> None:
    with pytest.raises(PickleRefusedError, match="the policy refuses pickle"):
        stored(store, value)


class Bomb:
    exploded = False

    def __reduce__(self) -> Any:
        return (setattr, (Bomb, "exploded", True))


def test_loading_runs_no_pickle_without_flag_and_permission(store: LocalStore) -> None:
    with pytest.warns(PickleWarning):
        version = stored(store, Bomb(), allow_pickle=True)
    for refused, allowed in ((version, False), (replace(version, is_pickled=False), True)):
        with pytest.raises(PickleRefusedError):
            load_value(store, refused, allow_pickle=allowed)
    assert not Bomb.exploded


def test_changed_content_is_not_loaded(store: LocalStore) -> None:
    with pytest.warns(PickleWarning):
        version = stored(store, Opaque(), allow_pickle=True)
    file = Path(version.uri.removeprefix("file://")) / "data.pkl"
    file.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ArtifactCorruptedError, match="its hash differs"):
        load_value(store, version, allow_pickle=True)
    assert not Bomb.exploded


class Celsius:
    def __init__(self, degrees: float) -> None:
        self.degrees = degrees


class Warmer(Celsius):
    pass


class CelsiusMaterializer(Materializer):
    name: ClassVar[str] = "celsius"

    def save(self, value: Any, directory: Path) -> Saved:
        (directory / "degrees").write_text(str(value.degrees))
        return Saved("celsius")

    def load(self, directory: Path) -> Any:
        return Celsius(float((directory / "degrees").read_text()))


def test_users_register_their_own(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    register_materializer(Celsius, CelsiusMaterializer())
    version = stored(store, Warmer(3.5))
    assert version.materializer == "celsius/1"
    assert load_value(store, version, allow_pickle=False).degrees == 3.5
    monkeypatch.setattr(registry, "_registered", {})
    with pytest.raises(MaterializerError, match="nothing here reads 'celsius'"):
        load_value(store, version, allow_pickle=False)


def test_built_in_names_cannot_be_taken() -> None:
    class Imposter(CelsiusMaterializer):
        name: ClassVar[str] = "json"

    with pytest.raises(MaterializerError, match="'json' is taken"):
        register_materializer(Celsius, Imposter())


def test_an_artifact_of_a_newer_version_is_refused(store: LocalStore) -> None:
    version = replace(stored(store, [1]), materializer="json/99")
    with pytest.raises(MaterializerError, match="written by json/99"):
        load_value(store, version, allow_pickle=False)
