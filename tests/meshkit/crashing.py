"""A process that writes until it is killed, and says what was acknowledged."""

import asyncio
from multiprocessing.connection import Connection

from meshkit.caller import current_call
from meshkit.database import Database
from tests.meshkit.notes import append_texts, call, create, increment, open_notes

WRITERS = 16


def write_until_killed(url: str, run: str, pipe: Connection) -> None:
    """Each write is announced on the pipe before it is asked for and after it is acknowledged,
    then with its revision (from 1)."""
    asyncio.run(_write(url, run, pipe))


async def _write(url: str, run: str, pipe: Connection) -> None:
    async with await open_notes(url) as database:
        await asyncio.gather(*(_writer(database, f"{run}-{i}", pipe) for i in range(WRITERS)))


async def _writer(database: Database, prefix: str, pipe: Connection) -> None:
    number = 0
    while True:
        name = f"{prefix}-{number}"
        # Whatever becomes durable is audited under its name.
        current_call.set(call(action="notes.write", request_id=name))
        pipe.send((name, 0))
        note = await database.write(create, name)
        pipe.send((name, note.revision))
        if number % 3 == 1:
            await database.write(increment, name)
        elif number % 3 == 2:
            await database.write_grouped(append_texts, (name, "x"))
        number += 1
