"""Calls go on while the CA of a mesh is replaced under a process that runs."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from meshkit import certificates
from meshkit.certificates import Authority
from meshkit.ids import new_uid
from meshkit.spiffe import Role, SpiffeId
from weft._connection import Endpoint, no_token
from weft._ports import Ports
from weft.errors import ApiError
from weftapi.controlplane.v1 import system_pb2, system_pb2_grpc


class System(system_pb2_grpc.SystemServiceServicer):
    """The least of a server."""

    def GetServerInfo(
        self, _request: system_pb2.GetServerInfoRequest, _context: grpc.ServicerContext
    ) -> system_pb2.ServerInfo:
        return system_pb2.ServerInfo(version="1")


def new_root() -> Authority:
    return certificates.make_authority("a CA", now=datetime.now(UTC))


@contextmanager
def serving(root: Authority, address: str) -> Iterator[None]:
    """A server whose certificate this root signed."""
    key = certificates.new_key()
    chain = certificates.sign_leaf(
        root,
        key.public_key(),
        SpiffeId("weft.example", Role.CONTROL_PLANE, new_uid()),
        now=datetime.now(UTC),
        lifetime=timedelta(hours=1),
        extra_names=["localhost", "127.0.0.1"],
    )
    server = grpc.server(ThreadPoolExecutor(2))
    system_pb2_grpc.add_SystemServiceServicer_to_server(System(), server)
    pair = (certificates.key_to_pem(key), chain)
    server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    server.start()
    try:
        yield
    finally:
        server.stop(None).wait()


def asked(endpoint: Endpoint) -> str:
    stub = endpoint.stub(system_pb2_grpc.SystemServiceStub)
    answer = endpoint.call(stub.GetServerInfo, system_pb2.GetServerInfoRequest(), timeout_s=5)
    return str(answer.version)


def bundle(*roots: Authority) -> str:
    return b"".join(root.pem for root in roots).decode()


def test_a_new_root_is_taken_on_the_word_of_one_that_is_trusted() -> None:
    old, new = new_root(), new_root()
    ports = Ports()
    address = f"127.0.0.1:{ports.take({'server': 0})['server']}"
    follower = Endpoint(address, ca_pem=bundle(old), token=no_token)
    stayer = Endpoint(address, ca_pem=bundle(old), token=no_token)
    with serving(old, address):
        assert (asked(follower), asked(stayer)) == ("1", "1")
        assert follower.trust(bundle(old, new))
        assert not follower.trust(bundle(new, old))
        assert asked(follower) == "1"
    with serving(new, address):
        assert asked(follower) == "1"
        with pytest.raises(ApiError):
            asked(stayer)
        assert follower.trust(bundle(new))
        assert asked(follower) == "1"
    for endpoint in (follower, stayer):
        endpoint.close()
    ports.release()


def test_nobody_else_says_whom_to_trust() -> None:
    own, other = new_root(), new_root()
    public = Endpoint("mesh.example:443", token=no_token)
    private = Endpoint("mesh.example:443", ca_pem=bundle(own), token=no_token)
    for told in ("", bundle(other), "no certificate"):
        assert not public.trust(told)
        assert not private.trust(told)
    assert not public.trust(bundle(own))
