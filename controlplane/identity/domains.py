"""Proving a domain: a TXT record in DNS, looked up through a resolver of the operator's choice."""

from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver
from dns.nameserver import Do53Nameserver

from controlplane.operations import trusted_domains
from controlplane.store.schema_identity import TrustedDomain
from meshkit.errors import FailedPrecondition, Unavailable

_LIFETIME_S = 5.0
_PORT = 53


class DomainProofs:
    """Looks records up; `servers` are "address" or "address:port", by default the system's."""

    def __init__(self, servers: Sequence[str] = (), *, timeout_s: float = _LIFETIME_S) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=not servers)
        self._timeout_s = timeout_s
        if servers:
            self._resolver.nameservers = [_server(text) for text in servers]

    async def require(self, row: TrustedDomain) -> None:
        """Raises DOMAIN_NOT_PROVEN, or DNS_UNAVAILABLE where nobody could say."""
        name = trusted_domains.record_name(row)
        if row.challenge not in await self._texts(name):
            raise FailedPrecondition(
                "DOMAIN_NOT_PROVEN",
                f"DNS has no TXT record at {name} that says {row.challenge}.",
                metadata={"recordName": name},
            )

    async def _texts(self, name: str) -> set[str]:
        try:
            # The name is absolute: a search list must not make it another one.
            answer = await self._resolver.resolve(
                f"{name}.", dns.rdatatype.TXT, lifetime=self._timeout_s, search=False
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return set()
        except (dns.exception.DNSException, OSError) as error:
            raise Unavailable(
                "DNS_UNAVAILABLE",
                f"DNS does not answer for {name}; try again later.",
                metadata={"recordName": name},
            ) from error
        return {b"".join(record.strings).decode("utf-8", "replace") for record in answer}


def _server(text: str) -> Do53Nameserver:
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return Do53Nameserver(text.strip("[]"), _PORT)
    return Do53Nameserver(host.strip("[]"), int(port))
