"""HTTP with services behind connectors: every request through the egress, bounded, in words."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

import httpx2

from meshkit.egress import Egress, EgressError
from workspace.connectors.failures import unavailable

_BUSY = 429
_BROKEN = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered, whole; never a 429 or a 5xx."""

    service: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises Unavailable."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise unavailable(self.service, "did not answer in JSON") from error
        if not isinstance(document, dict):
            raise unavailable(self.service, "did not answer with a JSON object")
        return document

    def said(self) -> dict[str, Any]:
        """The body as a JSON object; an empty one for anything else, as errors may be."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    def xml(self) -> ET.Element:
        """The body as XML without namespaces; raises Unavailable."""
        try:
            text = self.body.decode()
            # Entities are what makes XML dangerous, and no service has a use for them.
            if "<!DOCTYPE" in text or "<!ENTITY" in text:
                raise unavailable(self.service, "answered with XML that defines entities")
            root = ET.fromstring(text)  # noqa: S314 - see above
        except (UnicodeDecodeError, ET.ParseError, ValueError) as error:
            raise unavailable(self.service, "did not answer in XML") from error
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    def text(self, document: Mapping[str, Any], *names: str) -> str:
        """A text in a JSON answer, by its path; raises Unavailable where there is none."""
        found: Any = document
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, str) or not found:
            raise unavailable(self.service, f"answered without {'.'.join(names)}")
        return found


class Wire:
    """Sends requests; each takes at most `timeout_s`, whatever the other side does."""

    def __init__(self, egress: Egress, *, timeout_s: float) -> None:
        self._egress = egress
        self._timeout_s = timeout_s

    async def send(
        self,
        service: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Answer:
        """The service's answer; raises Unavailable where there is none, or it is a 429 or 5xx."""
        try:
            async with asyncio.timeout(self._timeout_s), self._client(tls) as client:
                found = await client.request(method, url, headers=headers, content=content)
        except EgressError as error:
            raise unavailable(service, f"cannot be asked: {error}") from error
        except (httpx2.TimeoutException, TimeoutError) as error:
            raise unavailable(service, "does not answer in time") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise unavailable(service, "cannot be reached") from error
        if found.status_code == _BUSY or found.status_code >= _BROKEN:
            raise unavailable(service, f"answers {found.status_code}")
        return Answer(service, found.status_code, found.headers, found.content)

    async def form(self, service: str, url: str, fields: Mapping[str, str], **more: Any) -> Answer:
        """As `send`, of a form."""
        content = str(httpx2.QueryParams(dict(fields))).encode()
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
            **more.pop("headers", {}),
        }
        return await self.send(service, "POST", url, headers=headers, content=content, **more)

    def _client(self, tls: ssl.SSLContext | None) -> httpx2.AsyncClient:
        # Proxies of the environment would connect to addresses that nobody checked.
        return httpx2.AsyncClient(
            transport=self._egress.transport(tls), timeout=self._timeout_s, trust_env=False
        )
