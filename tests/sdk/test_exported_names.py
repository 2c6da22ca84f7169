"""The public namespace is exactly `__all__`, and importing it costs next to nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import weft
from weft import errors

HEAVY = {
    *("numpy", "pandas", "pyarrow", "grpc", "google.protobuf"),
    *("yaml", "obstore", "asyncio", "cloudpickle", "click"),
}


def test_all_is_sorted_and_complete() -> None:
    assert sorted(weft.__all__) == weft.__all__
    assert set(weft.__all__) == set(weft._HOMES) | {"__version__"}
    assert sorted(errors.__all__) == errors.__all__


@pytest.mark.parametrize("name", weft.__all__)
def test_every_name_can_be_used(name: str) -> None:
    assert getattr(weft, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'stepp'"):
        _ = weft.stepp


def test_every_error_is_a_weft_error() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert issubclass(kind, errors.WeftError | Warning)


def loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    return set(done.stdout.split())


def test_import_loads_nothing_heavy() -> None:
    assert not loaded_after("import weft").intersection(HEAVY)


def test_defining_a_pipeline_loads_nothing_heavy() -> None:
    names = ", ".join(sorted(weft._HOMES))
    assert not loaded_after(f"from weft import {names}").intersection(HEAVY)


def test_it_says_the_version_that_was_installed() -> None:
    assert weft.__version__ == version("weft")
