"""Servers in the process of a test draw nothing from the generator that the test shares."""

import random

from meshkit import jobs


def test_jitter_leaves_the_shared_generator_as_it_is() -> None:
    before = random.getstate()
    assert all(0.9 <= jobs._jittered(1.0) <= 1.1 for _ in range(100))
    assert random.getstate() == before
