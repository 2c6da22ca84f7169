"""Answers that are as good as new for some seconds, however many people ask."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Recent(Generic[K, T]):
    """Asks once at a time for each key, and again when the answer is older than `fresh_s`.

    A refusal is an answer, too: it is raised to everybody who asks meanwhile.
    """

    def __init__(self, ask: Callable[[K], Awaitable[T]], *, fresh_s: float) -> None:
        self._ask = ask
        self._fresh_s = fresh_s
        self._answers: dict[K, tuple[float, asyncio.Future[T]]] = {}

    async def get(self, key: K) -> T:
        asked, answer = self._answers.get(key, (0.0, None))
        now = asyncio.get_running_loop().time()
        if answer is None or answer.cancelled() or now >= asked + self._fresh_s:
            answer = asyncio.ensure_future(self._ask(key))
            self._answers[key] = now, answer
        # Who asked first may go away: the others still wait.
        return await asyncio.shield(answer)

    def forget(self) -> None:
        """Nothing is recent any more; what is under way ends."""
        for _, answer in self._answers.values():
            answer.cancel()
        self._answers.clear()
