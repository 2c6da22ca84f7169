"""Run tokens: what a runner shows instead of a person's credential.

The workspace signs them with a key of its own for one attempt of one run. They live an hour,
heartbeats renew them, and they are dead ten minutes after their run has ended. One that a workload
is submitted with may have to wait for its process: it lives longer, and is changed first of all.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from meshkit.caller import Caller, CallerKind
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.files import write_private
from meshkit.tokens import SigningKey, TokenSigner
from workspace import names
from workspace.access import RUN_UID_CLAIM, SNAPSHOT_CLAIM
from workspace.step_tokens import STEP_ATTEMPT_CLAIM
from workspace.store import runs as run_store
from workspace.store import steps as step_store
from workspace.store.schema import Run

LIFETIME = timedelta(hours=1)
# As long as a workload may wait in the queue of its engine; its first heartbeat after that gets
# a token of LIFETIME instead.
WAITING_LIFETIME = timedelta(days=7)
AFTER_END = timedelta(minutes=10)
# A run that has not ended is looked at again after this; much less than AFTER_END.
_LOOK_AGAIN_S = 30.0
_LOOK_AT_STEP_AGAIN_S = 5.0
_MAX_KNOWN = 10_000
_KEY_FILE = "run-token-key.pem"


def load_key(directory: Path) -> SigningKey:
    """The key in a directory, made when first asked for; only its owner can read it."""
    path = directory / _KEY_FILE
    if not path.exists():
        write_private(path, SigningKey.generate().pem)
    return SigningKey.from_pem("run", path.read_bytes())


class RunTokens:
    """Issues run tokens of one workspace."""

    def __init__(self, signer: TokenSigner, *, audience: str, clock: Clock) -> None:
        self._signer = signer
        self._audience = audience
        self._clock = clock

    def issue(self, run: Run, *, attempt: str = "", lifetime: timedelta = LIFETIME) -> str:
        """A token for the run's present attempt; or for no more than one `attempt` at a step."""
        claims = {RUN_UID_CLAIM: str(run.uid)}
        if attempt:
            claims[STEP_ATTEMPT_CLAIM] = attempt
        if run.snapshot:
            claims[SNAPSHOT_CLAIM] = f"projects/{run.project}/snapshots/{run.snapshot}"
        return self._signer.sign(
            CallerKind.RUN,
            names.attempt(run.name, run.attempt),
            audience=self._audience,
            lifetime=lifetime,
            claims=claims,
        )

    def is_half_spent(self, caller: Caller) -> bool:
        """Whether a caller's run token is older than half an hour, however long it may live."""
        issued = caller.claims.get("iat")
        if caller.kind is not CallerKind.RUN or not isinstance(issued, int):
            return False
        return self._clock.now().timestamp() >= issued + LIFETIME.total_seconds() / 2


@dataclass(frozen=True, slots=True)
class _Known:
    uid: str
    end_time: datetime | None
    looked_at: float


class RunStandings:
    """Whether runs still count, remembered: an end is for ever, the rest for half a minute."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: OrderedDict[run_store.Key, _Known] = OrderedDict()
        # How many attempts there were at steps, and when that was looked up.
        self._attempts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def is_newest(self, attempt: str) -> bool:
        """Whether no later attempt at the step has begun, as far as was known 5 seconds ago."""
        step, _, number = attempt.partition("/attempts/")
        count, looked_at = self._attempts.get(step, (0, 0.0))
        now = self._clock.monotonic()
        if count <= int(number) and (not count or now - looked_at > _LOOK_AT_STEP_AGAIN_S):
            count = await self._database.read(step_store.attempt_count, *names.ids(step))
            self._attempts[step] = (count, now)
            self._attempts.move_to_end(step)
            if len(self._attempts) > _MAX_KNOWN:
                self._attempts.popitem(last=False)
        return count <= int(number)

    async def is_alive(self, project: str, run: str, uid: str) -> bool:
        """False for a run that never was, is another one, or ended too long ago."""
        known = self._known.get((project, run))
        now = self._clock.monotonic()
        if known is None or (known.end_time is None and now - known.looked_at > _LOOK_AGAIN_S):
            known = await self._look(project, run)
        if known is None or known.uid != uid:
            return False
        return known.end_time is None or self._clock.now() <= known.end_time + AFTER_END

    async def _look(self, project: str, run: str) -> _Known | None:
        row = await self._database.read(run_store.standing, project, run)
        if row is None:
            return None
        known = _Known(str(row[0]), row[1], self._clock.monotonic())
        self._known[project, run] = known
        self._known.move_to_end((project, run))
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)
        return known
