"""Chance for what needs no secrecy, such as jitter.

A generator of its own: whoever seeds the one that all share, as tests do, or watches whether it
is drawn from, meets no server here.
"""

import random

CHANCE = random.Random()  # noqa: S311 - it hides nothing
