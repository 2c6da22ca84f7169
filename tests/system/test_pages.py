"""Pages of the documentation whose commands are typed here as they stand there."""

from pathlib import Path

import pytest

from tests.system.walking import Shell, read

DOCS = Path(__file__).parents[2] / "docs"
# These need more than a shell, which tests of their own give them.
_ELSEWHERE = {"code-repositories", "connectors", "images", "orchestrators", "walk-through"}
# Whatever starts a mesh of its own is there to be typed.
PAGES = sorted(
    page.stem
    for page in DOCS.glob("*.md")
    if "\n$ weft up" in page.read_text(encoding="utf-8") and page.stem not in _ELSEWHERE
)


@pytest.mark.page
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(shell: Shell, page: str) -> None:
    steps = [
        step
        for chapter in read((DOCS / f"{page}.md").read_text(encoding="utf-8"))
        for step in chapter.steps
    ]
    assert len(steps) > 5
    for step in steps:
        shell.walk(step)
