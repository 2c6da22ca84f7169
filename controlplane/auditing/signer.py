"""The keys that sign checkpoints of audit chains, one after the other, and what is signed."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from controlplane.store.schema_audit import AuditCheckpoint
from meshkit import files
from meshkit.chain import canonical
from meshkit.clock import Clock
from meshkit.tokens import SigningKey

CHECKPOINT = "checkpoint"
ANCHOR = "anchor"
_HISTORY_FILE = "audit-keys.json"

Judge = Callable[[AuditCheckpoint], bool]


def statement(row: AuditCheckpoint) -> dict[str, Any]:
    """What a checkpoint states, as exports hold it; its signature covers the RFC 8785 bytes."""
    return {
        "chain": row.chain,
        "hash": row.hash.hex(),
        "kid": row.kid,
        "kind": row.kind,
        "sequence": row.sequence,
        "time": row.time.isoformat(timespec="microseconds")[:26] + "Z",
    }


@dataclass(frozen=True, slots=True)
class _Key:
    """A private key, and its id and public half as they follow from it."""

    private: ed25519.Ed25519PrivateKey

    @classmethod
    def read(cls, path: Path) -> "_Key":
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise TypeError(f"{path} holds no Ed25519 key")
        return cls(key)

    @property
    def kid(self) -> str:
        return hashlib.sha256(self.private.public_key().public_bytes_raw()).hexdigest()[:16]

    @property
    def named(self) -> SigningKey:
        return SigningKey(self.kid, self.private)

    def sign(self, value: dict[str, Any]) -> bytes:
        return self.private.sign(canonical(value))


@dataclass(frozen=True, slots=True)
class _History:
    """The public keys that signed before the one in use, and how each passed on to the next.

    A succession is signed by the older key: who has that one need not take anybody's word for
    the newer.
    """

    keys: list[dict[str, str]]
    successions: list[dict[str, Any]]


class Signer:
    """Signs with a key of its own: who holds the database alone cannot forge a checkpoint.

    The files are read at each use, which is rare: so a replica never signs with a key that
    another one has replaced. Public keys are kept beside the private one, not in the database,
    where who wants to forge could put one of their own.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._history_path = path.with_name(_HISTORY_FILE)
        self._clock = clock
        if not path.exists():
            files.write_private(path, SigningKey.generate().pem)
        _Key.read(path)

    @property
    def jwks(self) -> list[dict[str, str]]:
        """The public keys, the one in use first, then the newest of those before it."""
        current = _Key.read(self._path).named
        older = [key for key in reversed(self._history().keys) if key["kid"] != current.kid]
        return [current.jwk, *older]

    @property
    def successions(self) -> list[dict[str, Any]]:
        """How each key passed on to the next, the oldest first, as exports hold it."""
        return self._history().successions

    def sign(self, chain: str, sequence: int, hash_: bytes, *, kind: str) -> AuditCheckpoint:
        """A checkpoint as of now."""
        key = _Key.read(self._path)
        row = AuditCheckpoint(
            chain=chain,
            sequence=sequence,
            kind=kind,
            hash=hash_,
            time=self._clock.now(),
            kid=key.kid,
        )
        row.signature = key.sign(statement(row))
        return row

    def judge(self) -> Judge:
        """Tells whether the signature of a checkpoint holds, by any key that was in use."""
        keys = {jwk["kid"]: _public_key(jwk) for jwk in self.jwks}

        def is_ours(row: AuditCheckpoint) -> bool:
            if row.kid not in keys:
                return False
            try:
                keys[row.kid].verify(row.signature, canonical(statement(row)))
            except InvalidSignature:
                return False
            return True

        return is_ours

    def replace(self, kid: str) -> str:
        """Lets a new key sign in place of the one of this id; returns the id of the one in use.

        Where another one is in use already, nothing changes: so this is safe to repeat.
        """
        with files.locked(self._path.parent):
            current = _Key.read(self._path)
            if current.kid != kid:
                return current.kid
            following = SigningKey.generate()
            # First what verifies: a crash in between leaves a succession that nothing followed,
            # and that the next one replaces.
            self._remember(current, following)
            files.write_private(self._path, following.pem)
            return following.kid

    def _remember(self, current: _Key, following: SigningKey) -> None:
        history = self._history()
        keys = [key for key in history.keys if key["kid"] != current.kid]
        earlier = [
            each for each in history.successions if each["succession"]["after"] != current.kid
        ]
        passed_on = dict(sorted({**following.jwk, "after": current.kid}.items()))
        signature = base64.urlsafe_b64encode(current.sign(passed_on)).rstrip(b"=")
        line = {"succession": passed_on, "signature": signature.decode()}
        content = {"keys": [*keys, current.named.jwk], "successions": [*earlier, line]}
        files.write_private(self._history_path, json.dumps(content).encode())

    def _history(self) -> _History:
        try:
            return _History(**json.loads(self._history_path.read_bytes()))
        except FileNotFoundError:
            return _History([], [])


def _public_key(jwk: Mapping[str, str]) -> ed25519.Ed25519PublicKey:
    raw = base64.urlsafe_b64decode(jwk["x"] + "=" * (-len(jwk["x"]) % 4))
    return ed25519.Ed25519PublicKey.from_public_bytes(raw)
