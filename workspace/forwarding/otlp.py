"""Log lines as OTLP over HTTP with JSON encoding (opentelemetry.io/docs/specs/otlp).

Its 64-bit integers are texts, its enums numbers. Nothing here needs generated messages.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from weftapi.common.v1 import types_pb2

# SeverityNumber of the OpenTelemetry log data model; plain output says nothing of its level.
_SEVERITIES = {
    types_pb2.LOG_LEVEL_DEBUG: (5, "DEBUG"),
    types_pb2.LOG_LEVEL_INFO: (9, "INFO"),
    types_pb2.LOG_LEVEL_WARNING: (13, "WARN"),
    types_pb2.LOG_LEVEL_ERROR: (17, "ERROR"),
    types_pb2.LOG_LEVEL_CRITICAL: (21, "FATAL"),
}
_CHANNELS = {types_pb2.LOG_CHANNEL_STDOUT: "stdout", types_pb2.LOG_CHANNEL_STDERR: "stderr"}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """The log that lines are of; names as they stand in the API, the step "" for the runner."""

    log_stream: str
    project: str
    run: str
    step: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of one log that follow one another."""

    source: Source
    lines: Sequence[types_pb2.LogLine]


def encode(pieces: Sequence[Piece]) -> bytes:
    """The body of one request to `/v1/logs`."""
    return json.dumps(
        {"resourceLogs": [_resource_logs(piece) for piece in pieces]},
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def _resource_logs(piece: Piece) -> Json:
    source = piece.source
    attributes = [
        _text("service.name", "weft"),
        _text("weft.project", source.project),
        _text("weft.run", source.run),
        _text("weft.log_stream", source.log_stream),
    ]
    if source.step:
        attributes += [_text("weft.step", source.step), _number("weft.attempt", source.attempt)]
    return {
        "resource": {"attributes": attributes},
        "scopeLogs": [{"scope": {"name": "weft"}, "logRecords": [*map(_record, piece.lines)]}],
    }


def _record(line: types_pb2.LogLine) -> Json:
    time = str(line.time.ToNanoseconds())
    # With the log stream it names the line for good: what comes twice can be told.
    attributes = [_number("weft.offset", line.offset)]
    if line.channel in _CHANNELS:
        attributes.append(_text("log.iostream", _CHANNELS[line.channel]))
    if line.logger:
        attributes.append(_text("logger.name", line.logger))
    if line.continued:
        attributes.append({"key": "weft.continued", "value": {"boolValue": True}})
    if line.dropped_lines:
        attributes.append(_number("weft.dropped_lines", line.dropped_lines))
    record: Json = {
        "timeUnixNano": time,
        "observedTimeUnixNano": time,
        "body": {"stringValue": line.message},
        "attributes": attributes,
    }
    if line.level in _SEVERITIES:
        record["severityNumber"], record["severityText"] = _SEVERITIES[line.level]
    return record


def _text(key: str, value: str) -> Json:
    return {"key": key, "value": {"stringValue": value}}


def _number(key: str, value: int) -> Json:
    return {"key": key, "value": {"intValue": str(value)}}
