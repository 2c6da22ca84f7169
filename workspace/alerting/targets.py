"""Where an alerter sends, and what it signs with: known to the server alone."""

import ipaddress
import json
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import httpx2

from meshkit import standard_webhooks
from meshkit.egress import EgressError, EgressPolicy
from workspace.operations.refusals import invalid
from workspace.secrets.sealer import Sealer, place
from workspace.store.base import Sealed
from workspace.store.schema_alerters import Alerter, AlerterKind

_TABLE, _COLUMN = "alerters", "target"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, and the secrets of a webhook: the present one, and the one before it."""

    url: str = field(repr=False)
    secret: str = field(default="", repr=False)
    old_secret: str = field(default="", repr=False)

    @classmethod
    def new(cls, kind: str, url: str) -> "Target":
        is_signed = kind == AlerterKind.WEBHOOK
        return cls(url, standard_webhooks.new_secret() if is_signed else "")

    @property
    def origin(self) -> str:
        """What may be said of the URL: the rest of it often lets whoever knows it write there."""
        url = httpx2.URL(self.url)
        port = f":{url.port}" if url.port else ""
        return f"{url.scheme}://{url.host}{port}"

    def secrets(self, now: datetime, old_until: datetime | None) -> list[str]:
        """Those that sign now, the newest first."""
        is_old_good = self.old_secret and old_until is not None and now < old_until
        return [self.secret, self.old_secret] if is_old_good else [self.secret]


def sealed(sealer: Sealer, uid: UUID, target: Target) -> Sealed:
    """A target as its alerter keeps it; FailedPrecondition without the key."""
    parts = {"url": target.url, "secret": target.secret, "old_secret": target.old_secret}
    return sealer.seal(json.dumps(parts).encode(), bound_to=place(_TABLE, uid, _COLUMN))


def target_of(sealer: Sealer, row: Alerter) -> Target:
    """The target of an alerter, in the clear; FailedPrecondition where no key opens it."""
    plain = sealer.open(row.target, bound_to=place(_TABLE, row.uid, _COLUMN))
    return Target(**json.loads(plain))


def require_reachable(policy: EgressPolicy, url: str, path: str) -> None:
    """Raises InvalidArgument for a URL that could never be sent to; never repeats it."""
    if not policy.accepts(url):
        raise invalid(path, "must be an https URL without user and fragment")
    parsed = httpx2.URL(url)
    try:
        policy.require(ipaddress.ip_address(parsed.host), parsed.scheme)
    except EgressError as error:
        raise invalid(path, f"must lead to a public address: {error}") from error
    except ValueError:
        # A name: where it leads is looked up whenever something is sent.
        return
