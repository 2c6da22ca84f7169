"""AES-256-GCM in two layers, each ciphertext bound to where it belongs.

A sealed value is

    version (1 byte, 1) | uid of the data key (16) | nonce (12) | ciphertext and tag

and its associated data are the header and the place, so that a value that is moved to another
row, or given the id of another key, does not open. A wrapped data key has the same form without
the uid: the table says which key wrapped it.
"""

import secrets
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12
_HEADER_BYTES = len(_VERSION) + 16
_TAG_BYTES = 16


class AlteredError(ValueError):
    """Not what was encrypted for this place, or not with this key."""


def new_key() -> bytes:
    """A random key."""
    return secrets.token_bytes(KEY_BYTES)


def seal(plain: bytes, *, key: bytes, key_uid: UUID, bound_to: str) -> bytes:
    """Encrypts a value for one place."""
    header = _VERSION + key_uid.bytes
    return header + _encrypt(key, plain, header + bound_to.encode())


def key_uid_of(sealed: bytes) -> UUID:
    """The data key that a sealed value names; AlteredError where it is none."""
    if len(sealed) < _HEADER_BYTES or sealed[:1] != _VERSION:
        raise AlteredError("not a sealed value")
    return UUID(bytes=bytes(sealed[1:_HEADER_BYTES]))


def unseal(sealed: bytes, *, key: bytes, bound_to: str) -> bytes:
    """Decrypts what was sealed for this place; AlteredError for anything else."""
    header, body = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES:]
    return _decrypt(key, body, header + bound_to.encode())


def wrap(data_key: bytes, *, key: bytes, key_id: str, uid: UUID) -> bytes:
    """Encrypts a data key with a key of the key file."""
    return _VERSION + _encrypt(key, data_key, _wrapping(key_id, uid))


def unwrap(wrapped: bytes, *, key: bytes, key_id: str, uid: UUID) -> bytes:
    """Decrypts a data key; AlteredError where it was not wrapped by this key."""
    if wrapped[:1] != _VERSION:
        raise AlteredError("not a wrapped key")
    return _decrypt(key, wrapped[1:], _wrapping(key_id, uid))


def _wrapping(key_id: str, uid: UUID) -> bytes:
    return b"weft data key" + _VERSION + uid.bytes + key_id.encode()


def _encrypt(key: bytes, plain: bytes, associated: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, associated)


def _decrypt(key: bytes, body: bytes, associated: bytes) -> bytes:
    if len(body) < _NONCE_BYTES + _TAG_BYTES:
        raise AlteredError("cut short")
    try:
        return AESGCM(key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], associated)
    except InvalidTag as error:
        raise AlteredError("altered, moved, or encrypted with another key") from error
