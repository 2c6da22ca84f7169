"""TLS credentials of this process: its key, its certificate chain, and whom it trusts.

Files change while the process runs (certificates are renewed at half their life). Servers ask
for the newest at each handshake, so open streams live on and new connections see the new
certificate; channels are made anew by `meshkit.channels` when `version` moves.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import grpc
from cryptography import x509

from meshkit import certificates
from meshkit.files import locked
from meshkit.spiffe import SpiffeId

KEY_FILE = "key.pem"
CHAIN_FILE = "chain.pem"
TRUST_FILE = "trust.pem"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key and its certificate chain (leaf first), both PEM."""

    key: bytes
    chain: bytes


@dataclass(frozen=True, slots=True)
class _Material:
    pair: KeyPair
    trust: bytes
    leaf: x509.Certificate


class Credentials:
    """The mesh credentials in a directory: `key.pem` (0600), `chain.pem`, `trust.pem`.

    The trust bundle may hold several roots, so that one can replace another without a moment
    in which peers refuse each other. Thread-safe for readers: gRPC asks from its own threads.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stamp = self._read_stamp()
        self._material = _read(directory)
        self._version = 1

    @property
    def directory(self) -> Path:
        """Where the files are; what else belongs to the membership is kept beside them."""
        return self._directory

    @property
    def version(self) -> int:
        """Moves whenever the key, the chain or the trust bundle changed."""
        return self._version

    @property
    def identity(self) -> SpiffeId:
        return certificates.read_peer(self._material.pair.chain).identity

    @property
    def pair(self) -> KeyPair:
        return self._material.pair

    @property
    def trust(self) -> bytes:
        """The trust bundle in PEM."""
        return self._material.trust

    @property
    def serial(self) -> int:
        return self._material.leaf.serial_number

    @property
    def expires_at(self) -> datetime:
        return self._material.leaf.not_valid_after_utc

    @property
    def half_life(self) -> datetime:
        """When half of the certificate's life has passed: the time to renew it."""
        # What it is dated back by, for slow clocks, is not lived: short certificates would be
        # past their half from the start.
        issued = self._material.leaf.not_valid_before_utc + certificates.BACKDATE
        return self.expires_at - max(self.expires_at - issued, timedelta(0)) / 2

    def install(self, pair: KeyPair, trust: bytes) -> None:
        """Writes new credentials and takes them into use.

        Raises ValueError, and changes nothing, where they do not fit together.
        """
        _check(pair, trust)
        # Replicas share the directory: the key of one beside the chain of another fits nobody.
        with locked(self._directory):
            write_files(self._directory, pair, trust)
            self.reload()

    def reload(self) -> bool:
        """Reads the files again; returns whether anything changed.

        Raises ValueError where the files do not fit together; the old ones then stay in use.
        """
        stamp = self._read_stamp()
        material = _read(self._directory)
        self._stamp = stamp
        if material == self._material:
            return False
        self._material = material
        self._version += 1
        return True

    def refresh(self) -> bool:
        """Reloads if the files were touched since: cheap enough to call every second."""
        return self._read_stamp() != self._stamp and self.reload()

    def for_server(self) -> grpc.ServerCredentials:
        """Credentials of a mesh listener: every client must show a certificate we trust."""
        return _reloading(self, trust=lambda: self.trust)

    def for_edge(self, public: "PublicPair | None" = None) -> grpc.ServerCredentials:
        """Credentials of an edge listener: people's clients show no certificate."""
        return _reloading(public or self, trust=None)

    def for_channel(self) -> grpc.ChannelCredentials:
        """Credentials as they are now; make the channel again when `version` moves."""
        pair = self.pair
        return grpc.ssl_channel_credentials(self.trust, pair.key, pair.chain)

    def _read_stamp(self) -> tuple[tuple[int, int, int], ...]:
        names = (KEY_FILE, CHAIN_FILE, TRUST_FILE)
        stats = [(self._directory / name).stat() for name in names]
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)


class PublicPair:
    """A key and chain from a public CA for the edge listener, reloaded as `Credentials` are."""

    def __init__(self, key_file: Path, chain_file: Path) -> None:
        self._key_file = key_file
        self._chain_file = chain_file
        self._pair = self._read()
        self._version = 1

    @property
    def version(self) -> int:
        return self._version

    @property
    def pair(self) -> KeyPair:
        return self._pair

    def refresh(self) -> bool:
        """Reads the files again; returns whether they changed."""
        pair = self._read()
        if pair == self._pair:
            return False
        self._pair = pair
        self._version += 1
        return True

    def _read(self) -> KeyPair:
        pair = KeyPair(self._key_file.read_bytes(), self._chain_file.read_bytes())
        certificates.load_chain(pair.chain)
        return pair


def write_files(directory: Path, pair: KeyPair, trust: bytes) -> None:
    """Writes credentials with the key readable by its owner alone, each file atomically."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(directory / TRUST_FILE, trust)
    _write(directory / KEY_FILE, pair.key)
    _write(directory / CHAIN_FILE, pair.chain)


def _write(path: Path, content: bytes) -> None:
    # mkstemp makes the file 0600 from its first moment; rename makes the change atomic.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)


def _read(directory: Path) -> _Material:
    pair = KeyPair((directory / KEY_FILE).read_bytes(), (directory / CHAIN_FILE).read_bytes())
    trust = (directory / TRUST_FILE).read_bytes()
    return _Material(pair, trust, _check(pair, trust))


def _check(pair: KeyPair, trust: bytes) -> x509.Certificate:
    leaf = certificates.load_chain(pair.chain)[0]
    if certificates.key_from_pem(pair.key).public_key() != leaf.public_key():
        raise ValueError("the private key does not belong to the certificate")
    certificates.load_chain(trust)
    certificates.read_peer(pair.chain)
    return leaf


def _reloading(
    source: Credentials | PublicPair, *, trust: Callable[[], bytes] | None
) -> grpc.ServerCredentials:
    def configuration() -> grpc.ServerCertificateConfiguration:
        pair = source.pair
        roots = trust() if trust else None
        return grpc.ssl_server_certificate_configuration([(pair.key, pair.chain)], roots)

    handed_out = source.version

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal handed_out
        version = source.version
        if version == handed_out:
            return None
        handed_out = version
        return configuration()

    return grpc.dynamic_ssl_server_credentials(
        configuration(),
        fetch,  # type: ignore[arg-type]  # None means "unchanged", which the stubs forgot
        require_client_authentication=trust is not None,
    )
