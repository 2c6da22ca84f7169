"""Opaque secrets that people and programs keep: personal access tokens and API keys.

`weft_pat_<id>_<secret><crc32>`: the id finds the row, the secret has 256 random bits, the
checksum tells a typo (and lets secret scanners recognise a leak) without asking a database.
Only the SHA-256 of the whole is stored; with 256 random bits it needs no salt.
"""

import base64
import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass

PERSONAL_ACCESS_TOKEN = "weft_pat_"  # noqa: S105 - a prefix, not a secret
API_KEY = "weft_key_"

_SECRET_BYTES = 32
_MAX_LENGTH = 160
_SHAPE = re.compile(r"(weft_[a-z]{2,8}_)([0-9a-f]{32})_([A-Za-z0-9]{43,52})([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class OpaqueToken:
    """The parts of a secret that are safe to look at, and its hash to compare."""

    prefix: str
    id: str
    digest: bytes


def make(prefix: str, token_id: str) -> tuple[str, OpaqueToken]:
    """Makes a secret for an id of 32 hex digits: the text to show once, and what to store."""
    # Base32 keeps the secret one word when a double click selects it.
    raw = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode().rstrip("=").lower()
    body = f"{prefix}{token_id}_{raw}"
    text = f"{body}{_checksum(body)}"
    return text, parse(text)


def parse(text: str) -> OpaqueToken:
    """Reads a secret; raises ValueError where its form or its checksum is wrong."""
    match = _SHAPE.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None or not secrets.compare_digest(_checksum(text[:-8]), match[4]):
        raise ValueError("not a token of ours")
    return OpaqueToken(match[1], match[2], hashlib.sha256(text.encode()).digest())


def matches(presented: OpaqueToken, stored_digest: bytes) -> bool:
    """Compares in constant time."""
    return secrets.compare_digest(presented.digest, stored_digest)


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
