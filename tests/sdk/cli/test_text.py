"""What other people's code wrote cannot command a terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.cli._live import clipped
from weft.cli._text import coloured, fitted, lines, plain, width

# Letters, everything that starts or ends an escape sequence, and what deceives.
texts = st.text(alphabet=st.sampled_from("ab1;[]m?hKJ\\P^_\x1b\x07\x9b\x9c\r\n\t\u202e\u200f字é"))


@given(texts)
def test_a_plain_line_obeys_nothing(text: str) -> None:
    assert plain(text).isprintable()
    assert "\u202e" not in plain(text)


@given(texts)
def test_a_coloured_line_has_colours_and_nothing_else(text: str) -> None:
    shown = coloured(text)
    assert re.sub(r"\x1b\[[0-9;:]*m", "", shown).isprintable()
    if "\x1b" in shown:
        assert shown.endswith("\x1b[0m")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred", "\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;c2VjcmV0\x07", ""),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x1bPq#0\x1b\\sixel", "sixel"),
        ("10%\r50%\r100%", "100%"),
        ("done\r", "done"),
        ("a\tb", "a       b"),
        ("bell\x07", "bell\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_log_lines_as_programs_write_them(written: str, shown: str) -> None:
    assert coloured(written) == shown


@given(texts, st.integers(1, 30))
def test_what_is_cut_fits(text: str, columns: int) -> None:
    assert width(fitted(plain(text), columns)) <= columns
    bare = re.sub(r"\x1b\[[0-9;]*m", "", clipped(coloured(plain(text)), columns))
    assert width(bare) <= columns


def test_text_of_several_lines_stays_that() -> None:
    assert lines("a\n\tb\x1b[2J\n") == ["a", "    b"]


def test_wide_characters_count_twice() -> None:
    assert width("字é") == 3
    assert fitted("字字字", 4) == "字…"
