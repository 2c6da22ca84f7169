"""Signature version 4 of AWS, as its reference describes it; pure, with the time given."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
_EMPTY = hashlib.sha256(b"").hexdigest()
_DAY = slice(0, 8)


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key; with a token it belongs to a session."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs requests to one service in one region."""

    keys: Keys
    region: str
    service: str

    def headers(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> dict[str, str]:
        """The headers of a request, with those that sign it."""
        time = f"{now:%Y%m%dT%H%M%SZ}"
        digest = hashlib.sha256(body).hexdigest()
        signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
        signed |= {"host": urlsplit(url).netloc, "x-amz-date": time, "x-amz-content-sha256": digest}
        if self.keys.session_token:
            signed["x-amz-security-token"] = self.keys.session_token
        query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
        signature = self._signature(method, url, query, headers=signed, digest=digest, time=time)
        signed["authorization"] = (
            f"{_ALGORITHM} Credential={self.keys.access_key_id}/{self._scope(time)}, "
            f"SignedHeaders={';'.join(sorted(signed))}, Signature={signature}"
        )
        return signed

    def presigned(
        self, url: str, headers: Mapping[str, str], now: datetime, *, seconds: int
    ) -> str:
        """The URL of a GET that anybody may make, with these headers, for so long."""
        time = f"{now:%Y%m%dT%H%M%SZ}"
        signed = {name.lower(): value for name, value in headers.items()}
        signed["host"] = urlsplit(url).netloc
        query = [
            *parse_qsl(urlsplit(url).query, keep_blank_values=True),
            ("X-Amz-Algorithm", _ALGORITHM),
            ("X-Amz-Credential", f"{self.keys.access_key_id}/{self._scope(time)}"),
            ("X-Amz-Date", time),
            ("X-Amz-Expires", str(seconds)),
            ("X-Amz-SignedHeaders", ";".join(sorted(signed))),
        ]
        if self.keys.session_token:
            query.append(("X-Amz-Security-Token", self.keys.session_token))
        signature = self._signature("GET", url, query, headers=signed, digest=_EMPTY, time=time)
        base = url.partition("?")[0]
        return f"{base}?{_query(query)}&X-Amz-Signature={signature}"

    def _signature(
        self,
        method: str,
        url: str,
        query: Iterable[tuple[str, str]],
        *,
        headers: Mapping[str, str],
        digest: str,
        time: str,
    ) -> str:
        names = sorted(headers)
        canonical = "\n".join(
            [
                method,
                # Paths here are plain: their characters mean the same encoded once or twice.
                quote(urlsplit(url).path or "/", safe="/-_.~%"),
                _query(query),
                *(f"{name}:{headers[name]}" for name in names),
                "",
                ";".join(names),
                digest,
            ]
        )
        hashed = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join([_ALGORITHM, time, self._scope(time), hashed])
        return hmac.digest(self._key(time[_DAY]), text.encode(), hashlib.sha256).hex()

    def _scope(self, time: str) -> str:
        return f"{time[_DAY]}/{self.region}/{self.service}/aws4_request"

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self.keys.secret_access_key}".encode()
        for part in (day, self.region, self.service, "aws4_request"):
            key = hmac.digest(key, part.encode(), hashlib.sha256)
        return key


def _query(pairs: Iterable[tuple[str, str]]) -> str:
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)
