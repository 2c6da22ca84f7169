"""HTTP with hosts of code: every request through the egress, bounded, in words."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from meshkit.egress import MAX_BYTES, AnswerTooLargeError, Egress, EgressError
from workspace.repositories.failures import (
    forbidden,
    missing,
    rejected,
    unavailable,
    unusable,
)
from workspace.repositories.model import Place

MAX_TARBALL_BYTES = 256 << 20
_MOVED = (301, 302, 303, 307, 308)
_UNAUTHENTICATED, _FORBIDDEN, _NOT_FOUND, _BUSY, _BROKEN = 401, 403, 404, 429, 500


@dataclass(frozen=True, slots=True)
class Api:
    """The REST API of one repository's host."""

    place: Place
    base: str
    egress: Egress
    headers: Mapping[str, str]

    async def ask(self, path: str, *, absent: tuple[int, ...] = ()) -> dict[str, Any] | None:
        """A JSON object; None where the host answers one of these for what it does not have."""
        body = await self._body(path, self._signed(), absent)
        if body is None:
            return None
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise unavailable(self.place.name, "did not answer in JSON") from error
        if not isinstance(document, dict):
            raise unavailable(self.place.name, "did not answer with a JSON object")
        return document

    async def demand(self, path: str) -> dict[str, Any]:
        """The same, of what every repository has."""
        found = await self.ask(path, absent=(_NOT_FOUND,))
        if found is None:
            raise missing(self.place.name)
        return found

    async def word(self, path: str, accept: str, *, absent: tuple[int, ...] = ()) -> str | None:
        """A text of this type; None as `ask` has it."""
        body = await self._body(path, {**self._signed(), "accept": accept}, absent)
        return None if body is None else body.decode(errors="replace").strip()

    async def download(self, path: str, file: Path) -> None:
        """Writes an archive, which the host may keep elsewhere: one redirect is followed.

        The token does not go there, and the address is checked as every other one is.
        """
        url = f"{self.base}{path}"
        async with self._answer(url, self._signed(), MAX_TARBALL_BYTES) as answer:
            if answer.status_code not in _MOVED:
                await self._save(answer, file)
                return
            there = urljoin(url, answer.headers.get("location", ""))
        if urlsplit(there).scheme != "https" and urlsplit(url).scheme == "https":
            raise unavailable(self.place.name, "leads from https to something else")
        async with self._answer(there, {}, MAX_TARBALL_BYTES) as answer:
            await self._save(answer, file)

    def text(self, document: Mapping[str, Any], *names: str) -> str:
        """A text in an answer, by its path."""
        found: Any = document
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, str):
            raise unavailable(self.place.name, f"answered without {'.'.join(names)}")
        return found

    def time(self, document: Mapping[str, Any], *names: str) -> datetime:
        """A time in an answer, by its path."""
        text = self.text(document, *names)
        try:
            found = datetime.fromisoformat(text)
        except ValueError as error:
            raise unavailable(self.place.name, "answered with a time that is none") from error
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    async def _body(
        self, path: str, headers: Mapping[str, str], absent: tuple[int, ...]
    ) -> bytes | None:
        async with self._answer(f"{self.base}{path}", headers) as answer:
            if answer.status_code in absent and not _is_spent(answer):
                return None
            self._require_good(answer)
            body: bytes = await answer.aread()
            return body

    async def _save(self, answer: httpx2.Response, file: Path) -> None:
        self._require_good(answer)
        with file.open("wb") as out:
            async for chunk in answer.aiter_raw():
                await asyncio.to_thread(out.write, chunk)

    def _require_good(self, answer: httpx2.Response) -> None:
        status, name = answer.status_code, self.place.name
        if status == _BUSY or _is_spent(answer):
            raise unavailable(name, "is asked too often and answers no more for now")
        if status == _UNAUTHENTICATED:
            raise rejected(name)
        if status == _FORBIDDEN:
            raise forbidden(name)
        if status == _NOT_FOUND:
            raise missing(name)
        if status in _MOVED:
            raise unavailable(name, "says that the repository has moved: give its new URL")
        if not answer.is_success:
            raise unavailable(name, f"answers {status}")

    def _signed(self) -> dict[str, str]:
        token = self.place.token
        return {**self.headers, **({"authorization": f"Bearer {token}"} if token else {})}

    @asynccontextmanager
    async def _answer(
        self, url: str, headers: Mapping[str, str], most: int = MAX_BYTES
    ) -> AsyncIterator[httpx2.Response]:
        """The answer, its body unread."""
        transport = self.egress.transport(max_bytes=most)
        try:
            # Proxies of the environment would connect to addresses that nobody checked.
            async with (
                httpx2.AsyncClient(transport=transport, timeout=None, trust_env=False) as client,
                client.stream("GET", url, headers=headers) as answer,
            ):
                yield answer
        except AnswerTooLargeError as error:
            raise unusable(self.place.name, "there is more of it than is taken") from error
        except EgressError as error:
            raise unavailable(self.place.name, f"cannot be asked: {error}") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise unavailable(self.place.name, "cannot be reached") from error


def _is_spent(answer: httpx2.Response) -> bool:
    """What GitHub answers to a token that has asked too often."""
    is_last = answer.headers.get("x-ratelimit-remaining") == "0"
    return answer.status_code == _FORBIDDEN and is_last
