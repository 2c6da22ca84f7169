"""When a call is tried again."""

from __future__ import annotations

import pytest

from weft._backoff import Backoff
from weft.errors import ApiError


@pytest.mark.parametrize(
    ("code", "reason", "is_forgiven"),
    [
        (14, "", True),
        (8, "RATE_LIMITED", True),
        (8, "WRITE_QUEUE_FULL", True),
        # A message that is too large, and what has no room until somebody makes some.
        (8, "", False),
        (8, "QUOTA_REACHED", False),
        (8, "QUOTA_EXCEEDED", False),
        (5, "RESOURCE_NOT_FOUND", False),
    ],
)
def test_only_what_may_pass_is_tried_again(code: int, reason: str, *, is_forgiven: bool) -> None:
    assert Backoff().forgives(ApiError("no", code=code, reason=reason)) is is_forgiven
