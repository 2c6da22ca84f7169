"""How the database of a workspace is opened: with its events, and with its quotas."""

from functools import partial

from meshkit.clock import Clock
from meshkit.database import Database
from workspace.encoding import EventEncoder
from workspace.operations.quotas import QuotaBook
from workspace.quotas import Limits
from workspace.store.base import metadata

# A workspace that bounds nothing.
NO_LIMITS: Limits = {}


async def open_database(
    url: str, encoder: EventEncoder, *, clock: Clock | None = None, quotas: Limits = NO_LIMITS
) -> Database:
    """Opens a migrated database; `quotas` are those of the whole workspace."""
    return await Database.open(
        url,
        metadata=metadata,
        encode_event=encoder.encode,
        clock=clock,
        book_of=partial(QuotaBook, of_workspace=quotas),
    )
