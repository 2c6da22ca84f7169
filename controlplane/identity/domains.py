"""Proving a domain: a TXT record in DNS, looked up through a resolver of the operator's choice."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from controlplane.operations import trusted_domains
from controlplane.store.schema_identity import TrustedDomain
from meshkit.errors import FailedPrecondition, Unavailable

# Imported where it is used: few processes ever prove a domain.
if TYPE_CHECKING:
    from dns.asyncresolver import Resolver
    from dns.nameserver import Do53Nameserver

_LIFETIME_S = 5.0
_PORT = 53


class DomainProofs:
    """Looks records up; `servers` are "address" or "address:port", by default the system's."""

    def __init__(self, servers: Sequence[str] = (), *, timeout_s: float = _LIFETIME_S) -> None:
        self._servers = servers
        self._timeout_s = timeout_s

    async def require(self, row: TrustedDomain) -> None:
        """Raises DOMAIN_NOT_PROVEN, or DNS_UNAVAILABLE where nobody could say."""
        name = trusted_domains.record_name(row)
        if row.challenge not in await self._texts(name):
            raise FailedPrecondition(
                "DOMAIN_NOT_PROVEN",
                f"DNS has no TXT record at {name} that says {row.challenge}.",
                metadata={"recordName": name},
            )

    @cached_property
    def _resolver(self) -> "Resolver":
        from dns.asyncresolver import Resolver

        resolver = Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers = [_server(text) for text in self._servers]
        return resolver

    async def _texts(self, name: str) -> set[str]:
        from dns.exception import DNSException
        from dns.rdatatype import TXT
        from dns.resolver import NXDOMAIN, NoAnswer

        try:
            # The name is absolute: a search list must not make it another one.
            answer = await self._resolver.resolve(
                f"{name}.", TXT, lifetime=self._timeout_s, search=False
            )
        except (NXDOMAIN, NoAnswer):
            return set()
        except (DNSException, OSError) as error:
            raise Unavailable(
                "DNS_UNAVAILABLE",
                f"DNS does not answer for {name}; try again later.",
                metadata={"recordName": name},
            ) from error
        return {b"".join(record.strings).decode("utf-8", "replace") for record in answer}


def _server(text: str) -> "Do53Nameserver":
    from dns.nameserver import Do53Nameserver

    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return Do53Nameserver(text.strip("[]"), _PORT)
    return Do53Nameserver(host.strip("[]"), int(port))
