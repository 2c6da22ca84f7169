"""The change from one root of the mesh to another, in phases that nobody is lost in.

A new root is trusted by everybody (TRUSTING) before it signs anything; then it signs, and every
member renews (ISSUING) before the old one is forgotten. Going back from ISSUING is the same
phase with the roots' places changed: the old one signs again, and members renew once more.
"""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from controlplane import store
from controlplane.ca import NewRoot
from controlplane.store.roots import Holder
from controlplane.store.schema_authority import ACTIVE, INCOMING, OUTGOING, Root
from meshkit.errors import FailedPrecondition
from meshkit.feed import ChangeKind
from meshkit.session import Session

_MAX_NAMED = 10

Step = Callable[[Session, Sequence[Root]], None]


class Phase(enum.Enum):
    """How far a rollover is."""

    STANDBY = "STANDBY"
    TRUSTING = "TRUSTING"
    ISSUING = "ISSUING"


@dataclass(frozen=True, slots=True)
class Standing:
    """The roots, and the members that the next phase waits for."""

    phase: Phase
    roots: Sequence[Root]
    holders: Sequence[Holder]
    waiting: tuple[str, ...]


def standing(session: Session) -> Standing:
    """How far a rollover is, and who has not followed yet."""
    return _standing(store.roots.all_roots(session), store.roots.holders(session))


def ensure_root(session: Session, made: NewRoot) -> bool:
    """Keeps the first root; False where there is one already."""
    if store.roots.lock_all(session):
        return False
    _add(session, made, ACTIVE)
    return True


def start(session: Session, made: NewRoot) -> Standing:
    """Publishes a new root; raises FailedPrecondition `ROLLOVER_UNDER_WAY`."""
    if _standing(store.roots.lock_all(session), []).phase is not Phase.STANDBY:
        raise FailedPrecondition(
            "ROLLOVER_UNDER_WAY", "A rollover is under way; finish it or revert it first."
        )
    _add(session, made, INCOMING)
    return standing(session)


def advance(session: Session, *, is_forced: bool) -> Standing:
    """Enters the next phase; raises NO_ROLLOVER, or ROLLOVER_WAITS for members that lag."""
    now = _standing(store.roots.lock_all(session), store.roots.holders(session))
    if now.waiting and not is_forced:
        raise FailedPrecondition(
            "ROLLOVER_WAITS",
            f"{len(now.waiting)} services have not followed yet; wait for them, or force it: "
            "those left behind must be enrolled again.",
            metadata={"services": ", ".join(now.waiting[:_MAX_NAMED])},
        )
    steps: dict[Phase, Step] = {
        Phase.TRUSTING: _change_places,
        Phase.ISSUING: _forget_outgoing,
    }
    _step(steps, now.phase)(session, now.roots)
    return standing(session)


def revert(session: Session) -> Standing:
    """Takes the last phase back; raises NO_ROLLOVER."""
    roots = store.roots.lock_all(session)
    steps: dict[Phase, Step] = {
        Phase.TRUSTING: _forget_incoming,
        Phase.ISSUING: _change_places,
    }
    _step(steps, _standing(roots, []).phase)(session, roots)
    return standing(session)


def _standing(roots: Sequence[Root], holders: Sequence[Holder]) -> Standing:
    by_state = {root.state: root for root in roots}
    if incoming := by_state.get(INCOMING):
        lag = [each for each in holders if incoming.fingerprint not in each.trusted_roots]
        phase = Phase.TRUSTING
    elif outgoing := by_state.get(OUTGOING):
        lag = [each for each in holders if each.root == outgoing.fingerprint]
        phase = Phase.ISSUING
    else:
        lag, phase = [], Phase.STANDBY
    return Standing(phase, roots, holders, tuple(each.spiffe_id for each in lag))


def _step(steps: dict[Phase, Step], phase: Phase) -> Step:
    if phase not in steps:
        raise FailedPrecondition("NO_ROLLOVER", "No rollover is under way; start one first.")
    return steps[phase]


def _change_places(session: Session, roots: Sequence[Root]) -> None:
    """Lets the root that does not sign do so, and the one that does no longer."""
    for root in roots:
        root.state = OUTGOING if root.state == ACTIVE else ACTIVE
        session.emit(ChangeKind.UPDATED, root, fields=("state",))


def _forget_incoming(session: Session, roots: Sequence[Root]) -> None:
    _forget(session, roots, INCOMING)


def _forget_outgoing(session: Session, roots: Sequence[Root]) -> None:
    _forget(session, roots, OUTGOING)


def _forget(session: Session, roots: Sequence[Root], state: str) -> None:
    for root in roots:
        if root.state == state:
            session.emit(ChangeKind.DELETED, root)
            session.delete(root)


def _add(session: Session, made: NewRoot, state: str) -> None:
    root = Root(
        fingerprint=made.fingerprint,
        certificate_pem=made.certificate_pem,
        state=state,
        create_time=session.now,
        not_after=made.not_after,
    )
    session.add(root)
    session.flush()
    session.emit(ChangeKind.CREATED, root)
