"""What services say that speak JSON over HTTP, as the errors of connectors."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from workspace.connectors.failures import forbidden, rejected, unavailable, unknown_resource
from workspace.connectors.wire import Answer

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_. -]{0,63}")
_UNAUTHENTICATED, _FORBIDDEN, _ABSENT = 401, 403, 404
# What a token lives where its issuer does not say, by RFC 6749 and by common sense.
_UNSAID_S = 300


def require_ok(answer: Answer, about: str = "") -> None:
    """Raises what a refusal means; `about` is the resource that was asked for."""
    if answer.is_ok:
        return
    said = code(answer)
    if answer.status == _FORBIDDEN:
        raise forbidden(answer.service, said)
    if answer.status == _ABSENT and about:
        raise unknown_resource(answer.service, about)
    raise rejected(answer.service, said or str(answer.status))


def code(answer: Answer) -> str:
    """The error's code; never its text, which may repeat what was sent."""
    said: Any = answer.said()
    found = said.get("error", said.get("reason", ""))
    if isinstance(found, dict):
        found = found.get("status") or found.get("code") or ""
    errors = said.get("errors")
    if not found and isinstance(errors, list) and errors and isinstance(errors[0], dict):
        found = errors[0].get("code", "")
    return found if isinstance(found, str) and _CODE.fullmatch(found) else ""


def is_refused(answer: Answer) -> bool:
    """Whether the service does not let us in."""
    return answer.status in (_UNAUTHENTICATED, _FORBIDDEN)


def end_of(
    answer: Answer, document: dict[str, Any], now: datetime, field: str = "expires_in"
) -> datetime:
    """When a token ends, whose life in seconds an answer gives; raises Unavailable."""
    seconds = document.get(field, _UNSAID_S)
    try:
        return now + timedelta(seconds=int(seconds))
    except (TypeError, ValueError, OverflowError) as error:
        raise unavailable(answer.service, f"answered without a usable {field}") from error


def time_of(answer: Answer, text: str) -> datetime:
    """A time as services write it; raises Unavailable."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise unavailable(answer.service, "answered without a usable time") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
