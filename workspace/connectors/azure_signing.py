"""Shared access signatures of Azure that a user delegation key makes, as its reference has them."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

VERSION = "2021-12-02"


@dataclass(frozen=True, slots=True)
class DelegationKey:
    """A key of the account's that a token was exchanged for; the names are those of its fields."""

    object_id: str
    tenant_id: str
    start: str
    expiry: str
    service: str
    version: str
    value: bytes = field(repr=False)

    @classmethod
    def of(cls, document: Mapping[str, str]) -> "DelegationKey":
        """KeyError or binascii.Error where it is none."""
        return cls(
            document["SignedOid"],
            document["SignedTid"],
            document["SignedStart"],
            document["SignedExpiry"],
            document["SignedService"],
            document["SignedVersion"],
            base64.b64decode(document["Value"], validate=True),
        )


def container_signature(
    key: DelegationKey,
    *,
    account: str,
    container: str,
    permissions: str,
    start: str,
    end: str,
    is_plain: bool = False,
) -> str:
    """The query string that opens one container."""
    protocol = "https,http" if is_plain else "https"
    signed = [
        permissions,
        start,
        end,
        f"/blob/{account}/{container}",
        *(key.object_id, key.tenant_id, key.start, key.expiry, key.service, key.version),
        *("", "", ""),  # whom it is for, and a correlation id
        "",  # addresses
        protocol,
        VERSION,
        "c",
        *("", ""),  # snapshot, encryption scope
        *("", "", "", "", ""),  # headers of the answer
    ]
    digest = hmac.digest(key.value, "\n".join(signed).encode(), hashlib.sha256)
    return urlencode(
        {
            "sp": permissions,
            "st": start,
            "se": end,
            "skoid": key.object_id,
            "sktid": key.tenant_id,
            "skt": key.start,
            "ske": key.expiry,
            "sks": key.service,
            "skv": key.version,
            "spr": protocol,
            "sv": VERSION,
            "sr": "c",
            "sig": base64.b64encode(digest).decode(),
        }
    )
