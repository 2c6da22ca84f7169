"""Ctrl-C while a stream is being opened."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from weft._channels import uninterrupted


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C raises, whatever another test left behind."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_wait_and_not_the_call() -> None:
    ended = threading.Event()

    def call() -> None:
        signal.raise_signal(signal.SIGINT)
        ended.set()

    def wait() -> None:
        uninterrupted(call)
        # A thread that was faster than its caller: then it is heard a moment later.
        ended.wait(10)

    with pytest.raises(KeyboardInterrupt):
        wait()
    assert ended.wait(10)


def test_what_a_call_raises_reaches_its_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        uninterrupted(lambda: 1 / 0)
