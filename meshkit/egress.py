"""The one door through which servers reach addresses that somebody else chose.

Issuers, registries, clusters and what they name (token endpoints, key sets) come from people who
use a server and from those services themselves, so none of them may lead into our own network:
only https, only public addresses, no redirects, small answers. The address that was checked is
the one that is connected to, whatever DNS says a moment later.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx2

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# The largest key sets and team lists of real providers are a tenth of this.
MAX_BYTES = 1 << 20
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Ways into a network of one's own that Python takes for public addresses: site-local ones, and
# translations of IPv4 addresses that a network chose for itself or that are no longer in use.
_INTERNAL = tuple(
    ipaddress.IPv6Network(text)
    for text in ("fec0::/10", "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48")
)
_LOW_32 = 0xFFFFFFFF
_RESOLVERS = 16


class EgressError(Exception):
    """An address that may not be reached, or an answer that may not be taken; says why."""


class AnswerTooLargeError(EgressError):
    """An answer that is larger than whoever asked takes."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """What may be reached beside public addresses over https.

    Plain http is for loopback addresses in `networks` alone: a provider under development.
    """

    networks: tuple[Network, ...] = ()
    ca_file: Path | None = None

    def accepts(self, url: str) -> bool:
        """Whether a URL could be fetched, as far as it says itself."""
        try:
            parsed = httpx2.URL(url)
        except httpx2.InvalidURL:
            return False
        if parsed.userinfo or parsed.fragment or not parsed.host:
            return False
        return parsed.scheme == "https" or (parsed.scheme == "http" and self._is_local(parsed.host))

    def _is_local(self, host: str) -> bool:
        """Whether a host is a loopback address that may be reached."""
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(host)
            return address.is_loopback and any(address in network for network in self.networks)
        return False

    def require(self, address: Address, scheme: str) -> None:
        """Raises EgressError for an address that may not be connected to."""
        address = _embedded(address)
        is_listed = any(address in network for network in self.networks)
        if scheme != "https" and not (scheme == "http" and is_listed and address.is_loopback):
            raise EgressError("only https URLs are fetched")
        if not is_listed and not _is_public(address):
            raise EgressError(f"{address} is not a public address")


@cache
def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    """What the system trusts, and a CA of one's own; reading all of it takes 20 ms."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


class Egress:
    """Makes transports for HTTP clients; close it to end its threads."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy
        self._tls = _trusting(policy.ca_file)
        self._threads = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="egress-dns")
        # Of one host at most one look-up is under way: DNS that hangs holds one thread a host.
        self._lookups: dict[str, asyncio.Future[list[Address]]] = {}

    def transport(
        self, tls: ssl.SSLContext | None = None, *, max_bytes: int = MAX_BYTES
    ) -> httpx2.AsyncBaseTransport:
        """For a client that sends a few requests and is closed.

        `tls` is for a service that has a CA, or wants a client certificate, of its own;
        `max_bytes` for answers that are larger and not kept in memory.
        """
        return _GuardedTransport(self, self._policy, tls or self._tls, max_bytes)

    async def resolve(self, host: str) -> list[Address]:
        """The addresses of a host as the system knows them; raises EgressError."""
        with contextlib.suppress(ValueError):
            return [ipaddress.ip_address(host.strip("[]"))]
        lookup = self._lookups.get(host)
        if lookup is None:
            loop = asyncio.get_running_loop()
            lookup = loop.run_in_executor(self._threads, _look_up, host)
            self._lookups[host] = lookup
            lookup.add_done_callback(lambda done: self._forget(host, done))
        # Shielded: whoever gives up leaves the others waiting.
        return await asyncio.shield(lookup)

    def _forget(self, host: str, lookup: asyncio.Future[list[Address]]) -> None:
        del self._lookups[host]
        if not lookup.cancelled():
            # Whoever waited may be gone; then nobody else looks at what went wrong.
            lookup.exception()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _GuardedTransport(httpx2.AsyncBaseTransport):
    """Checks and pins the address of each request, and bounds its answer.

    Nothing is kept alive: a connection belongs to one host name, which was verified by TLS.
    """

    def __init__(
        self, egress: Egress, policy: EgressPolicy, tls: ssl.SSLContext, max_bytes: int
    ) -> None:
        self._egress = egress
        self._policy = policy
        self._max_bytes = max_bytes
        self._inner = httpx2.AsyncHTTPTransport(
            verify=tls, limits=httpx2.Limits(max_keepalive_connections=0), trust_env=False
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        addresses = await self._egress.resolve(url.host)
        for address in addresses:
            self._policy.require(address, url.scheme)
        # An answer that unpacks to a thousand times its size would pass the cap below.
        request.headers["accept-encoding"] = "identity"
        response = await self._send(request, addresses)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise EgressError(f"{url.host} answered with a compressed body, unasked")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Capped(response.stream, url.host, self._max_bytes),
            extensions=response.extensions,
        )

    async def _send(self, request: httpx2.Request, addresses: Sequence[Address]) -> httpx2.Response:
        """Sends to the first address that takes the connection."""
        problem: httpx2.TransportError | None = None
        for address in addresses:
            pinned = httpx2.Request(
                request.method,
                request.url.copy_with(host=str(address)),
                # Holds the host's own name, as does TLS.
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": request.url.host},
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except httpx2.ConnectError as error:
                problem = error
        raise problem or EgressError(f"{request.url.host} has no address")

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Capped(httpx2.AsyncByteStream):
    """A body that ends in an error when it grows too large."""

    def __init__(self, stream: httpx2.AsyncByteStream, host: str, max_bytes: int) -> None:
        self._stream = stream
        self._host = host
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > self._max_bytes:
                raise AnswerTooLargeError(
                    f"{self._host} answered with more than {self._max_bytes} bytes"
                )
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _look_up(host: str) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise EgressError(f"{host} cannot be resolved") from error
    return [ipaddress.ip_address(str(place[4][0]).partition("%")[0]) for place in found]


def _is_public(address: Address) -> bool:
    is_internal = any(address in network for network in _INTERNAL)
    return address.is_global and not address.is_multicast and not is_internal


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, where it is one in disguise."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & _LOW_32)
    return address.ipv4_mapped or address.sixtofour or address
