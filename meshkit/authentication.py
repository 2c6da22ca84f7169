"""Who speaks: the connection's certificate, then the credential in the metadata.

The edge listener knows callers by bearer token. The mesh listener knows services by client
certificate; a gateway may forward a person's token there, and then the person is the caller
and the gateway the peer that carried the call.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import grpc

from meshkit import certificates
from meshkit.access import Listener
from meshkit.caller import Caller, CallerKind
from meshkit.certificates import PeerCertificate
from meshkit.clock import Clock
from meshkit.errors import PermissionDenied, Unauthenticated
from meshkit.spiffe import Role, SpiffeId
from meshkit.tokens import SKEW, Token, unauthenticated

_MAX_CERTIFICATES = 4096
_MAX_USER_AGENT = 200
_MAX_ADDRESS = 64
_CLIENT_ADDRESS = "x-weft-client-address"
_CLIENT_USER_AGENT = "grpcgateway-user-agent"
Context = grpc.aio.ServicerContext[Any, Any]


class Verifier(Protocol):
    """What turns a bearer token into claims (`tokens.TokenVerifier`)."""

    def verify(self, encoded: str) -> Token: ...

    def require_valid(self, token: Token) -> None: ...


PeerCheck = Callable[[SpiffeId], bool]


class DeniedSerials:
    """Serial numbers of certificates that are refused before they expire; replaced at run time."""

    def __init__(self, serials: Collection[int] = ()) -> None:
        self._serials = frozenset(serials)

    def replace(self, serials: Collection[int]) -> None:
        self._serials = frozenset(serials)

    def __contains__(self, serial: object) -> bool:
        return serial in self._serials


@dataclass(frozen=True, slots=True)
class Identity:
    """The caller with what proved it, so that streams can be judged again later."""

    caller: Caller
    token: Token | None = None
    certificate: PeerCertificate | None = None

    @property
    def ends_at(self) -> datetime | None:
        """When the proof stops holding; None for anonymous callers."""
        ends = [self.token.expires_at + SKEW] if self.token else []
        if self.certificate:
            ends.append(self.certificate.not_after)
        return min(ends, default=None)


class Authenticator:
    """Authenticates the calls of one listener."""

    def __init__(
        self,
        listener: Listener,
        *,
        verifier: Verifier,
        clock: Clock,
        denied: DeniedSerials,
        allows_peer: PeerCheck,
        charge_address: Callable[[str], None],
    ) -> None:
        self._on_mesh = listener is Listener.MESH
        self._verifier = verifier
        self._clock = clock
        self._denied = denied
        self._allows_peer = allows_peer
        self._charge_address = charge_address
        self._certificates: OrderedDict[bytes, PeerCertificate] = OrderedDict()

    def authenticate(self, context: Context, metadata: Mapping[str, list[str]]) -> Identity:
        """Returns who calls; raises Unauthenticated, or PermissionDenied for a wrong peer.

        An address that keeps showing tokens which do not hold hears ResourceExhausted.
        """
        certificate = self._peer_certificate(context) if self._on_mesh else None
        peer = certificate.identity if certificate else None
        encoded = _bearer(metadata)
        address = _address(context, metadata, peer)
        user_agent = _user_agent(metadata, peer)
        if encoded is None:
            # A gateway that names somebody's address speaks for that unknown person.
            is_itself = peer and not (_CLIENT_ADDRESS in metadata and peer.role is Role.GATEWAY)
            kind = CallerKind.PEER if is_itself else CallerKind.ANONYMOUS
            subject = str(peer) if is_itself else ""
            caller = Caller(kind, subject, peer=peer, address=address, user_agent=user_agent)
            return Identity(caller, certificate=certificate)
        if peer and peer.role is not Role.GATEWAY:
            raise unauthenticated()
        token = self._verify(encoded, address)
        caller = Caller(
            token.kind,
            token.subject,
            token.display_name,
            peer,
            token.claims,
            address,
            user_agent,
            token.scope,
        )
        return Identity(caller, token, certificate)

    def require_valid(self, identity: Identity) -> None:
        """Raises what `authenticate` would raise now for someone who was let in before."""
        if identity.certificate:
            self._require_good(identity.certificate)
        if identity.token:
            self._verifier.require_valid(identity.token)

    def _verify(self, encoded: str, address: str) -> Token:
        try:
            return self._verifier.verify(encoded)
        except Unauthenticated:
            # Nobody is known whom this could be charged to, and guessing must not be free.
            self._charge_address(address)
            raise

    def _peer_certificate(self, context: Context) -> PeerCertificate:
        proof = context.auth_context()
        # gRPC sets this only for a certificate with exactly one URI name.
        uri = proof.get("peer_spiffe_id")
        if not uri:
            raise unauthenticated()
        (pem,) = proof["x509_pem_cert"]
        certificate = self._read(pem)
        self._require_good(certificate)
        return certificate

    def _read(self, pem: bytes) -> PeerCertificate:
        certificate = self._certificates.get(pem)
        if certificate is not None:
            return certificate
        try:
            certificate = certificates.read_peer(pem)
        except ValueError as error:
            raise unauthenticated() from error
        self._certificates[pem] = certificate
        if len(self._certificates) > _MAX_CERTIFICATES:
            self._certificates.popitem(last=False)
        return certificate

    def _require_good(self, certificate: PeerCertificate) -> None:
        # gRPC checks certificates in the handshake only; a connection outlives both an
        # expiry and a denial.
        if certificate.not_after <= self._clock.now() or certificate.serial in self._denied:
            raise unauthenticated()
        if not self._allows_peer(certificate.identity):
            raise PermissionDenied(
                "CALLER_NOT_ALLOWED", "This service is not a peer of this server."
            )


def _bearer(metadata: Mapping[str, list[str]]) -> str | None:
    values = metadata.get("authorization")
    if values is None:
        return None
    if len(values) != 1 or not isinstance(values[0], str):
        raise unauthenticated()
    scheme, _, encoded = values[0].partition(" ")
    if scheme.lower() != "bearer" or not encoded:
        raise unauthenticated()
    return encoded


def _address(context: Context, metadata: Mapping[str, list[str]], peer: SpiffeId | None) -> str:
    # Only a gateway is believed about the address it speaks for.
    if peer and peer.role is Role.GATEWAY and _CLIENT_ADDRESS in metadata:
        return metadata[_CLIENT_ADDRESS][0][:_MAX_ADDRESS]
    # gRPC writes ipv4:ADDRESS:PORT, and ipv6 with percent-encoded brackets.
    host = context.peer().partition(":")[2].rpartition(":")[0]
    return host.replace("%5B", "").replace("%5D", "")


def _user_agent(metadata: Mapping[str, list[str]], peer: SpiffeId | None) -> str:
    # A gateway's own says nothing about whoever it speaks for.
    carried = bool(peer and peer.role is Role.GATEWAY and _CLIENT_USER_AGENT in metadata)
    key = _CLIENT_USER_AGENT if carried else "user-agent"
    return metadata.get(key, [""])[0][:_MAX_USER_AGENT]
