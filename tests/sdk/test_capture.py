"""What steps print and log is theirs, whole, and not lost when they fail."""

# ruff: noqa: T201 - printing is what is tested

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from weft import Run, RunFailedError, pipeline, step
from weft._records import LogBatch, Record

Records = Callable[[Run[Any]], list[Record]]


def lines(records: list[Record], name: str) -> list[tuple[str, str, str]]:
    batches = [r for r in records if isinstance(r, LogBatch) and r.step == name]
    return [(line.stream, line.level, line.message) for b in batches for line in b.lines]


def test_stdout_stderr_and_logging_are_told_apart(
    records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")  # as the run itself does where nobody has set logging up

    @step
    def talk() -> None:
        print("out")
        print("err", file=sys.stderr)
        sys.stdout.buffer.write(b"bytes\n")
        logging.getLogger("mine").warning("careful\nnow")
        logging.getLogger("mine").info("by the way")

    @pipeline
    def whole() -> None:
        talk()

    assert lines(records(whole()), "talk") == [
        ("stdout", "INFO", "out"),
        ("stderr", "INFO", "err"),
        ("stdout", "INFO", "bytes"),
        ("structured", "WARNING", "careful"),
        ("structured", "WARNING", "now"),
        ("structured", "INFO", "by the way"),
    ]


def test_parallel_steps_do_not_mix(records: Records) -> None:
    together = threading.Barrier(3, timeout=30)

    @step(cache=False)
    def count(n: int) -> None:
        for i in range(50):
            if i % 10 == 0:
                together.wait()
            sys.stdout.write(f"{n}:")
            sys.stdout.write(f"{i}\n")

    @pipeline
    def whole() -> None:
        count.map([0, 1, 2])

    found = records(whole.run(max_workers=3))
    for n in range(3):
        assert [text for _, _, text in lines(found, f"count-{n}")] == [
            f"{n}:{i}" for i in range(50)
        ]


def test_nothing_is_lost_when_a_step_raises(records: Records) -> None:
    @step
    def fails() -> None:
        print("last words", end="")
        raise ValueError

    @pipeline
    def whole() -> None:
        fails()

    with pytest.raises(RunFailedError) as caught:
        whole()
    assert lines(records(caught.value.run), "fails") == [("stdout", "INFO", "last words")]


def test_threads_of_a_step_speak_for_it(records: Records) -> None:
    @step
    def spawns() -> None:
        thread = threading.Thread(target=print, args=("from a thread",))
        thread.start()
        thread.join()

    @pipeline
    def whole() -> None:
        spawns()

    assert lines(records(whole()), "spawns") == [("stdout", "INFO", "from a thread")]


def test_a_handler_on_our_stream_does_not_capture_twice(records: Records) -> None:
    root = logging.getLogger()
    handler: list[logging.Handler] = []

    @step
    def configures() -> None:
        handler.append(logging.StreamHandler())
        root.addHandler(handler[0])
        logging.warning("once")  # noqa: LOG015

    @pipeline
    def whole() -> None:
        configures()

    try:
        run = whole()
    finally:
        root.removeHandler(handler[0])
    assert lines(records(run), "configures") == [("structured", "WARNING", "once")]


@pytest.mark.parametrize("echo", ["0", "1"])
def test_the_terminal_hears_what_it_is_asked_to(echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_ECHO", echo)
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stdout", terminal)

    @step
    def talk() -> None:
        print("hello")

    @pipeline
    def whole() -> None:
        talk()

    whole()
    assert sys.stdout is terminal
    assert terminal.getvalue() == ("hello\n" if echo == "1" else "")


def test_streams_and_logging_are_given_back() -> None:
    before = (sys.stdout, sys.stderr, list(logging.getLogger().handlers), logging.getLogger().level)

    @step
    def talk() -> None:
        print("hello")

    @pipeline
    def whole() -> None:
        talk()

    whole()
    after = (sys.stdout, sys.stderr, list(logging.getLogger().handlers), logging.getLogger().level)
    assert after == before
