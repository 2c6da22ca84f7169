"""One attempt to send something: through the egress, in bounded time, of a bounded answer."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx2

from meshkit import standard_webhooks
from meshkit.clock import Clock
from meshkit.egress import Egress, EgressError
from workspace.alerting.messages import body_of
from workspace.alerting.patience import retry_after
from workspace.alerting.targets import Target
from workspace.store.schema_alerters import Alerter, AlerterKind

# What is kept of an answer, and how long the rest of one that has begun is waited for.
_KEPT_BYTES = 1024
_BODY_S = 2.0
_GONE = 410
_BUSY = frozenset({429, 503})
# Shorter parts of a URL stand in too many answers by chance.
_TELLING = 8


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of an attempt; `status_code` is 0 where the target did not answer."""

    start_time: datetime
    duration: timedelta
    status_code: int = 0
    error: str = ""
    response: str = ""
    retry_after: timedelta | None = None

    @property
    def is_delivered(self) -> bool:
        return not self.error

    @property
    def is_gone(self) -> bool:
        """Whether the target says that it will never take anything again."""
        return self.status_code == _GONE


class Poster:
    """Sends; each attempt takes at most `timeout_s`, whatever the other side does."""

    def __init__(self, egress: Egress, clock: Clock, *, timeout_s: float, user_agent: str) -> None:
        self._egress = egress
        self._clock = clock
        self._timeout_s = timeout_s
        self._user_agent = user_agent

    async def post(self, row: Alerter, target: Target, message_id: str, payload: str) -> Attempt:
        """One attempt; failing is an answer too."""
        start_time, began = self._clock.now(), self._clock.monotonic()
        body = body_of(row.kind, payload)
        headers = {"content-type": "application/json", "user-agent": self._user_agent}
        if row.kind == AlerterKind.WEBHOOK:
            secrets = target.secrets(start_time, row.old_secret_until)
            headers |= _signed(secrets, message_id, start_time, body)
        status, error, response, asked = 0, "", "", None
        try:
            async with asyncio.timeout(self._timeout_s):
                answer, said = await self._send(target.url, headers, body)
            status, asked = answer.status_code, _asked(answer, start_time)
            error, response = _problem(status), said.decode(errors="replace")
        except EgressError as refusal:
            error = f"It cannot be reached: {refusal}."
        except (httpx2.TimeoutException, TimeoutError):
            error = f"It did not answer within {self._timeout_s:g} s."
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as problem:
            error = f"It cannot be reached: {_words(problem)}."
        duration = timedelta(seconds=self._clock.monotonic() - began)
        return Attempt(
            start_time,
            duration,
            status,
            error=_masked(error, target),
            response=_masked(response, target),
            retry_after=asked,
        )

    async def _send(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[httpx2.Response, bytes]:
        """The answer, and the beginning of its body."""
        # Proxies of the environment would connect to addresses that nobody checked.
        async with (
            httpx2.AsyncClient(
                transport=self._egress.transport(), timeout=self._timeout_s, trust_env=False
            ) as client,
            client.stream("POST", url, headers=headers, content=body) as answer,
        ):
            return answer, await _beginning(answer.aiter_bytes())


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    """As much of a body as is kept; whatever is wrong with the rest is nobody's business."""
    found = b""
    with suppress(TimeoutError, httpx2.HTTPError, EgressError, OSError):
        async with asyncio.timeout(_BODY_S):
            async for chunk in chunks:
                found += chunk
                if len(found) >= _KEPT_BYTES:
                    break
    return found[:_KEPT_BYTES]


def _signed(secrets: list[str], message_id: str, time: datetime, body: bytes) -> dict[str, str]:
    timestamp_s = int(time.timestamp())
    signature = standard_webhooks.sign(
        secrets, message_id=message_id, timestamp_s=timestamp_s, body=body
    )
    return {
        standard_webhooks.ID_HEADER: message_id,
        standard_webhooks.TIMESTAMP_HEADER: str(timestamp_s),
        standard_webhooks.SIGNATURE_HEADER: signature,
    }


def _problem(status: int) -> str:
    if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110
        return ""
    if 300 <= status < 400:  # noqa: PLR2004 - likewise
        return f"It answered {status}: redirects are not followed, give the URL where it is."
    return "It answered 410: it is gone." if status == _GONE else f"It answered {status}."


def _asked(answer: httpx2.Response, now: datetime) -> timedelta | None:
    if answer.status_code not in _BUSY:
        return None
    return retry_after(answer.headers.get("retry-after", ""), now)


def _masked(text: str, target: Target) -> str:
    """Text for people, without what only the target may know: it may repeat it."""
    parts = urlsplit(target.url)
    secrets = [target.secret, target.old_secret, target.url, parts.query, parts.path]
    secrets += parts.path.split("/")
    for secret in secrets:
        if len(secret) >= _TELLING:
            text = text.replace(secret, "***")
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


def _words(problem: Exception) -> str:
    return str(problem).strip().rstrip(".") or type(problem).__name__
