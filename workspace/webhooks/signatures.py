"""Whether a message is from whom it says: the three ways in which senders sign. Pure.

All of them end in a comparison whose time tells nothing of the right signature.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from meshkit import standard_webhooks
from meshkit.standard_webhooks import TOLERANCE_S, VerificationError

_MAX_WORD = 256
_DIGEST_PREFIX = "sha256="
_MAX_TIME_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Message:
    """What was sent: the body byte by byte, headers by lower-case name, and when it came."""

    headers: Mapping[str, str]
    body: bytes
    now_s: float


@dataclass(frozen=True, slots=True)
class Origin:
    """What a rightly signed message says of itself.

    `event_type` is None where the body says it.
    """

    delivery_id: str
    event_type: str | None


def github(secrets: Sequence[str], _names: Mapping[str, str], message: Message) -> Origin:
    """As GitHub signs: the body alone."""
    given = message.headers.get("x-hub-signature-256", "")
    _require_digest(secrets, message.body, given, prefix=_DIGEST_PREFIX)
    # The id is not signed; whoever could replay a body under another id has read it on its way.
    id_ = _word(message.headers.get("x-github-delivery", ""))
    return Origin(id_ or _digest_of(message.body), _word(message.headers.get("x-github-event", "")))


def standard(secrets: Sequence[str], _names: Mapping[str, str], message: Message) -> Origin:
    """By the Standard Webhooks specification."""
    headers = message.headers
    standard_webhooks.verify(
        secrets,
        message_id=headers.get(standard_webhooks.ID_HEADER, ""),
        timestamp=headers.get(standard_webhooks.TIMESTAMP_HEADER, ""),
        signatures=headers.get(standard_webhooks.SIGNATURE_HEADER, ""),
        body=message.body,
        now_s=message.now_s,
    )
    return Origin(_word(headers[standard_webhooks.ID_HEADER]), None)


def plain_hmac(secrets: Sequence[str], names: Mapping[str, str], message: Message) -> Origin:
    """In the headers that the webhook names."""
    headers, signed = message.headers, message.body
    if "timestamp" in names:
        time = headers.get(names["timestamp"], "")
        _require_recent(time, message.now_s)
        signed = time.encode() + b"." + signed
    _require_digest(secrets, signed, headers.get(names["signature"], ""))
    id_ = _word(headers.get(names.get("id", ""), ""))
    event_type = _word(headers.get(names.get("event_type", ""), ""))
    return Origin(id_ or _digest_of(signed), event_type)


Scheme = Callable[[Sequence[str], Mapping[str, str], Message], Origin]
# By the names of WebhookKind. Each raises VerificationError.
SCHEMES: Mapping[str, Scheme] = {"GITHUB": github, "STANDARD": standard, "HMAC": plain_hmac}


def _require_digest(secrets: Sequence[str], signed: bytes, given: str, *, prefix: str = "") -> None:
    if not given.startswith(prefix):
        given = ""
    digest = given.removeprefix(_DIGEST_PREFIX).lower().encode()
    rights = [hmac.new(s.encode(), signed, hashlib.sha256).hexdigest().encode() for s in secrets]
    # A sum, so that every secret is compared whichever is right.
    if not sum(hmac.compare_digest(digest, right) for right in rights):
        raise VerificationError("the signature is not right")


def _require_recent(time: str, now_s: float) -> None:
    is_number = time.isascii() and time.isdigit() and len(time) <= _MAX_TIME_DIGITS
    if not is_number or abs(now_s - int(time)) > TOLERANCE_S:
        raise VerificationError(f"the message is not of the last {TOLERANCE_S} seconds")


def _digest_of(signed: bytes) -> str:
    return hashlib.sha256(signed).hexdigest()


def _word(text: str) -> str:
    return text.strip()[:_MAX_WORD]
