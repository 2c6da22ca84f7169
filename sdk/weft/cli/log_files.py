"""`weft logs --save`: the whole logs of a run, each in a file of its own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from weft.cli._output import note

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import logs_pb2


def save(connection: Connection, streams: list[logs_pb2.LogStream], folder: Path) -> None:
    """Writes each log as `<step>.log`, `<step>.<attempt>.log` where there are several attempts.

    A file appears when it is whole; one that is there already is replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    attempts = Counter(stream.step_id for stream in streams)
    for stream in streams:
        name = stream.step_id or "runner"
        if attempts[stream.step_id] > 1:
            name += f".{stream.attempt}"
        target = folder / f"{name}.log"
        size = _fetch(connection, stream.name, target)
        note(f"{target}: {size:,} bytes")


def _fetch(connection: Connection, log_stream: str, target: Path) -> int:
    """Streams a log into a file, and answers its size in bytes."""
    from weftapi.workspace.v1 import logs_pb2, logs_pb2_grpc

    endpoint = connection.workspace
    method = endpoint.stub(logs_pb2_grpc.LogServiceStub).DownloadLogs
    partial = target.with_name(target.name + ".part")
    with partial.open("wb") as file:
        for body in endpoint.read(method, logs_pb2.DownloadLogsRequest(log_stream=log_stream)):
            file.write(body.data)
        size = file.tell()
    partial.replace(target)
    return size
