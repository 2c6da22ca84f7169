"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

_MOST_ON_A_PAGE = 500


def paged(call: Callable[[Any], Any], request: Any, limit: int | None = None) -> Iterator[Any]:
    """Yields pages until `limit` items were asked for, or all of them came.

    The limit counts what is asked for: a page holds no more than that.
    """
    left = limit
    while left is None or left > 0:
        request.page_size = _MOST_ON_A_PAGE if left is None else min(_MOST_ON_A_PAGE, left)
        page = call(request)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
        if left is not None:
            left -= request.page_size
