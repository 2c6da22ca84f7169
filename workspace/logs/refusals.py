"""Where logs meet the rest: rows name them, and what their store refuses is said to callers."""

from collections.abc import Awaitable
from typing import TypeVar

from meshkit.errors import MeshError, ResourceExhausted, Unavailable
from workspace.logs.backend import LogKey, LogStoreError, LogStoreFullError
from workspace.store.schema_logs import LogStream

T = TypeVar("T")


def key_of(row: LogStream) -> LogKey:
    return LogKey(row.project, row.uid)


async def stored(answer: Awaitable[T]) -> T:
    """What the backend answers; its errors in the words of the API."""
    try:
        return await answer
    except LogStoreError as error:
        raise refusal(error) from error


def refusal(error: LogStoreError) -> MeshError:
    """What callers hear of an error of the backend."""
    if isinstance(error, LogStoreFullError):
        return ResourceExhausted(
            "LOG_STORE_FULL",
            "There is no space left for logs; keep the lines and try again.",
            retry_after_s=5,
        )
    return Unavailable(
        "LOG_STORE_UNAVAILABLE",
        "The store of logs cannot do this now; keep the lines and try again.",
        retry_after_s=1,
    )
