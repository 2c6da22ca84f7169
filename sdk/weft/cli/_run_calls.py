"""What all commands about runs share: the connection, and one run."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from weft.cli._names import run_name

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import run_types_pb2, runs_pb2_grpc


def connect() -> tuple[Connection, runs_pb2_grpc.RunServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import runs_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(runs_pb2_grpc.RunServiceStub)


def get_run(
    connection: Connection, stub: runs_pb2_grpc.RunServiceStub, run: str
) -> run_types_pb2.Run:
    from weftapi.workspace.v1 import runs_pb2

    request = runs_pb2.GetRunRequest(name=run_name(connection, run))
    return connection.workspace.call(stub.GetRun, request)


def request_id() -> str:
    """A new one for each change that is asked for."""
    return str(uuid.uuid4())
