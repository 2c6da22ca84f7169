"""Pages of the documentation whose commands are typed here as they stand there."""

from pathlib import Path

import pytest

from tests.system.walking import Shell, read

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", ["artifacts", "backup", "logs", "models", "secrets", "stacks"])
def test_a_page_does_what_it_says(shell: Shell, page: str) -> None:
    steps = [
        step
        for chapter in read((DOCS / f"{page}.md").read_text(encoding="utf-8"))
        for step in chapter.steps
    ]
    assert len(steps) > 5
    for step in steps:
        shell.walk(step)
