"""Signs checkpoints, notices lost history, and lets retention delete what an anchor vouches for."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile

import structlog

from controlplane import store
from controlplane.auditing.signer import ANCHOR, CHECKPOINT, Signer
from controlplane.auditing.witness import Witness
from controlplane.operations import audit
from controlplane.store.schema_audit import AuditCheckpoint
from meshkit.chain import Broken, Position, Row, follow
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.jobs import Job, Lease
from meshkit.session import Session

log = structlog.get_logger()

ROWS = 1_000
"""Rows after which a checkpoint is due, and the most that one read holds in memory."""
AGE = timedelta(minutes=5)
"""Age of the oldest row without a checkpoint at which one is due."""

_CHECK_S = 5.0
_PRUNE_S = 3600.0


@dataclass(frozen=True, slots=True)
class _Piece:
    """A chain's newest checkpoint, and the rows that follow it."""

    signed: Position
    rows: Sequence[Row]


class Notary:
    """Looks after all chains of a control plane."""

    def __init__(
        self,
        database: Database,
        signer: Signer,
        witness: Witness,
        clock: Clock,
        *,
        retention: timedelta,
    ) -> None:
        self.signer = signer
        self.witness = witness
        self._database = database
        self._clock = clock
        self._retention = retention
        self._broken: set[str] = set()

    @property
    def jobs(self) -> list[Job]:
        """What one replica at a time does now and then."""
        return [
            Job("sign audit checkpoints", self.run, _CHECK_S),
            Job("delete old audit rows", self.prune, _PRUNE_S),
        ]

    async def open(self) -> None:
        """Before anything is served: records where the database holds less than was signed."""
        for chain, signed in (await asyncio.to_thread(self.witness.positions)).items():
            if not await self._database.read(_holds, chain, signed):
                log.error("audit_history_lost", chain=chain, sequence=signed.sequence)
                await self._database.write(audit.note_lost, chain, signed.sequence)
                await self.certify(chain, is_restart=True)

    async def run(self, _lease: Lease) -> None:
        """Signs what is due; a leased job."""
        due_before = self._clock.now() - AGE
        due = await self._database.read(store.audit.unsigned, rows=ROWS, before=due_before)
        for chain in due:
            await self.certify(chain)

    async def certify(self, chain: str, *, is_restart: bool = False) -> AuditCheckpoint | None:
        """Signs a chain up to its present end, after walking the rows since the last checkpoint.

        Returns the newest checkpoint; None where there is none, or the chain is broken: what was
        tampered with never gets a signature.
        """
        end = await self._database.read(store.audit.head, chain)
        newest = await self._database.read(store.audit.newest_checkpoint, chain)
        while newest is None or newest.sequence < end.sequence:
            piece = await self._database.read(_next_piece, chain)
            place = follow(chain, piece.signed, piece.rows)
            if isinstance(place, Broken):
                self._report(chain, place)
                return None
            if not piece.rows:
                return newest
            newest = self.signer.sign(chain, *place, kind=CHECKPOINT)
            await self._database.write(audit.keep_checkpoint, newest)
            await asyncio.to_thread(self.witness.keep, newest, is_restart=is_restart)
        return newest

    async def replace_key(self, kid: str) -> str:
        """Lets a new key sign in place of the one of this id; returns the id of the one in use.

        What is there is signed first: the new key vouches for what comes after it.
        """
        for chain in await self._database.read(store.audit.all_chains):
            await self.certify(chain)
        return await asyncio.to_thread(self.signer.replace, kid)

    async def prune(self, _lease: Lease) -> None:
        """Deletes rows past the retention, where one is set, a bounded piece at a time."""
        if self._retention:
            for chain in await self._database.read(store.audit.all_chains):
                await self.certify(chain)
                while anchor := await self._next_anchor(chain):
                    await self._database.write(audit.prune, anchor)

    async def _next_anchor(self, chain: str) -> AuditCheckpoint | None:
        """A signed anchor behind the oldest rows that may go; None where none may."""
        cutoff = self._clock.now() - self._retention
        anchor, signed, rows = await self._database.read(_oldest, chain)
        old = [
            row
            for row in takewhile(lambda row: row.record.time < cutoff, rows)
            if row.sequence <= signed
        ]
        place = follow(chain, anchor, old)
        if isinstance(place, Broken):
            # What was tampered with is evidence.
            self._report(chain, place)
            return None
        return self.signer.sign(chain, *place, kind=ANCHOR) if old else None

    def _report(self, chain: str, broken: Broken) -> None:
        if chain not in self._broken:
            self._broken.add(chain)
            problem = broken.problem.value
            log.error("audit_chain_broken", chain=chain, sequence=broken.sequence, problem=problem)


def _holds(session: Session, chain: str, signed: Position) -> bool:
    """Whether the database still has the row that a checkpoint vouched for."""
    if store.audit.anchor(session, chain).sequence >= signed.sequence:
        return True
    rows = store.audit.after(session, chain, signed.sequence - 1, 1)
    return [(row.sequence, row.hash) for row in rows] == [signed]


def _next_piece(session: Session, chain: str) -> _Piece:
    newest = store.audit.newest_checkpoint(session, chain)
    signed = Position(newest.sequence, newest.hash) if newest else Position()
    return _Piece(signed, store.audit.after(session, chain, signed.sequence, ROWS))


def _oldest(session: Session, chain: str) -> tuple[Position, int, Sequence[Row]]:
    """The anchor, the newest number that is signed, and the oldest rows."""
    newest = store.audit.newest_checkpoint(session, chain)
    anchor = store.audit.anchor(session, chain)
    rows = store.audit.after(session, chain, anchor.sequence, ROWS)
    return anchor, newest.sequence if newest else 0, rows
