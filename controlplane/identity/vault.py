"""Secrets of identity providers, encrypted by a key that is not in the database.

AES-256-GCM; the owner stands in the associated data, so a ciphertext that is moved to another
row does not open. The same key derives what a sign-in needs again at its end, so that nothing
secret of it is stored.
"""

import base64
import hashlib
import hmac
import secrets
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from controlplane.identity.opaque import Secret

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12


class Vault:
    """Seals and derives; the key is random and KEY_BYTES long."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(hmac.digest(key, b"seal", hashlib.sha256))
        self._derivation_key = hmac.digest(key, b"derive", hashlib.sha256)

    def seal(self, secret: str, *, owner: UUID) -> bytes:
        """Encrypts a secret of this owner."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret.encode(), _VERSION + owner.bytes)
        return _VERSION + nonce + sealed

    def open(self, sealed: bytes, *, owner: UUID) -> Secret:
        """Decrypts what was sealed for this owner; ValueError for anything else."""
        version, nonce, body = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return Secret(self._cipher.decrypt(nonce, body, version + owner.bytes).decode())
        except InvalidTag as error:
            raise ValueError("the secret was sealed with another key, or altered") from error

    def derive(self, purpose: str, secret: str) -> str:
        """43 characters that only the holder of key and secret can make, for one purpose."""
        digest = hmac.digest(self._derivation_key, f"{purpose}:{secret}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
