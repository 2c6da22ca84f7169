"""What a run was made of and what came out, as facts that can be laid beside those of others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weft.cli._names import code_of, short
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import run_types_pb2, snapshot_types_pb2

Facts = dict[str, Any]


def steps_of(connection: Connection, run: str) -> list[run_types_pb2.Step]:
    """All steps of a run, in the order of its graph."""
    from weftapi.workspace.v1 import steps_pb2, steps_pb2_grpc

    stub = connection.workspace.stub(steps_pb2_grpc.StepServiceStub)
    request = steps_pb2.ListStepsRequest(parent=run)
    pages = paged(lambda r: connection.workspace.call(stub.ListSteps, r), request)
    return [step for page in pages for step in page.steps]


def facts_of(connection: Connection, run: run_types_pb2.Run) -> Facts:
    """What can differ between runs: parameters, code, place, metrics, and how each step ended."""
    from weft.cli._runview import duration, run_state, step_state

    steps = steps_of(connection, run.name)
    facts: Facts = {
        "state": run_state(run).lower(),
        "pipeline": short(run.pipeline),
        **dict(_of_struct("parameter", run, "parameters")),
        **dict(_of_code(snapshot_of(connection, run))),
        "stack": short(run.stack),
        "python": run.environment.version,
        **{f"requires {name}": text for name, text in _requirements(run.environment.requirements)},
        **dict(_of_struct("metric", run, "metadata")),
    }
    for step in (step for step in steps if not step.map_group):
        facts[f"step {step.step_id}"] = step_state(step).lower()
        facts |= dict(_of_struct(f"{step.step_id}:", step, "metadata"))
    return facts | {"took": duration(run)}


def snapshot_of(
    connection: Connection, run: run_types_pb2.Run
) -> snapshot_types_pb2.Snapshot | None:
    """What a run was made of; None where it is not known, or not for the caller to see."""
    from weft.errors import ApiError
    from weftapi.workspace.v1 import snapshots_pb2, snapshots_pb2_grpc

    if not run.snapshot:
        return None
    stub = connection.workspace.stub(snapshots_pb2_grpc.SnapshotServiceStub)
    request = snapshots_pb2.GetSnapshotRequest(name=run.snapshot)
    try:
        return connection.workspace.call(stub.GetSnapshot, request)
    except ApiError:
        return None


def differences(columns: Sequence[Mapping[str, Any]]) -> list[str]:
    """The facts that are not the same everywhere, in the order in which they come."""
    names = dict.fromkeys(name for column in columns for name in column)
    return [name for name in names if any(c.get(name) != columns[0].get(name) for c in columns)]


def shown(value: Any) -> str:
    """A fact as people read it."""
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _of_struct(kind: str, message: Any, field: str) -> Iterator[tuple[str, Any]]:
    from google.protobuf.json_format import MessageToDict

    values = MessageToDict(getattr(message, field)) if message.HasField(field) else {}
    for name, value in sorted(values.items()):
        yield f"{kind} {name}", value


def _of_code(snapshot: snapshot_types_pb2.Snapshot | None) -> Iterator[tuple[str, str]]:
    """The commit or the archive, and the code of each step: which of them changed is the point."""
    if snapshot is None:
        return
    yield "code", code_of(snapshot) or snapshot.code.sha256[:12]
    for step in snapshot.spec.steps:
        yield f"code of {step.id}", hashlib.sha256(step.source.encode()).hexdigest()[:12]


def _requirements(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, version = line.partition("==")
        yield name, version or line
