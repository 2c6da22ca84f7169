"""HTTP with external stores: one client for each, bounded in time and size, no redirects."""

import json
import ssl
from collections.abc import Mapping
from typing import Any

import httpx2

from workspace.secrets.stores.base import StoreError

TIMEOUT_S = 5.0
_MAX_BYTES = 1 << 20
_REFUSED = frozenset({400, 401, 403})
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class Wire:
    """One store's HTTP; `name` is what people are told that it is."""

    def __init__(self, name: str, base: str, *, ca_certificate: str = "") -> None:
        self.name = name
        self._base = base.rstrip("/")
        _require_privacy(name, self._base)
        verify: ssl.SSLContext | bool = True
        if ca_certificate:
            verify = _trusting(name, ca_certificate)
        self._client = httpx2.AsyncClient(timeout=TIMEOUT_S, verify=verify, trust_env=False)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> tuple[int, Any]:
        """Status and JSON of an answer; StoreError unless it is 2xx or one of `accept`.

        `path` follows the base, or is a whole URL of its own.
        """
        url = path if path.startswith("http") else f"{self._base}{path}"
        try:
            request = self._client.build_request(
                method, url, headers=headers, json=body, data=form, content=content
            )
            response = await self._client.send(request, stream=True)
            try:
                answer = await _read(response)
            finally:
                await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise StoreError(f"{self.name} does not answer: {type(error).__name__}") from error
        status = response.status_code
        if status not in accept and not response.is_success:
            message = f"{self.name} answered {status} to {method}"
            raise StoreError(message, is_refusal=status in _REFUSED)
        return status, self._parsed(answer)

    async def close(self) -> None:
        await self._client.aclose()

    def _parsed(self, content: bytes) -> Any:
        try:
            return json.loads(content) if content else {}
        except ValueError as error:
            raise StoreError(f"{self.name} answered something that is no JSON") from error


async def _read(response: httpx2.Response) -> bytes:
    content = b""
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > _MAX_BYTES:
            raise httpx2.DecodingError("too large", request=response.request)
    return content


def _require_privacy(name: str, base: str) -> None:
    """Values go through TLS; plain HTTP is for this very machine."""
    try:
        url = httpx2.URL(base)
    except httpx2.InvalidURL as error:
        raise StoreError(f"{base} is no address", is_refusal=True) from error
    is_local = url.scheme == "http" and url.host in _LOCAL
    if not url.host or not (url.scheme == "https" or is_local):
        raise StoreError(f"{name} must be reached by https://", is_refusal=True)


def _trusting(name: str, ca_certificate: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=ca_certificate)
    except (ssl.SSLError, ValueError) as error:
        raise StoreError(f"the CA certificate of {name} is no PEM", is_refusal=True) from error


def member(name: str, answer: Any, *path: str) -> Any:
    """A value inside an answer; StoreError where it is not there."""
    for key in path:
        if not isinstance(answer, dict) or key not in answer:
            raise StoreError(f"{name} answered without {'.'.join(path)}")
        answer = answer[key]
    return answer


def texts(name: str, values: Any) -> dict[str, str]:
    """The values of a secret; StoreError where somebody put something else there."""
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise StoreError(f"{name} holds something that is no secret of ours", is_refusal=True)
    return values


def texts_of(name: str, document: Any) -> dict[str, str]:
    """The same, from the JSON text that stores keep which know no keys."""
    try:
        return texts(name, json.loads(document))
    except (TypeError, ValueError) as error:
        message = f"{name} holds something that is no secret of ours"
        raise StoreError(message, is_refusal=True) from error
