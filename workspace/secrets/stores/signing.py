"""AWS Signature Version 4: how a request proves who makes it.

By hand, because Amazon's own client cannot be installed beside the Kubernetes client: they ask
for versions of one library that exclude each other.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """Who signs; `session_token` where the key is a temporary one."""

    id: str
    secret: str
    session_token: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for."""

    region: str
    service: str


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: bytes,
    *,
    key: AccessKey,
    scope: Scope,
    time: datetime,
) -> dict[str, str]:
    """The headers with those that sign the request: of `host`, `headers` and `content`.

    `url` has a query that is sorted and encoded already, if any.
    """
    parts, stamp = urlsplit(url), time.strftime("%Y%m%dT%H%M%SZ")
    sent = {name.lower(): value for name, value in headers.items()}
    sent |= {"host": parts.netloc, "x-amz-date": stamp}
    if key.session_token:
        sent["x-amz-security-token"] = key.session_token
    names = ";".join(sorted(sent))
    canonical = "\n".join(
        (
            method,
            quote(parts.path or "/"),
            parts.query,
            *(f"{name}:{sent[name].strip()}" for name in sorted(sent)),
            "",
            names,
            hashlib.sha256(content).hexdigest(),
        )
    )
    where = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = _signature(key, where, f"{_ALGORITHM}\n{stamp}\n{where}\n{digest}")
    sent["authorization"] = (
        f"{_ALGORITHM} Credential={key.id}/{where}, SignedHeaders={names}, Signature={signature}"
    )
    return sent


def _signature(key: AccessKey, where: str, text: str) -> str:
    signing = f"AWS4{key.secret}".encode()
    for part in where.split("/"):
        signing = hmac.digest(signing, part.encode(), hashlib.sha256)
    return hmac.digest(signing, text.encode(), hashlib.sha256).hex()
