"""The mesh's certificate authority: one root, its key in a file that only we can read.

What a certificate says is decided here and by the enrollment: of a request nothing is taken
over but its key, and that only after it proved to hold the private half.
"""

import hashlib
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from meshkit import certificates, files
from meshkit.certificates import Authority
from meshkit.clock import Clock
from meshkit.credentials import CHAIN_FILE, Credentials, KeyPair, write_files
from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.ids import new_uid
from meshkit.spiffe import Role, SpiffeId

_KEY_FILE = "ca-key.pem"
_CERTIFICATE_FILE = "ca.pem"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")


@dataclass(frozen=True, slots=True)
class Issued:
    """A signed leaf, and what must be remembered of it to deny it later."""

    identity: SpiffeId
    chain: bytes
    serial: str
    not_after: datetime
    key_hash: bytes


class CertificateAuthority:
    """Signs the leaves of the mesh."""

    def __init__(self, authority: Authority, *, clock: Clock, lifetime: timedelta) -> None:
        self._authority = authority
        self._clock = clock
        self._lifetime = lifetime

    @classmethod
    def open(
        cls, directory: Path, *, trust_domain: str, clock: Clock, lifetime: timedelta
    ) -> "CertificateAuthority":
        """Reads the authority in a directory; makes it where there is none yet."""
        path = directory / _CERTIFICATE_FILE
        if not path.exists():
            made = certificates.make_authority(f"Weft CA of {trust_domain}", now=clock.now())
            # The certificate comes last: it says that the key is there.
            files.write_private(directory / _KEY_FILE, certificates.key_to_pem(made.key))
            files.write_private(path, made.pem)
        (certificate,) = certificates.load_chain(path.read_bytes())
        key = certificates.key_from_pem((directory / _KEY_FILE).read_bytes())
        if key.public_key() != certificate.public_key():
            raise ValueError(f"{_KEY_FILE} in {directory} does not belong to {_CERTIFICATE_FILE}")
        return cls(Authority(certificate, key), clock=clock, lifetime=lifetime)

    @property
    def trust_bundle(self) -> bytes:
        """The roots that members trust, in PEM."""
        return self._authority.pem

    @property
    def fingerprint(self) -> str:
        """ "sha256:<hex>" of the root."""
        return certificates.fingerprint(self._authority.certificate)

    def issue(self, request_pem: str, identity: SpiffeId, host_names: Sequence[str]) -> Issued:
        """Signs the key of a request for an identity; raises InvalidArgument for a bad request."""
        key = _requested_key(request_pem)
        chain = certificates.sign_leaf(
            self._authority,
            key,
            identity,
            now=self._clock.now(),
            lifetime=self._lifetime,
            extra_names=host_names,
        )
        leaf = certificates.read_peer(chain)
        return Issued(identity, chain, f"{leaf.serial:x}", leaf.not_after, key_hash(key))

    def own_credentials(
        self, directory: Path, *, trust_domain: str, host_names: Sequence[str]
    ) -> Credentials:
        """The control plane's own credentials, with one identity for all its life."""
        if not (directory / CHAIN_FILE).exists():
            identity = SpiffeId(trust_domain, Role.CONTROL_PLANE, new_uid())
            write_files(directory, self._own_pair(identity, host_names), self.trust_bundle)
        credentials = self._open_own(directory, host_names)
        self.renew_own(credentials, host_names)
        return credentials

    def _open_own(self, directory: Path, host_names: Sequence[str]) -> Credentials:
        try:
            return Credentials(directory)
        except ValueError:
            # A renewal was cut off between two files; the identity in either chain is ours.
            identity = certificates.read_peer((directory / CHAIN_FILE).read_bytes()).identity
            write_files(directory, self._own_pair(identity, host_names), self.trust_bundle)
            return Credentials(directory)

    def renew_own(self, credentials: Credentials, host_names: Sequence[str]) -> bool:
        """Renews the own certificate if half of its life is over or its names changed."""
        is_fresh = self._clock.now() < credentials.half_life
        if is_fresh and _host_names(credentials) == set(host_names):
            return False
        credentials.install(self._own_pair(credentials.identity, host_names), self.trust_bundle)
        return True

    def _own_pair(self, identity: SpiffeId, host_names: Sequence[str]) -> KeyPair:
        key = certificates.new_key()
        issued = self.issue(certificates.make_request(key).decode(), identity, host_names)
        return KeyPair(certificates.key_to_pem(key), issued.chain)


def require_host_names(names: Sequence[str], *, trust_domain: str) -> None:
    """Refuses names that are no host names, or that peers would take for a mesh identity.

    Peers know each other by DNS names inside the trust domain: a certificate with a chosen
    name from there could pass for any service, the control plane included.
    """
    for name in names:
        lowered = name.lower().rstrip(".")
        if lowered == trust_domain or lowered.endswith(f".{trust_domain}"):
            raise _bad_host(f"{name!r} lies inside the mesh's own trust domain")
        if not _is_address(name) and not _HOST.fullmatch(name):
            raise _bad_host(f"{name!r} is neither a host name nor an address")


def key_hash(key: ec.EllipticCurvePublicKey) -> bytes:
    """SHA-256 of a public key: by it an enrollment knows the service that used it."""
    encoded = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(encoded).digest()


def _requested_key(pem: str) -> ec.EllipticCurvePublicKey:
    try:
        return certificates.request_key(pem.encode())
    except ValueError as error:
        raise InvalidArgument(
            "INVALID_CERTIFICATE_REQUEST",
            f"{error}; send an ECDSA P-256 request in PEM that its own key signed",
        ) from error


def _host_names(credentials: Credentials) -> set[str]:
    leaf = certificates.load_chain(credentials.pair.chain)[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = {*names.get_values_for_type(x509.DNSName)}
    found |= {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return found - {credentials.identity.dns_name}


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _bad_host(problem: str) -> InvalidArgument:
    violation = FieldViolation("enrollment.host_names", problem)
    return InvalidArgument("INVALID_FIELDS", f"host_names: {problem}", violations=[violation])
