"""Operations that take a while: followed to their end, or left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft._enums import word
from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import note, print_message

if TYPE_CHECKING:
    from google.longrunning.operations_pb2 import Operation

    from weft._connection import Connection
    from weftapi.controlplane.v1 import operations_pb2, workspace_types_pb2

# People hear of progress about once a second.
_WAIT_S = 1
_CANCELLED = 1

no_wait_option = click.option(
    "--no-wait", is_flag=True, help="Print the operation, and do not wait for its end."
)


def present(
    connection: Connection, operation: Operation, output: str, *, no_wait: bool, done: str
) -> int:
    """Follows an operation to its end, or prints its name; `done` is what people then read."""
    if no_wait:
        print_message(operation, output, lambda: click.echo(operation.name))
        return Exit.DONE
    try:
        ended = follow(connection, operation)
    except KeyboardInterrupt:
        click.echo(err=True)
        note(f"the operation goes on: `weft workspaces operations wait {operation.name}`")
        return Exit.INTERRUPTED
    workspace = workspace_in(ended)
    if workspace is None:
        print_message(ended, output, lambda: click.echo(done))
    else:
        print_message(workspace, output, lambda: click.echo(done))
    return Exit.DONE


def follow(connection: Connection, operation: Operation) -> Operation:
    """Says how far an operation is until it has ended; CommandError where it failed."""
    from google.protobuf.duration_pb2 import Duration

    from weftapi.controlplane.v1 import operations_pb2, operations_pb2_grpc

    endpoint = connection.control_plane
    stub = endpoint.stub(operations_pb2_grpc.OperationsServiceStub)
    timeout = Duration(seconds=_WAIT_S)
    request = operations_pb2.WaitOperationRequest(name=operation.name, timeout=timeout)
    said = ""
    while not operation.done:
        progress = metadata_of(operation).progress
        if progress and progress != said:
            note(f"  {progress}")
            said = progress
        operation = endpoint.call(stub.WaitOperation, request)
    if operation.HasField("error"):
        code = Exit.CONFLICT if operation.error.code == _CANCELLED else Exit.ERROR
        raise CommandError(operation.error.message, code)
    return operation


def metadata_of(operation: Operation) -> operations_pb2.WorkspaceOperation:
    """What an operation says of itself."""
    from weftapi.controlplane.v1 import operations_pb2

    said = operations_pb2.WorkspaceOperation()
    operation.metadata.Unpack(said)
    return said


def workspace_in(operation: Operation) -> workspace_types_pb2.Workspace | None:
    """The workspace that an operation answered; None for a deletion."""
    from weftapi.controlplane.v1 import workspace_types_pb2

    workspace = workspace_types_pb2.Workspace()
    return workspace if operation.response.Unpack(workspace) else None


def state_of(operation: Any) -> str:
    """How an operation is, in a word."""
    if not operation.done:
        return "running"
    return "failed" if operation.HasField("error") else "done"


def row(operation: Operation) -> tuple[str, ...]:
    """An operation as a line of a table."""
    from weftapi.controlplane.v1 import operations_pb2

    said = metadata_of(operation)
    kind = word(operations_pb2.OperationKind, said.kind).lower()
    return (
        short(operation.name),
        kind,
        state_of(operation),
        said.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S"),
        operation.error.message or said.progress,
    )
