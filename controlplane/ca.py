"""The mesh's certificate authority: roots, one of which signs, and what it signs.

What a certificate says is decided here and by the enrollment: of a request nothing is taken
over but its key, and that only after it proved to hold the private half.
"""

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from controlplane.store.schema_authority import ACTIVE, Root
from meshkit import certificates, files
from meshkit.certificates import Authority
from meshkit.clock import Clock
from meshkit.credentials import CHAIN_FILE, Credentials, KeyPair, write_files
from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.ids import new_uid
from meshkit.spiffe import Role, SpiffeId

_BUNDLE_FILE = "ca.pem"
_KEYS_DIRECTORY = "ca-keys"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")


@dataclass(frozen=True, slots=True)
class Issued:
    """A signed leaf, and what must be remembered of it to deny or to replace it later."""

    identity: SpiffeId
    chain: bytes
    serial: str
    not_after: datetime
    key_hash: bytes
    root: str


@dataclass(frozen=True, slots=True)
class NewRoot:
    """A root whose key is in its file; its certificate belongs into the database."""

    fingerprint: str
    certificate_pem: str
    not_after: datetime


class RootKeys:
    """The private keys of the roots, each in a file that only we can read."""

    def __init__(self, directory: Path, *, trust_domain: str, clock: Clock) -> None:
        self._directory = directory / _KEYS_DIRECTORY
        self._trust_domain = trust_domain
        self._clock = clock
        files.make_private_directory(self._directory)

    def make(self) -> NewRoot:
        """A new root, its key on disk before anybody hears of it."""
        name = f"Weft CA of {self._trust_domain}"
        made = certificates.make_authority(name, now=self._clock.now())
        fingerprint = certificates.fingerprint(made.certificate)
        files.write_private(self._path(fingerprint), certificates.key_to_pem(made.key))
        return NewRoot(fingerprint, made.pem.decode(), made.certificate.not_valid_after_utc)

    def read(self, root: Root) -> Authority:
        """Raises ValueError where the key is another root's, OSError where there is none."""
        (certificate,) = certificates.load_chain(root.certificate_pem.encode())
        path = self._path(root.fingerprint)
        key = certificates.key_from_pem(path.read_bytes())
        if key.public_key() != certificate.public_key():
            raise ValueError(f"{path.name} does not belong to the root {root.fingerprint}")
        return Authority(certificate, key)

    def remove(self, fingerprint: str) -> None:
        self._path(fingerprint).unlink(missing_ok=True)

    def sweep(self, named: Iterable[str]) -> None:
        """Removes the keys that a process which was killed left behind."""
        files.sweep(self._directory, {self._path(fingerprint).stem for fingerprint in named})

    def _path(self, fingerprint: str) -> Path:
        return self._directory / f"{fingerprint.removeprefix('sha256:')}.pem"


class CertificateAuthority:
    """Signs the leaves of the mesh with the active root.

    `load` follows the database: after a rollover here, or by another replica.
    """

    def __init__(
        self, directory: Path, keys: RootKeys, *, clock: Clock, lifetime: timedelta
    ) -> None:
        self.keys = keys
        self._bundle_path = directory / _BUNDLE_FILE
        self._clock = clock
        self._lifetime = lifetime
        self._signing: Authority | None = None
        self._bundle = b""

    def load(self, roots: Sequence[Root]) -> None:
        """Takes over the roots as the database has them; raises as `RootKeys.read`."""
        (active,) = (root for root in roots if root.state == ACTIVE)
        if self._signing is None or active.fingerprint != self.fingerprint:
            self._signing = self.keys.read(active)
        bundle = bundle_of((root.certificate_pem, root.state) for root in roots).encode()
        if bundle != self._bundle:
            # For people: what `curl --cacert` and `weft login --ca` take.
            files.write_private(self._bundle_path, bundle)
            self._bundle = bundle

    @property
    def trust_bundle(self) -> bytes:
        """The roots that members trust, in PEM; the one that signs comes first."""
        return self._bundle

    @property
    def fingerprint(self) -> str:
        """ "sha256:<hex>" of the root that signs."""
        return certificates.fingerprint(self._authority.certificate)

    @property
    def _authority(self) -> Authority:
        if self._signing is None:
            raise RuntimeError("the roots are not loaded yet")
        return self._signing

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
        return Issued(
            identity, chain, f"{leaf.serial:x}", leaf.not_after, key_hash(key), self.fingerprint
        )

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
        """Renews the own certificate where half of its life, its names or its root is over."""
        is_fresh = self._clock.now() < credentials.half_life
        leaf = certificates.load_chain(credentials.pair.chain)[0]
        is_ours = certificates.is_issued_by(leaf, [self._authority.certificate])
        if is_fresh and is_ours and _host_names(credentials) == set(host_names):
            self._trust_newest(credentials)
            return False
        credentials.install(self._own_pair(credentials.identity, host_names), self.trust_bundle)
        return True

    def _trust_newest(self, credentials: Credentials) -> None:
        if credentials.trust != self._bundle:
            credentials.install(credentials.pair, self._bundle)

    def _own_pair(self, identity: SpiffeId, host_names: Sequence[str]) -> KeyPair:
        key = certificates.new_key()
        issued = self.issue(certificates.make_request(key).decode(), identity, host_names)
        return KeyPair(certificates.key_to_pem(key), issued.chain)


def bundle_of(roots: Iterable[tuple[str, str]]) -> str:
    """Certificates in PEM, given with their states: the one that signs first."""
    return "".join(pem for pem, _ in sorted(roots, key=lambda root: root[1] != ACTIVE))


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
