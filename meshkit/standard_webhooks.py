"""Signatures of webhooks by the Standard Webhooks specification, scheme `v1`.

A secret is `whsec_` and the base64 of 24 to 64 random bytes. What is signed is the id of the
message, the time of the attempt in seconds and the body as it is sent; the header holds one
signature per secret in use, so that a secret can be replaced while receivers still know the old.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
# How far the clocks of sender and receiver may be apart: an older message may be a replay.
TOLERANCE_S = 5 * 60

_PREFIX = "whsec_"
_SCHEME = "v1"
_NEW_KEY_BYTES = 32
_KEY_BYTES = range(24, 65)


class VerificationError(ValueError):
    """A message that is not from whom it says, or not of now; says why."""


def new_secret() -> str:
    """A secret that nobody has had before."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_NEW_KEY_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The key in a secret; raises ValueError for what is none, which it does not repeat."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) not in _KEY_BYTES:
        raise ValueError("a secret is whsec_ and the base64 of 24 to 64 bytes")
    return key


def sign(keys: Iterable[str], *, message_id: str, timestamp_s: int, body: bytes) -> str:
    """The signature header of a message: one signature for each secret, in their order."""
    signed = b".".join((message_id.encode(), str(timestamp_s).encode(), body))
    return " ".join(f"{_SCHEME},{_signature(key_of(key), signed)}" for key in keys)


def verify(
    keys: Iterable[str],
    *,
    message_id: str,
    timestamp: str,
    signatures: str,
    body: bytes,
    now_s: float,
) -> None:
    """Raises VerificationError unless one signature is by one of the secrets, and of now.

    `message_id`, `timestamp` and `signatures` are the three headers as they came.
    """
    if not message_id or not signatures:
        raise VerificationError("the message is not signed")
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise VerificationError("the time of the message is not one")
    # Compared as text of few digits first: a number of a million digits is work.
    if len(timestamp) > len("9999999999") or abs(now_s - int(timestamp)) > TOLERANCE_S:
        raise VerificationError(f"the message is not of the last {TOLERANCE_S} seconds")
    wanted = sign(keys, message_id=message_id, timestamp_s=int(timestamp), body=body).split()
    if not _has_common(signatures.split(), wanted):
        raise VerificationError("no signature of the message is right")


def _signature(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def _has_common(given: Iterable[str], wanted: Iterable[str]) -> bool:
    """Whether a signature is among the right ones; how long it takes tells nothing about them."""
    rights = [right.encode() for right in wanted]
    return any(
        hmac.compare_digest(one.encode("utf-8", "surrogateescape"), right)
        for one in given
        for right in rights
    )
