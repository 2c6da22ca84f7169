"""Ctrl-C while a stream is being opened."""

from __future__ import annotations

import signal
import threading

import pytest

from weft._channels import uninterrupted


def test_an_interrupt_ends_the_wait_and_not_the_call() -> None:
    ended = threading.Event()

    def call() -> None:
        signal.raise_signal(signal.SIGINT)
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        uninterrupted(call)
    assert ended.wait(10)


def test_what_a_call_raises_reaches_its_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        uninterrupted(lambda: 1 / 0)
