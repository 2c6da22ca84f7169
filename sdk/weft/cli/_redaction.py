"""What is left out of what people send to others: tokens, keys, passwords."""

from __future__ import annotations

import re
from collections.abc import Iterable

_HIDDEN = "***"
_SHORTEST = 6
# What is secret by its looks, wherever it stands.
_SECRETS = re.compile(
    r"weft_(?:pat|key)_[A-Za-z0-9_\-]+"
    r"|eyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----"
    r"|(?<=://)[^/\s:@\"']+:[^/\s@\"']+(?=@)"
    r"|(?i:(?<=bearer ))[A-Za-z0-9._~+/=\-]+",
    re.DOTALL,
)
_SECRET_NAME = re.compile(r"(?i)token|key|password|passwd|secret|credential")


def is_secret(variable: str) -> bool:
    """Whether the value of such a variable is nobody else's business."""
    return _SECRET_NAME.search(variable) is not None


def redacted(text: str, known: Iterable[str]) -> str:
    """A text without secrets: those that are known, and what looks like one."""
    # The longest first: one may hold another.
    for secret in sorted({each for each in known if len(each) >= _SHORTEST}, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return _SECRETS.sub(_HIDDEN, text)
