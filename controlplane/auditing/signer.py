"""The key that signs checkpoints of audit chains, and what is signed."""

import hashlib
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


class Signer:
    """Signs with a key of its own: who holds the database alone cannot forge a checkpoint."""

    def __init__(self, path: Path, clock: Clock) -> None:
        if not path.exists():
            files.write_private(path, SigningKey.generate().pem)
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise TypeError(f"{path} holds no Ed25519 key")
        raw = key.public_key().public_bytes_raw()
        self._key = key
        self._clock = clock
        self.kid = hashlib.sha256(raw).hexdigest()[:16]
        self.jwk = SigningKey(self.kid, key).jwk

    def sign(self, chain: str, sequence: int, hash_: bytes, *, kind: str) -> AuditCheckpoint:
        """A checkpoint as of now."""
        row = AuditCheckpoint(
            chain=chain,
            sequence=sequence,
            kind=kind,
            hash=hash_,
            time=self._clock.now(),
            kid=self.kid,
        )
        row.signature = self._key.sign(canonical(statement(row)))
        return row

    def is_ours(self, row: AuditCheckpoint) -> bool:
        """Whether the signature of a checkpoint holds."""
        try:
            self._key.public_key().verify(row.signature, canonical(statement(row)))
        except InvalidSignature:
            return False
        return row.kid == self.kid
