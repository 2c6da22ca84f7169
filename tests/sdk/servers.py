"""Real gRPC servers over TLS in this process, and a wire between them that can be cut."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from weft._connection import Endpoint, TokenSource, no_token


@dataclass(frozen=True, slots=True)
class Identity:
    """A self-signed certificate for 127.0.0.1, and its key, in PEM."""

    certificate: bytes
    key: bytes


def make_identity() -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Identity(certificate.public_bytes(pem), private)


IDENTITY = make_identity()


class Server:
    """A gRPC server on a free port, which it takes again after a stop."""

    def __init__(self, *register: Callable[[grpc.Server], None]) -> None:
        self._register = register
        self.port = 0
        self.start()

    def start(self) -> None:
        self._server = grpc.server(ThreadPoolExecutor(16))
        for register in self._register:
            register(self._server)
        credentials = grpc.ssl_server_credentials([(IDENTITY.key, IDENTITY.certificate)])
        self.port = self._server.add_secure_port(f"127.0.0.1:{self.port}", credentials)
        self._server.start()

    def stop(self, grace_s: float | None = None) -> None:
        self._server.stop(grace_s).wait()


@contextmanager
def serving(*register: Callable[[grpc.Server], None]) -> Iterator[Server]:
    server = Server(*register)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def dialing(port: int, token: TokenSource = no_token) -> Iterator[Endpoint]:
    endpoint = Endpoint(f"127.0.0.1:{port}", ca_pem=IDENTITY.certificate.decode(), token=token)
    try:
        yield endpoint
    finally:
        endpoint.close()


def refuse(
    context: grpc.ServicerContext, code: grpc.StatusCode, reason: str, **metadata: str
) -> None:
    """Aborts as our servers do: with a status that holds an ErrorInfo."""
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="weft.dev", metadata=metadata))
    status = status_pb2.Status(code=code.value[0], message=f"No: {reason}.", details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, status.message)


class Wire:
    """Forwards TCP to a port; each connection is cut after the next count of bytes.

    When the counts are used up, connections live as long as both ends want.
    """

    def __init__(self, port: int, cuts: list[int]) -> None:
        self._target = port
        self._cuts = iter(cuts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.port = self._listener.getsockname()[1]
        self.cuts_made = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        for end in list(self._open):
            _hang_up(end)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._open |= {client, server}
            budget = _Budget(next(self._cuts, None))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink, budget)).start()

    def _pump(self, source: socket.socket, sink: socket.socket, budget: _Budget) -> None:
        try:
            while data := source.recv(65536):
                allowed = budget.take(len(data))
                sink.sendall(data[:allowed])
                if allowed < len(data):
                    self.cuts_made += 1
                    break
        except OSError:
            pass
        finally:
            for end in (source, sink):
                _hang_up(end)


class _Budget:
    """How many bytes may still pass, in both directions together."""

    def __init__(self, left: int | None) -> None:
        self._left = left
        self._lock = threading.Lock()

    def take(self, count: int) -> int:
        with self._lock:
            if self._left is None:
                return count
            allowed = min(count, self._left)
            self._left -= allowed
            return allowed


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def cutting(port: int, cuts: list[int]) -> Iterator[Wire]:
    wire = Wire(port, cuts)
    try:
        yield wire
    finally:
        wire.close()
