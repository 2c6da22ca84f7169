"""Verifies an exported audit log offline: its hashes, its order, and the signatures over it.

Nothing of the servers takes part: an export and the public key are enough. What is hashed and
signed are the RFC 8785 bytes of the objects in the export.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft.errors import WeftError

Verify = Callable[[bytes, bytes], None]


class AuditBrokenError(WeftError):
    """An export that is not what was signed; `sequence` is the first row that is wrong."""

    def __init__(self, sequence: int, problem: str) -> None:
        super().__init__(f"row {sequence}: {problem}")
        self.sequence = sequence
        self.problem = problem


@dataclass(frozen=True)
class Verified:
    """What an export holds, all of it vouched for.

    `after` is the row behind which it begins; `is_anchored` says that this is the beginning of
    the chain, or that a signed anchor says that everything before was deleted by retention.
    """

    chain: str
    after: int
    is_anchored: bool
    last: int
    rows: int
    checkpoints: int
    signed_time: str


def verify_export(lines: Iterable[str], keys: Mapping[str, Any]) -> Verified:
    """Verifies the lines of an export with a JSON web key set; raises AuditBrokenError.

    `lines` are those of `weft audit export`, also of one that was interrupted and resumed. Newer
    keys than these are trusted where the lines show that these vouched for them.
    """
    reader = _Reader({key["kid"]: _verifier(key) for key in keys.get("keys", [])})
    for line in lines:
        reader.read(line)
    return reader.end()


def last_sequence(file: Path) -> int:
    """The last row in an export, 0 where there is none; cuts off a line that broke off."""
    last = whole = 0
    with file.open("r+b") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                lines.truncate(whole)
                break
            whole += len(line)
            if line.startswith(b'{"event":'):
                last = json.loads(line)["event"]["sequence"]
            elif line.startswith(b'{"export":'):
                last = json.loads(line)["export"]["sequence"]
    return last


class _Reader:
    """Walks an export line by line."""

    def __init__(self, keys: dict[str, Verify]) -> None:
        # Those that are trusted; more as they are vouched for.
        self._keys = keys
        self._chain: str | None = None
        self._begin = 0
        self._sequence = 0
        self._hash = b""
        self._signed = 0
        self._checkpoints = 0
        self._is_anchored = False
        self._signed_time = ""

    def read(self, line: str) -> None:
        try:
            document = json.loads(line, object_pairs_hook=_unique)
            if "export" in document:
                self._open(document["export"])
            elif "succession" in document:
                self._follow(document["succession"], document["signature"])
            elif "event" in document:
                self._take(document["event"], bytes.fromhex(document["hash"]))
            else:
                self._check(document["checkpoint"], document["signature"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._broken("what follows is not a line of an export") from error

    def end(self) -> Verified:
        if self._chain is None:
            raise AuditBrokenError(0, "the export is empty")
        if self._signed != self._sequence or not self._checkpoints:
            problem = "the export ends here without a signed checkpoint; export the rest"
            raise AuditBrokenError(self._sequence, problem)
        return Verified(
            chain=self._chain,
            after=self._begin,
            is_anchored=self._is_anchored,
            last=self._sequence,
            rows=self._sequence - self._begin,
            checkpoints=self._checkpoints,
            signed_time=self._signed_time,
        )

    def _open(self, opening: dict[str, Any]) -> None:
        chain, sequence = opening["chain"], opening["sequence"]
        place = (chain, sequence, bytes.fromhex(opening["hash"]))
        if self._chain is None:
            self._chain, self._sequence, self._hash = place
            self._begin = sequence
            self._is_anchored = sequence == 0
            if sequence == 0 and self._hash:
                raise self._broken("a chain begins with nothing before it")
        elif place != (self._chain, self._sequence, self._hash):
            raise self._broken("the export that was appended does not continue after this row")

    def _follow(self, succession: dict[str, Any], signature: str) -> None:
        """Trusts a key that one trusted already vouched for; others are of no use here."""
        kid, after = succession["kid"], succession["after"]
        if after in self._keys and kid not in self._keys:
            if not _is_signed(self._keys[after], succession, signature):
                raise self._broken(f"the signing key {kid} is not vouched for by {after}")
            self._keys[kid] = _verifier(succession)

    def _take(self, event: dict[str, Any], hash_: bytes) -> None:
        sequence = event["sequence"]
        if self._chain is None or event["chain"] != self._chain:
            raise AuditBrokenError(sequence, "it belongs to another chain")
        if sequence != self._sequence + 1:
            what = "is missing" if sequence > self._sequence else "is followed by an earlier one"
            at = self._sequence + (1 if sequence > self._sequence else 0)
            raise AuditBrokenError(at, f"it {what}: row {sequence} stands in its place")
        if hashlib.sha256(self._hash + _canonical(event)).digest() != hash_:
            raise AuditBrokenError(sequence, "it, or the hash of the one before it, was altered")
        self._sequence, self._hash = sequence, hash_

    def _check(self, statement: dict[str, Any], signature: str) -> None:
        sequence, kid = statement["sequence"], statement["kid"]
        if kid not in self._keys:
            raise AuditBrokenError(sequence, f"its checkpoint is signed by an unknown key, {kid}")
        if not _is_signed(self._keys[kid], statement, signature):
            raise AuditBrokenError(sequence, "the signature of its checkpoint is wrong")
        place = (statement["chain"], sequence, bytes.fromhex(statement["hash"]))
        if place != (self._chain, self._sequence, self._hash):
            raise AuditBrokenError(sequence, "a signed checkpoint says that it was another row")
        self._is_anchored |= statement["kind"] == "anchor" and sequence == self._begin
        self._signed, self._signed_time = sequence, statement["time"]
        self._checkpoints += 1

    def _broken(self, problem: str) -> AuditBrokenError:
        return AuditBrokenError(self._sequence, problem)


def _canonical(value: dict[str, Any]) -> bytes:
    """RFC 8785 bytes of a flat object of texts, whole numbers and lists of texts."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def _is_signed(verify: Verify, statement: dict[str, Any], signature: str) -> bool:
    try:
        padding = "=" * (-len(signature) % 4)
        verify(base64.urlsafe_b64decode(signature + padding), _canonical(statement))
    except (_bad_signature(), binascii.Error):
        return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without doubled keys: two readers could see two different rows."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _verifier(key: Mapping[str, Any]) -> Verify:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        raise WeftError(
            "verifying signatures needs the package cryptography: pip install 'weft[audit]'"
        ) from error
    if (key.get("kty"), key.get("crv")) != ("OKP", "Ed25519"):
        raise WeftError(f"the key {key.get('kid')} is not an Ed25519 key")
    raw = base64.urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4))
    return ed25519.Ed25519PublicKey.from_public_bytes(raw).verify


def _bad_signature() -> type[Exception]:
    from cryptography.exceptions import InvalidSignature

    return InvalidSignature
