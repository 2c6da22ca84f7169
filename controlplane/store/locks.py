"""Rows that a transaction decides on."""

from typing import Any, TypeVar

import sqlalchemy as sa

S = TypeVar("S", bound=sa.Select[*tuple[Any, ...]])


def locked(query: S, *, shared: bool = False, of: type[Any] | None = None) -> S:
    """The query's rows as they are once nobody else changes them any more, until the commit.

    Read anew: the operation may have seen them before it had to wait for another replica. A
    `shared` lock keeps changes away, and others who only keep them away as well do not wait.
    """
    query = query.with_for_update(read=shared, of=of)
    return query.execution_options(populate_existing=True)
