"""Certificates of the mesh, as pure functions: the CA, requests, leaves, and what they say.

Keys are ECDSA P-256. A leaf carries exactly one URI SAN, its SPIFFE id, which gRPC then shows
as `peer_spiffe_id`, and the DNS name derived from it, which peers check when they dial. No
function here reads a clock, a file or a network.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from meshkit.spiffe import SpiffeId

ROOT_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(days=7)
# A certificate is valid a little before it is made, so that a peer whose clock lags accepts it.
BACKDATE = timedelta(minutes=5)

_SIGNING_USAGE = {"key_cert_sign": True, "crl_sign": True, "digital_signature": False}
_LEAF_USAGE = {"key_cert_sign": False, "crl_sign": False, "digital_signature": True}
_NO_USAGE = {
    "content_commitment": False,
    "key_encipherment": False,
    "data_encipherment": False,
    "key_agreement": False,
    "encipher_only": False,
    "decipher_only": False,
}


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority: its certificate, and the key that signs leaves."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate in PEM: what peers put into their trust bundle."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """What a client certificate says about the service that holds it."""

    identity: SpiffeId
    serial: int
    not_before: datetime
    not_after: datetime


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_to_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def key_from_pem(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Reads a private key; raises ValueError where it is not an ECDSA P-256 key."""
    key = serialization.load_pem_private_key(pem, password=None)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError("the private key is not an ECDSA P-256 key")


def make_authority(
    common_name: str, *, now: datetime, lifetime: timedelta = ROOT_LIFETIME
) -> Authority:
    """Makes a self-signed root that signs leaves and nothing below another authority."""
    key = new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        _builder(subject, key.public_key(), now=now, not_after=now + lifetime)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**_SIGNING_USAGE, **_NO_USAGE), critical=True)
    )
    return Authority(builder.sign(key, hashes.SHA256()), key)


def make_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Makes a certificate signing request in PEM; it names nothing: the signer decides that."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def request_key(pem: bytes) -> ec.EllipticCurvePublicKey:
    """Returns the public key of a signing request whose holder proved to own it.

    Raises ValueError where the request is malformed, its signature is wrong, or its key is not
    ECDSA P-256.
    """
    try:
        request = x509.load_pem_x509_csr(pem)
        key = request.public_key()
    except Exception as error:  # the parser raises more than ValueError on hostile input
        raise ValueError("the certificate signing request is malformed") from error
    if not request.is_signature_valid:
        raise ValueError("the certificate signing request is not signed by its own key")
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError("the certificate signing request must hold an ECDSA P-256 key")


def sign_leaf(
    authority: Authority,
    public_key: ec.EllipticCurvePublicKey,
    identity: SpiffeId,
    *,
    now: datetime,
    lifetime: timedelta = LEAF_LIFETIME,
    extra_names: Sequence[str] = (),
) -> bytes:
    """Signs a leaf in PEM for client and server use, never valid longer than its authority.

    `identity` and `extra_names` (DNS names or IP addresses) are the signer's decision: nothing
    of what a request asks for is taken over but its key.
    """
    not_after = min(now + lifetime, authority.certificate.not_valid_after_utc)
    issuer_key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    builder = (
        _builder(_subject(identity), public_key, now=now, not_after=not_after)
        .issuer_name(authority.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**_LEAF_USAGE, **_NO_USAGE), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(_alternative_names(identity, extra_names), critical=False)
        .add_extension(issuer_key_id, critical=False)
    )
    leaf = builder.sign(authority.key, hashes.SHA256())
    return leaf.public_bytes(serialization.Encoding.PEM)


def to_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def load_chain(pem: bytes) -> list[x509.Certificate]:
    """Reads every certificate of a PEM file; raises ValueError where there is none."""
    return x509.load_pem_x509_certificates(pem)


def read_peer(pem: bytes) -> PeerCertificate:
    """Reads a peer's certificate; raises ValueError unless it has exactly one URI SAN, ours."""
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound as error:
        raise ValueError("the certificate carries no identity") from error
    uris = extension.value.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1:
        raise ValueError(f"the certificate carries {len(uris)} URIs, not one")
    return PeerCertificate(
        SpiffeId.parse(uris[0]),
        certificate.serial_number,
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def is_issued_by(leaf: x509.Certificate, authorities: Sequence[x509.Certificate]) -> bool:
    """Whether one of the authorities signed the leaf."""
    for authority in authorities:
        try:
            leaf.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def fingerprint(certificate: x509.Certificate) -> str:
    """The SHA-256 of the certificate as people compare it: `sha256:` and 64 hex digits."""
    return "sha256:" + certificate.fingerprint(hashes.SHA256()).hex()


def _subject(identity: SpiffeId) -> x509.Name:
    # Common names hold 64 characters, which the role and the UUID never exceed.
    name = f"{identity.role.value}-{identity.uid}"
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    *,
    now: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - BACKDATE)
        .not_valid_after(not_after.astimezone(UTC))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _alternative_names(
    identity: SpiffeId, extra_names: Sequence[str]
) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(str(identity)),
        x509.DNSName(identity.dns_name),
    ]
    for name in extra_names:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            names.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(names)
