"""What docs/authoring.md shows does what stands beside it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "authoring.md"


def code_of(page: str) -> str:
    return "\n\n".join(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE))


def promises_of(code: str) -> list[str]:
    """What it says that it prints: behind a `print`, or in the lines below one."""
    return re.findall(r"^(?:print\(.*\)  )?# (.*)$", code, re.MULTILINE)


def test_the_page_prints_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code = code_of(PAGE.read_text(encoding="utf-8"))
    file = tmp_path / "page.py"
    file.write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(file))
    assert len(promises_of(code)) > 5
    assert capsys.readouterr().out.splitlines() == promises_of(code)
