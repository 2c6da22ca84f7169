"""How a service joins the mesh: a one-time token and a key of its own become a certificate.

The token ends in the SHA-256 of the mesh's CA. Joining first asks the control plane for its CA
over a connection that trusts nothing but the very certificate it met, holds that CA against
the hash, holds the certificate against that CA, and only then sends the token over a
connection that trusts the CA alone.
"""

import asyncio
import hashlib
import json
import os
import re
import ssl
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import structlog
from cryptography.hazmat.primitives.asymmetric import ec

from meshkit import certificates
from meshkit.config import MemberSettings
from meshkit.credentials import CHAIN_FILE, Credentials, KeyPair, write_files
from meshkit.spiffe import SpiffeId
from weftapi.controlplane.v1 import (
    enrollment_pb2,
    enrollment_pb2_grpc,
    system_pb2,
    system_pb2_grpc,
)

log = structlog.get_logger()

_PENDING_KEY_FILE = "pending-key.pem"
_MEMBERSHIP_FILE = "membership.json"
_TOKEN = re.compile(r"\S{1,400}\.(?P<ca>[0-9a-f]{64})")
_TIMEOUT_S = 10.0


class EnrollmentError(Exception):
    """The service could not join; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Membership:
    """A place in the mesh: this service's credentials, and where its control plane is."""

    credentials: Credentials
    control_plane: SpiffeId
    mesh_endpoint: str


def ca_hash(token: str) -> str:
    """The CA's SHA-256 (64 hex digits) at the end of an enrollment token; raises ValueError."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise ValueError("the enrollment token is not complete: it ends in the hash of the CA")
    return match["ca"]


async def membership_of(settings: MemberSettings) -> Membership:
    """The membership of a server with these settings, joining if it has none yet.

    Raises EnrollmentError.
    """
    membership = await join(
        settings.credentials_dir,
        endpoint=settings.control_plane_endpoint,
        token=settings.enrollment_token(),
    )
    moved_to = settings.control_plane_mesh_endpoint
    return replace(membership, mesh_endpoint=moved_to) if moved_to else membership


async def join(directory: Path, *, endpoint: str, token: str) -> Membership:
    """Answers the membership kept in `directory`, or joins by the token and keeps it there.

    `endpoint` is "host:port" of the control plane's edge listener. Joining again after a crash
    is safe: the key is written before it is sent, and the control plane answers the same key
    again. A token that the kept membership did not begin with is used: somebody gave it to a
    service that was struck off, or away for longer than its certificate. Where it does not
    work the kept membership goes on. Raises EnrollmentError.
    """
    kept = _kept(directory)
    if kept is None:
        return await _join(directory, endpoint, token)
    membership, digest = kept
    if not endpoint or not token or digest == _digest(token):
        return membership
    try:
        return await _join(directory, endpoint, token)
    except EnrollmentError as error:
        log.warning("not_joined_again", error=str(error))
        return membership


async def _join(directory: Path, endpoint: str, token: str) -> Membership:
    if not endpoint or not token:
        raise EnrollmentError(
            "this service has not joined the mesh: give it the control plane's endpoint and an "
            "enrollment token of WorkspaceService.CreateEnrollment"
        )
    try:
        authority = await _fetch_authority(endpoint, ca_hash(token))
        key = _pending_key(directory)
        answer = await _enroll(endpoint, authority, token, key)
    except (ValueError, OSError) as error:
        raise EnrollmentError(f"joining the mesh at {endpoint} failed: {error}") from error
    except grpc.aio.AioRpcError as error:
        raise EnrollmentError(
            f"joining the mesh at {endpoint} failed: {error.details()}"
        ) from error
    return _keep(directory, key, answer, _digest(token))


def load(directory: Path) -> Membership:
    """Reads the membership that `join` kept."""
    kept = json.loads((directory / _MEMBERSHIP_FILE).read_text(encoding="utf-8"))
    return Membership(
        Credentials(directory), SpiffeId.parse(kept["controlPlane"]), kept["meshEndpoint"]
    )


def _kept(directory: Path) -> tuple[Membership, str] | None:
    """The membership that `join` kept, and the token it began with; None where it is not whole."""
    if not (directory / CHAIN_FILE).exists():
        return None
    kept = json.loads((directory / _MEMBERSHIP_FILE).read_text(encoding="utf-8"))
    try:
        return load(directory), kept.get("token", "")
    except ValueError:
        if not (directory / _PENDING_KEY_FILE).exists():
            raise
        # Joining again was cut off between two files.
        return None


def _digest(token: str) -> str:
    """Tells tokens apart; a used one opens nothing, and its hash less than that."""
    return hashlib.sha256(token.encode()).hexdigest()


async def _fetch_authority(endpoint: str, digest: str) -> bytes:
    """The PEM of the CA with this hash, as the control plane shows it."""
    try:
        leaf, info = await _ask_for_authority(endpoint)
    except grpc.aio.AioRpcError:
        # It renewed its certificate between our two connections, or is about to be there.
        leaf, info = await _ask_for_authority(endpoint)
    authorities = certificates.load_chain(info.trust_bundle_pem.encode())
    trusted = [ca for ca in authorities if certificates.fingerprint(ca) == f"sha256:{digest}"]
    if not trusted:
        raise ValueError("its CA is not the one that the enrollment token names")
    if not certificates.is_issued_by(certificates.load_chain(leaf.encode())[0], trusted):
        raise ValueError(
            "its certificate is not from the CA that the enrollment token names; if the mesh was "
            "rolled over to another CA since the token was made, create a new one"
        )
    return certificates.to_pem(trusted[0])


async def _ask_for_authority(endpoint: str) -> tuple[str, system_pb2.ServerInfo]:
    """The certificate that the control plane shows, and what it says to who trusts only that."""
    host, _, port = endpoint.rpartition(":")
    address = (host.strip("[]"), int(port))
    leaf = await asyncio.to_thread(ssl.get_server_certificate, address, timeout=_TIMEOUT_S)
    async with _channel(endpoint, leaf.encode()) as channel:
        stub = system_pb2_grpc.SystemServiceStub(channel)
        info = await stub.GetServerInfo(system_pb2.GetServerInfoRequest(), timeout=_TIMEOUT_S)
    return leaf, info


async def _enroll(
    endpoint: str, authority: bytes, token: str, key: ec.EllipticCurvePrivateKey
) -> enrollment_pb2.EnrollResponse:
    request = enrollment_pb2.EnrollRequest(
        token=token, certificate_request_pem=certificates.make_request(key).decode()
    )
    async with _channel(endpoint, authority) as channel:
        stub = enrollment_pb2_grpc.EnrollmentServiceStub(channel)
        return await stub.Enroll(request, timeout=_TIMEOUT_S)


def _channel(endpoint: str, roots: bytes) -> grpc.aio.Channel:
    return grpc.aio.secure_channel(endpoint, grpc.ssl_channel_credentials(roots))


def _pending_key(directory: Path) -> ec.EllipticCurvePrivateKey:
    """The key that joining began with, or a new one, on disk before anybody hears of it."""
    path = directory / _PENDING_KEY_FILE
    if path.exists():
        return certificates.key_from_pem(path.read_bytes())
    key = certificates.new_key()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(certificates.key_to_pem(key))
        file.flush()
        os.fsync(file.fileno())
    return key


def _keep(
    directory: Path,
    key: ec.EllipticCurvePrivateKey,
    answer: enrollment_pb2.EnrollResponse,
    digest: str,
) -> Membership:
    kept = {
        "token": digest,
        "controlPlane": answer.control_plane_spiffe_id,
        "meshEndpoint": answer.mesh_endpoint,
    }
    (directory / _MEMBERSHIP_FILE).write_text(json.dumps(kept), encoding="utf-8")
    # The chain comes last: its presence says that everything else is there.
    certificate = answer.certificate
    pair = KeyPair(certificates.key_to_pem(key), certificate.certificate_chain_pem.encode())
    write_files(directory, pair, certificate.trust_bundle_pem.encode())
    (directory / _PENDING_KEY_FILE).unlink(missing_ok=True)
    return load(directory)
