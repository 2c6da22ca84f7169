import contextlib
import random
import signal
from collections import Counter

import pytest
import sqlalchemy as sa

from meshkit.audit import row_of
from meshkit.chain import Position, Row, follow
from meshkit.database import Session
from tests.forks import forks
from tests.meshkit import crashing, notes

POINTS = 20
MOST_ACKS = 150


def run_and_kill(url: str, run: str, acks: int) -> tuple[dict[str, int], set[str]]:
    """SIGKILLs a writing process after so many acknowledgements; acknowledged and unknown."""
    receiving, sending = forks.Pipe(duplex=False)
    process = forks.Process(target=crashing.write_until_killed, args=(url, run, sending))
    process.start()
    sending.close()
    asked, acknowledged = set[str](), dict[str, int]()
    with receiving, contextlib.suppress(EOFError):
        while True:
            name, revision = receiving.recv()
            asked.add(name)
            if revision:
                acknowledged[name] = revision
                # Once only; what it still managed to say stands in the pipe.
                if len(acknowledged) == acks:
                    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    return acknowledged, asked - acknowledged.keys()


def audit_rows(session: Session) -> list[Row]:
    table = notes.TABLES.audit_events
    query = sa.select(table).order_by(table.c.sequence)
    return [row_of(tuple(row)) for row in session.execute(query)]


@pytest.mark.fault
async def test_a_kill_at_any_of_20_points_loses_nothing_acknowledged(database_url: str) -> None:
    await notes.create_tables(database_url)
    points = random.Random(20).sample(range(1, MOST_ACKS), POINTS)
    acknowledged, unknown = dict[str, int](), set[str]()
    for run, acks in enumerate(points):
        said, unsaid = run_and_kill(database_url, str(run), acks)
        assert len(said) >= acks
        acknowledged |= said
        unknown |= unsaid

    async with await notes.open_notes(database_url) as database:
        stored = await database.read(notes.all_notes)
        audit = await database.read(audit_rows)
        events, position = [], 0
        while page := await database.feed.read(position, 1000):
            events += page
            position = page[-1].revision

    created = Counter(event.name for event in events if event.type == "CREATED")
    revisions = {event.name: event.revision for event in events if event.type == "CREATED"}
    assert unknown, "no write was under way when the process died"
    assert {name: revisions.get(name) for name in acknowledged} == acknowledged
    assert set(created.values()) == {1}
    assert stored.keys() == created.keys()
    assert stored.keys() - acknowledged.keys() <= unknown
    assert sorted({event.revision for event in events}) == list(range(1, position + 1))
    assert follow("", Position(), audit) == Position(len(audit), audit[-1].hash)
    assert Counter(row.record.request_id for row in audit) == Counter(e.name for e in events)
