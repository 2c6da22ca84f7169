"""Every migration follows the one before it, by its number and by the name of its file."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("service", ["controlplane", "workspace"])
def test_revisions_are_in_the_order_of_their_files(service: str) -> None:
    folder = ROOT / service / "migrations" / "versions"
    before = None
    for name in sorted(path.stem for path in folder.glob("[!_]*.py")):
        script = importlib.import_module(f"{service}.migrations.versions.{name}")
        assert (script.revision, script.down_revision) == (name.partition("_")[0], before)
        before = script.revision
    assert before
