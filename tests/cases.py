"""Many cases on one server: for refusals, which leave nothing behind for the next one."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest


def on_one_server(
    names: str | tuple[str, ...], cases: Sequence[Any]
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
    """As `pytest.mark.parametrize`, but each case is a subtest with the fixtures of all.

    A server for each of forty refusals took more time than they did.
    """
    given = (names,) if isinstance(names, str) else names

    def decorate(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        @functools.wraps(test)
        async def run(*, subtests: pytest.Subtests, **fixtures: Any) -> None:
            for case in cases:
                values = (case,) if isinstance(names, str) else case
                with subtests.test(**dict(zip(given, values, strict=True))):
                    await test(**fixtures, **dict(zip(given, values, strict=True)))

        signature = inspect.signature(test)
        kept = [each for each in signature.parameters.values() if each.name not in given]
        own = inspect.Parameter("subtests", inspect.Parameter.KEYWORD_ONLY)
        run.__signature__ = signature.replace(parameters=[*kept, own])  # type: ignore[attr-defined]
        return run

    return decorate
