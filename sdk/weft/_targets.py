"""Where a server is: one address, or those of several replicas, any of which will do."""

from __future__ import annotations

import random
import socket

from weft.errors import ContextError

Options = list[tuple[str, "str | int"]]


def target_of(endpoint: str) -> tuple[str, Options]:
    """The gRPC target of `host:port`, or of several with commas between, and its options.

    A name that has several addresses is left to gRPC, which tries one after another. Of several
    endpoints one is chosen, each by a different client; the next one serves when it is gone.
    They are one server to TLS: their certificate holds the first name. Raises ContextError
    where no name is known.
    """
    endpoints = [part.strip() for part in endpoint.split(",") if part.strip()]
    if len(endpoints) <= 1:
        return endpoint, _without_proxy(_host(endpoint))
    addresses = [address for part in endpoints for address in _addresses(part)]
    if not addresses:
        raise ContextError(f"none of {endpoint} has an address: is this machine on its network?")
    # Spread over replicas: gRPC stays with the first that answers.
    random.shuffle(addresses)
    name = _host(endpoints[0])
    options: Options = [
        ("grpc.ssl_target_name_override", name),
        ("grpc.default_authority", name),
        ("grpc.enable_http_proxy", 0),
    ]
    return "ipv4:" + ",".join(addresses), options


def _addresses(endpoint: str) -> list[str]:
    host, _, port = endpoint.rpartition(":")
    try:
        found = socket.getaddrinfo(host, int(port), socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, ValueError):
        return []
    places = [(str(address[0]), int(address[1])) for *_, address in found]
    return [f"{ip}:{number}" for ip, number in places]


def _host(endpoint: str) -> str:
    return endpoint.rpartition(":")[0].strip("[]")


def _without_proxy(host: str) -> Options:
    """A proxy in the environment cannot reach this very machine."""
    is_here = host == "localhost" or host.startswith("127.") or host == "::1"
    return [("grpc.enable_http_proxy", 0)] if is_here else []
