"""Signing in a device (RFC 8628): user codes, and every step that an authorization can take."""

import enum
import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from meshkit.errors import (
    FailedPrecondition,
    MeshError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)

LIFETIME = timedelta(minutes=10)
INTERVAL_S = 5
# No vowels, so that no code spells a word; nothing that looks like something else.
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
_HALF = 4
_MAX_PACED = 10_000


class State(enum.Enum):
    """Where an authorization stands; the values stand in the database."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    DENIED = "DENIED"
    USED = "USED"


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides on the next step."""

    state: State
    is_expired: bool
    # Who approved or denied.
    user_uid: UUID | None


def new_user_code() -> str:
    """A code such as "BCDF-GHJK": 20^8 of them, guessed at most ten times a minute."""
    letters = [secrets.choice(_ALPHABET) for _ in range(2 * _HALF)]
    return "".join(letters[:_HALF]) + "-" + "".join(letters[_HALF:])


def user_code_digest(text: str) -> bytes:
    """The stored form of a code; case, dash and blanks do not matter."""
    return hashlib.sha256(_letters(text).encode()).digest()


def shown(text: str) -> str:
    """A typed code as the device shows it."""
    letters = _letters(text)
    return f"{letters[:_HALF]}-{letters[_HALF:]}"


def _letters(text: str) -> str:
    return text.upper().replace("-", "").replace(" ", "")


def approve(standing: Standing, user_uid: UUID) -> State:
    """The state after a person approved; raises FailedPrecondition."""
    is_own = standing.user_uid == user_uid
    if standing.state in (State.APPROVED, State.USED) and is_own:
        return standing.state
    return _decide(standing, State.APPROVED)


def deny(standing: Standing, user_uid: UUID) -> State:
    """The state after a person refused; raises FailedPrecondition."""
    if standing.state is State.DENIED and standing.user_uid == user_uid:
        return State.DENIED
    return _decide(standing, State.DENIED)


def fetch(standing: Standing) -> State:
    """The state after the device fetched its tokens; raises what the device is told otherwise."""
    if standing.state is State.APPROVED and not standing.is_expired:
        return State.USED
    raise _refusal(standing)


def unknown_code() -> NotFound:
    """The answer to a code that nobody was given, or that has expired."""
    return NotFound("RESOURCE_NOT_FOUND", "No device shows this code now; check it and try again.")


def _decide(standing: Standing, target: State) -> State:
    if standing.is_expired:
        raise _expired()
    if standing.state is not State.PENDING:
        raise FailedPrecondition(
            "ILLEGAL_TRANSITION",
            "Somebody decided about this device already; start again on the device.",
            metadata={"from": standing.state.value, "to": target.value},
        )
    return target


def _refusal(standing: Standing) -> MeshError:
    if standing.state is State.DENIED:
        return PermissionDenied("DEVICE_DENIED", "The person refused this device.")
    if standing.is_expired:
        return _expired()
    return FailedPrecondition(
        "AUTHORIZATION_PENDING",
        "Nobody approved this device yet; ask again after the interval.",
        retry_after_s=INTERVAL_S,
    )


def _expired() -> FailedPrecondition:
    return FailedPrecondition("DEVICE_CODE_EXPIRED", "The codes have expired; start again.")


class Pacer:
    """Tells devices that ask too often to slow down; each time by five seconds more."""

    def __init__(self) -> None:
        # By device: when it may ask again, and its interval.
        self._paces: dict[UUID, tuple[float, int]] = {}

    def check(self, device: UUID, now: float) -> None:
        """Takes note of a question at a monotonic time; raises ResourceExhausted SLOW_DOWN."""
        allowed, interval = self._paces.pop(device, (now, INTERVAL_S))
        is_early = now < allowed
        if is_early:
            interval += INTERVAL_S
        # Popped and put back: the dict's order is that of the last question.
        self._paces[device] = (now + interval, interval)
        if len(self._paces) > _MAX_PACED:
            del self._paces[next(iter(self._paces))]
        if is_early:
            raise ResourceExhausted(
                "SLOW_DOWN",
                f"Wait {interval} seconds between two questions.",
                retry_after_s=interval,
            )
