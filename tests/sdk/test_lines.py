"""Text becomes lines, whatever pieces it comes in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weft._lines import MAX_LINE_BYTES, LineSplitter

TEXT = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=200)


def lines_of(*pieces: str) -> list[tuple[str, bool]]:
    splitter = LineSplitter()
    found = [line for piece in pieces for line in splitter.feed(piece)]
    return found + splitter.close()


@given(st.lists(st.text(max_size=20) | st.just("\r") | st.just("\n"), max_size=20))
def test_pieces_do_not_matter(pieces: list[str]) -> None:
    assert lines_of(*pieces) == lines_of("".join(pieces))


@given(TEXT)
def test_nothing_is_lost(text: str) -> None:
    expected = text.split("\n")
    if not expected[-1]:
        expected.pop()
    assert [message for message, _ in lines_of(text)] == expected


@given(st.integers(1, 4), st.sampled_from("aé漢😀"), st.integers(0, 5))
def test_long_lines_are_cut_between_characters(times: int, character: str, extra: int) -> None:
    text = character * (times * MAX_LINE_BYTES // len(character.encode()) + extra)
    found = lines_of(text + "\n")
    assert "".join(message for message, _ in found) == text
    assert all(len(message.encode()) <= MAX_LINE_BYTES for message, _ in found)
    assert [continued for _, continued in found] == [True] * (len(found) - 1) + [False]


def test_a_progress_bar_is_its_last_state() -> None:
    bar = "".join(f"\r{percent} %" for percent in range(0, 101, 10))
    assert lines_of(f"start\n{bar}\nend") == [("start", False), ("100 %", False), ("end", False)]


def test_a_carriage_return_before_the_line_end_keeps_the_line() -> None:
    assert lines_of("one\r\ntwo\r", "\nthree") == [("one", False), ("two", False), ("three", False)]


def test_lone_surrogates_become_question_marks() -> None:
    assert lines_of("a\udc80b\n") == [("a?b", False)]
