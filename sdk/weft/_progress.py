"""How far a step is, shown where its run is watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from weft import _context

T = TypeVar("T")
# The workspace is told less often still; see `weft._noted`.
_PAUSE_S = 0.5


class Progress(Generic[T]):
    """Counts what is done of something; the running step shows it as metadata `progress`.

    Iterate over it, or call `update` as with tqdm. Outside of a running step it shows nothing.

    Attributes:
        done: How many are done.
        total: How many there are; None where nobody knows.
    """

    def __init__(
        self,
        iterable: Iterable[T] | None = None,
        *,
        total: int | None = None,
        name: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.done: int = 0
        self.total: int | None = _length(iterable) if total is None else total
        self._iterable: Iterable[T] = () if iterable is None else iterable
        self._key = f"progress {name}".rstrip()
        self._clock = clock
        self._told: tuple[int, int | None] | None = None
        self._next = -float("inf")

    def update(self, count: int = 1) -> None:
        """Say that so many more are done."""
        self.done += count
        if self._clock() >= self._next:
            self._tell()

    def close(self) -> None:
        """Say where it ended."""
        self._tell()

    def _tell(self) -> None:
        self._next = self._clock() + _PAUSE_S
        state = (self.done, self.total)
        if state != self._told and _context.active.get() is not None:
            self._told = state
            _context.log_metadata({self._key: [self.done, self.total or 0]})

    def __iter__(self) -> Iterator[T]:
        with self:
            for item in self._iterable:
                yield item
                self.update()

    def __enter__(self) -> Self:
        self._tell()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def progress(
    iterable: Iterable[T] | None = None, *, total: int | None = None, name: str = ""
) -> Progress[T]:
    """Show how far the running step is, where its run is watched.

    Args:
        iterable: What to go through: `for batch in weft.progress(batches)`. Leave it out and call
            `update()`, in a `with`, where nothing is iterated over.
        total: How many there are; the iterable's length by default.
        name: What is counted, where a step counts several things: `"epochs"`.

    Returns:
        The same items in the same order.
    """
    return Progress(iterable, total=total, name=name)


def tqdm_class() -> Any:
    """Give a `tqdm` whose bars are shown where the run is watched too, and in the log.

    Libraries that take a class of bars take it: `load_dataset(..., tqdm_class=weft.tqdm_class())`.

    Raises:
        ModuleNotFoundError: tqdm is not installed.
    """
    from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]

    class Tqdm(tqdm):  # type: ignore[misc,unused-ignore]
        def display(self, *args: Any, **kwargs: Any) -> Any:
            state = [self.n, self.total or 0]
            if _context.active.get() is not None:
                name = f"progress {self.desc or ''}".strip().removesuffix(":")
                _context.log_metadata({name: state})
            return super().display(*args, **kwargs)

    return Tqdm


def _length(iterable: Iterable[Any] | None) -> int | None:
    try:
        return len(iterable)  # type: ignore[arg-type]
    except TypeError:
        return None
