"""What is left out of what people send to others: tokens, keys, passwords."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_HIDDEN = "***"
_SHORTEST = 6
# What is secret by its looks, wherever it stands.
_SECRETS = re.compile(
    r"weft_(?:pat|key)_[A-Za-z0-9_\-]+"
    r"|eyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----"
    # Passwords hold "/", ":" and "@" where people forget to escape them: up to the last "@".
    r"|(?<=://)\S+(?=@)"
    r"|(?i:(?<=bearer ))[A-Za-z0-9._~+/=\-]+",
    re.DOTALL,
)
_NAMES = "token|key|password|passwd|secret|credential|signature"
# URLs and DSNs are wont to hold a password.
_SECRET_NAME = re.compile(rf"(?i)(?:{_NAMES})|(?:url|uri|dsn)$")
# As in the query of a URL, or in the words of a DSN.
_ASSIGNED = re.compile(rf"((?i:{_NAMES})[\w\-]*=)(?:'[^']*'|\"[^\"]*\"|[^\s&]+)")


def is_secret(variable: str) -> bool:
    """Whether the value of such a variable is nobody else's business."""
    return _SECRET_NAME.search(variable) is not None


def redacted(text: str, known: Iterable[str]) -> str:
    """A text without secrets: those that are known, and what looks like one."""
    # The longest first: one may hold another.
    for secret in sorted({each for each in known if len(each) >= _SHORTEST}, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    # What is assigned goes first: an "@" in it would be taken for the one before a host.
    return _SECRETS.sub(_HIDDEN, _ASSIGNED.sub(rf"\g<1>{_HIDDEN}", text))


def redacted_document(value: Any, known: Iterable[str]) -> Any:
    """A document for JSON without secrets, while its texts are not yet escaped."""
    known = list(known)
    if isinstance(value, Mapping):
        return {
            redacted(str(name), known): redacted_document(each, known)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [redacted_document(each, known) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redacted(str(value), known)
