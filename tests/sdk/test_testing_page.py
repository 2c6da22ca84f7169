"""The project of docs/testing.md does what the page says, in a pytest of its own."""

from __future__ import annotations

import re
import sys
import threading
import tomllib
from pathlib import Path

import pytest

from tests.sdk.test_pytest_plugin import ALONE

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[2]


def test_the_tests_of_the_page_pass(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session from its start to its end, whatever the environment says, with nothing left."""
    monkeypatch.setenv("WEFT_WORKSPACE_EDGE_ADDRESS", "nowhere")
    before = set(threading.enumerate())
    page = (ROOT / "docs/testing.md").read_text(encoding="utf-8")
    code = "\n\n".join(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    pipelines, _, tests = code.partition("# test_train.py\n")
    pytester.makepyfile(train=pipelines, test_train=tests)
    promised = re.search(r"^(\d+) passed$", page, re.MULTILINE)
    assert promised
    pytester.runpytest_inprocess(*ALONE).assert_outcomes(passed=int(promised[1]))
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    # The SDK's own watch over silent streams is one for a process, and a daemon.
    assert {name for name in left if "weft" in name} <= {"weft-silence"}


def test_pytest_finds_the_plugin_by_itself() -> None:
    """Where `weft` is installed; a bare checkout names it by its module, and so has it once."""
    project = tomllib.loads((ROOT / "sdk/pyproject.toml").read_text(encoding="utf-8"))
    plugins = project["project"]["entry-points"]["pytest11"]
    assert plugins == {"weft.pytest_plugin": "weft.pytest_plugin"}


def test_without_the_servers_their_tests_are_skipped_and_say_so(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "meshtest.mesh", None)
    pytester.makepyfile("def test_one(weft_mesh): pass\ndef test_two(weft_local): pass")
    ended = pytester.runpytest_inprocess(*ALONE, "-rs")
    ended.assert_outcomes(passed=1, skipped=1)
    ended.stdout.fnmatch_lines("*weft-server is not installed*")
