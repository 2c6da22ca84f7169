"""Passwords: Argon2id off the event loop, a bounded number at a time, and a floor of strength."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from meshkit.errors import FieldViolation, InvalidArgument, ResourceExhausted

T = TypeVar("T")

MIN_LENGTH = 12
# Each hash takes 64 MiB for a moment: what waits is refused rather than piled up.
_MAX_WAITING = 64
_MIN_DIFFERENT = 5
_MIN_PART = 4
_PRODUCT = "weft"


class Passwords:
    """Hashes and verifies passwords; close it to end its threads."""

    def __init__(self, *, threads: int = 2, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._waiting = 0
        # What an unknown account's password is verified against, so that it costs the same.
        self._nobody = self._hasher.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """The encoded hash to store."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is right; takes as long where there is no hash to match."""
        matched = await self._run(lambda: self._matches(stored or self._nobody, password))
        return matched and stored is not None

    def close(self) -> None:
        self._threads.shutdown()

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MAX_WAITING:
            raise ResourceExhausted(
                "RATE_LIMITED", "Too many people sign in right now; try again.", retry_after_s=2
            )
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def require_strong(password: str, *, email: str, field: str) -> None:
    """Raises InvalidArgument WEAK_PASSWORD, with what to do about it."""
    problem = _weakness(password, email)
    if problem:
        violation = FieldViolation(field, problem)
        raise InvalidArgument("WEAK_PASSWORD", f"The password {problem}.", violations=[violation])


def _weakness(password: str, email: str) -> str:
    """Why a password is too easy to guess; empty where it is not."""
    lowered = password.casefold()
    if len(password) < MIN_LENGTH:
        return f"must have at least {MIN_LENGTH} characters"
    if len(set(lowered)) < _MIN_DIFFERENT:
        return f"must have at least {_MIN_DIFFERENT} different characters"
    if _repeats(lowered) or _counts(lowered):
        return "must not be one short pattern repeated"
    for part in _known_about(email):
        # What is left beside the known part must be a password of its own.
        if part in lowered and len(lowered.replace(part, "")) < MIN_LENGTH // 2:
            return "must not be made of the address or the product's name"
    return ""


def _known_about(email: str) -> list[str]:
    """What everybody knows: the address, its parts, the product; longest first."""
    address = email.casefold()
    local, _, domain = address.partition("@")
    parts = {address, local, domain, domain.partition(".")[0], _PRODUCT}
    return sorted((part for part in parts if len(part) >= _MIN_PART), key=len, reverse=True)


def _repeats(text: str) -> bool:
    """Whether the text is a shorter one said again and again ("abcabcabcabc")."""
    return text in (text + text)[1:-1]


def _counts(text: str) -> bool:
    """Whether each character is the neighbour of the one before ("abcdefghijkl")."""
    steps = {ord(b) - ord(a) for a, b in pairwise(text)}
    return len(steps) == 1 and steps <= {-1, 0, 1}
