"""HTTP headers to gRPC metadata and back: rules 41-47."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from meshkit.errors import InvalidArgument

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Metadata = list[tuple[str, str | bytes]]
RawHeaders = Iterable[tuple[bytes, bytes]]

# Headers that keep their name. `authorization` is the caller's credential; the gateway itself
# asserts nothing (rule 65).
_AS_THEY_ARE: Final = frozenset(
    (
        b"authorization",
        b"traceparent",
        b"tracestate",
        b"idempotency-key",
        b"x-weft-client",
    )
)
# IANA's permanent headers, as grpc-gateway has them, without those that carry credentials.
_PERMANENT: Final = frozenset(
    b"accept accept-charset accept-language accept-ranges cache-control content-type date expect"
    b" from if-match if-modified-since if-none-match if-schedule-tag-match if-unmodified-since"
    b" max-forwards origin pragma referer user-agent via warning".split()
)
_NAMES: Final = {
    **{name: name.decode() for name in _AS_THEY_ARE},
    **{name: f"grpcgateway-{name.decode()}" for name in _PERMANENT},
}
_METADATA_PREFIX: Final = b"grpc-metadata-"
# With a body that is passed on as it stands go the headers that say who signed it and what it
# is, save those that proxies set and our own.
_DESCRIBING: Final = (b"x-", b"webhook-")
_NOT_DESCRIBING: Final = (b"x-weft-", b"x-forwarded-", b"x-request-id", b"x-real-ip")
_KEY: Final = re.compile(r"[0-9a-z_.-]{1,128}")
_PRINTABLE: Final = re.compile(rb"[\x20-\x7e]*")
# What the gateway vouches for, or the transport means something by, is not for clients to say.
_RESERVED: Final = frozenset(
    ("authorization", "host", "x-request-id", "cookie", "te", "user-agent")
)
_RESERVED_PREFIXES: Final = ("grpc-", "x-forwarded-", "grpcgateway-", "x-weft-")
_ALLOWED: Final = frozenset(("x-weft-client", "x-weft-min-revision"))
_TIMEOUT: Final = re.compile(r"([0-9]{1,8})([HMSmun])")
_UNIT_SECONDS: Final = {"H": 3600, "M": 60, "S": 1, "m": 1e-3, "u": 1e-6, "n": 1e-9}


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of the connection; `trusted` proxies speak for others."""

    address: str
    proxies: Sequence[Network] = ()

    @property
    def trusted(self) -> bool:
        """Whether what the peer says about its own client is believed."""
        return _stands_in(self.address, self.proxies)

    def client(self, forwarded: Iterable[str]) -> str:
        """The client's address: the last one that no configured proxy vouches for."""
        for address in reversed([*forwarded, self.address]):
            if not _stands_in(address, self.proxies):
                return address
        return self.address


def _stands_in(address: str, networks: Sequence[Network]) -> bool:
    if not networks:
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def describing(headers: RawHeaders) -> Metadata:
    """The metadata that goes with a raw body: what its sender says about it."""
    return [
        (f"grpcgateway-{name.decode('latin-1')}", value.decode("ascii"))
        for name, value in headers
        if name.startswith(_DESCRIBING)
        and not name.startswith(_NOT_DESCRIBING)
        and _KEY.fullmatch(name.decode("latin-1"))
        and not name.endswith(b"-bin")
        and _PRINTABLE.fullmatch(value)
    ]


def to_metadata(headers: RawHeaders, *, request_id: str, peer: Peer) -> Metadata:
    """The metadata of a call; raises InvalidArgument where a header cannot be taken over."""
    metadata: Metadata = [("x-request-id", request_id)]
    forwarded: list[str] = []
    host = ""
    authorized = False
    trusted = peer.trusted
    for name, value in headers:
        key = _NAMES.get(name)
        if key is not None:
            if name == b"authorization":
                _refuse_second(seen=authorized)
                authorized = True
            if _PRINTABLE.fullmatch(value):
                metadata.append((key, value.decode("ascii")))
        elif name.startswith(_METADATA_PREFIX):
            metadata.extend(_custom(name, value))
        elif name == b"host" or (name == b"x-forwarded-host" and trusted):
            host = host if name == b"host" and host else _printable(value)
        elif name == b"x-forwarded-for" and trusted:
            forwarded += [one.strip() for one in _printable(value).split(",")]
    metadata.append(("x-forwarded-for", ", ".join([*forwarded, peer.address])))
    metadata.append(("x-weft-client-address", peer.client(forwarded)))
    if host:
        metadata.append(("x-forwarded-host", host))
    return metadata


def _refuse_second(*, seen: bool) -> None:
    if seen:
        raise InvalidArgument("AMBIGUOUS_CREDENTIAL", "send one Authorization header")


def _printable(value: bytes) -> str:
    return value.decode("ascii") if _PRINTABLE.fullmatch(value) else ""


def _custom(name: bytes, value: bytes) -> Metadata:
    key = name[len(_METADATA_PREFIX) :].decode("latin-1")
    reserved = key in _RESERVED or key.startswith(_RESERVED_PREFIXES)
    if (reserved and key not in _ALLOWED) or not _KEY.fullmatch(key):
        return []
    if key.endswith("-bin"):
        return [(key, _decoded(key, value))]
    return [(key, value.decode("ascii"))] if _PRINTABLE.fullmatch(value) else []


def _decoded(key: str, value: bytes) -> bytes:
    try:
        digits = value.rstrip(b"=")
        return base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except binascii.Error:
        raise InvalidArgument(
            "MALFORMED_HEADER", f"Grpc-Metadata-{key} must be base64", metadata={"header": key}
        ) from None


def timeout_of(
    headers: Mapping[bytes, bytes], *, default: float | None, cap: float
) -> float | None:
    """Seconds until the call's deadline, from `Grpc-Timeout`; None for a stream without one."""
    sent = headers.get(b"grpc-timeout")
    if sent is None:
        return default
    match = _TIMEOUT.fullmatch(sent.decode("latin-1"))
    if match is None:
        raise InvalidArgument("MALFORMED_TIMEOUT", 'Grpc-Timeout must look like "5S" or "100m"')
    return min(int(match[1]) * _UNIT_SECONDS[match[2]], cap)


def to_headers(
    metadata: Iterable[tuple[str, str | bytes]], public: frozenset[str]
) -> list[tuple[bytes, bytes]]:
    """Headers for the metadata that is public; binary values in base64."""
    headers = []
    for key, value in metadata:
        if key in public:
            name = b"-".join(part.capitalize() for part in key.encode().split(b"-"))
            text = base64.b64encode(value) if isinstance(value, bytes) else _header_value(value)
            headers.append((b"Grpc-Metadata-" + name, text))
    return headers


def _header_value(value: str) -> bytes:
    encoded = value.encode("latin-1", "replace")
    return encoded if _PRINTABLE.fullmatch(encoded) else b""
