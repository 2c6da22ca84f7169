"""An archived run as bytes: JSON of the contract's own messages, a line each, in one zstd frame.

The contract outlives tables: what a later version does not know of a message, it skips.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import zstandard
from google.protobuf import json_format
from google.protobuf.message import Message

from weftapi.workspace.v1 import run_archives_pb2, run_types_pb2
from workspace.servicers.conditions import condition_to_proto
from workspace.servicers.runs import run_to_proto
from workspace.servicers.steps import attempt_to_proto, step_to_proto
from workspace.store.retention import Whole

FORMAT = 1
_LEVEL = 9


@dataclass(slots=True)
class Archive:
    """What the archive of a run says."""

    run: run_types_pb2.Run
    steps: list[run_archives_pb2.ArchivedStep] = field(default_factory=list)
    conditions: list[run_types_pb2.RunCondition] = field(default_factory=list)


def encode(whole: Whole) -> bytes:
    """Everything of a run; the same bytes for the same run."""
    text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in _lines(whole))
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(text.encode())


def decode(data: bytes) -> Archive:
    """What `encode` wrote; ValueError for anything else."""
    try:
        with zstandard.ZstdDecompressor().stream_reader(data) as reader:
            lines = [json.loads(line) for line in reader.read().splitlines()]
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
    if not lines or lines[0].get("format") != FORMAT:
        raise ValueError("it was written by another version of Weft")
    found: dict[str, list[Any]] = defaultdict(list)
    for line in lines[1:]:
        ((kind, content),) = line.items()
        found[kind].append(content)
    return Archive(
        _parsed(found["run"][0], run_types_pb2.Run()),
        [_parsed(content, run_archives_pb2.ArchivedStep()) for content in found["step"]],
        [_parsed(content, run_types_pb2.RunCondition()) for content in found["condition"]],
    )


def _lines(whole: Whole) -> Iterator[dict[str, Any]]:
    yield {"format": FORMAT, "uid": str(whole.run.uid)}
    yield {"run": _plain(run_to_proto(whole.run))}
    attempts: dict[UUID, list[Any]] = defaultdict(list)
    for attempt in whole.attempts:
        attempts[attempt.step_uid].append(attempt)
    for step in whole.steps:
        own = [attempt_to_proto(step.name, attempt) for attempt in attempts[step.uid]]
        yield {
            "step": _plain(run_archives_pb2.ArchivedStep(step=step_to_proto(step), attempts=own))
        }
    for condition in whole.conditions:
        yield {"condition": _plain(condition_to_proto(condition))}
    for log in whole.logs:
        yield {"log": {"id": log.id, "uid": str(log.uid), "nextOffset": log.next_offset}}
    for late in whole.late_reports:
        said = {"subject": late.subject, "sequence": late.sequence, "content": late.content}
        yield {"lateReport": {**said, "time": late.time.isoformat()}}


def _plain(message: Message) -> dict[str, Any]:
    return json_format.MessageToDict(message)


def _parsed(content: dict[str, Any], message: Any) -> Any:
    return json_format.ParseDict(content, message, ignore_unknown_fields=True)
