"""Links that sign a browser in as whoever is signed in here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weft._connection import Connection


def sign_in_link(connection: Connection, path: str = "") -> str:
    """The address to open, within two minutes and once; `path` is the dashboard's page."""
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    endpoint = connection.control_plane
    made = endpoint.call(
        endpoint.stub(auth_pb2_grpc.AuthServiceStub).CreateSignInLink,
        auth_pb2.CreateSignInLinkRequest(path=path),
    )
    return made.uri
