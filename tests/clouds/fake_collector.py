"""A FAKE of an OpenTelemetry collector: takes logs by OTLP/HTTP in JSON, as the specification says.

It refuses what a real one would not understand: other paths, other encodings, unknown fields,
numbers where the JSON encoding wants texts, identifiers of a wrong length.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

_RECORD = {
    "timeUnixNano",
    "observedTimeUnixNano",
    "severityNumber",
    "severityText",
    "body",
    "attributes",
    "traceId",
    "spanId",
}
_HIGHEST_SEVERITY = 24


@dataclass
class FakeCollector:
    """What it was sent; `status` is what it answers instead of taking anything."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    most_records: int = 1 << 30
    rejects: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, count: int) -> None:
        """Waits until so many records were taken."""
        while len(self.messages()) < count:
            self._news.clear()
            await self._news.wait()

    async def take(self, request: web.Request) -> web.Response:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if self.status != web.HTTPOk.status_code:
            return web.Response(status=self.status)
        assert request.content_type == "application/json"
        # aiohttp has unpacked the body, if it was packed.
        document = json.loads(await request.read())
        if sum(1 for _ in records(document)) > self.most_records:
            return web.Response(status=413)
        check(document)
        self.requests.append(document)
        self._news.set()
        partial = {"partialSuccess": {"rejectedLogRecords": str(self.rejects)}}
        return web.json_response(partial if self.rejects else {})

    def messages(self) -> list[str]:
        return [
            record["body"]["stringValue"]
            for document in self.requests
            for _, record in records(document)
        ]

    def all(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Every record that was taken, behind the attributes of its resource."""
        return [found for document in self.requests for found in records(document)]


def attributes(of: list[dict[str, Any]]) -> dict[str, Any]:
    """Attributes as a plain mapping."""
    return {one["key"]: next(iter(one["value"].values())) for one in of}


def records(document: dict[str, Any]) -> Any:
    for resource in document["resourceLogs"]:
        found = attributes(resource["resource"]["attributes"])
        for scope in resource["scopeLogs"]:
            yield from ((found, record) for record in scope["logRecords"])


def check(document: dict[str, Any]) -> None:
    """Raises AssertionError for what is not `ExportLogsServiceRequest` in OTLP's JSON."""
    assert set(document) == {"resourceLogs"}
    for resource in document["resourceLogs"]:
        assert set(resource) <= {"resource", "scopeLogs", "schemaUrl"}
        _check_attributes(resource["resource"]["attributes"])
        for scope in resource["scopeLogs"]:
            assert set(scope) <= {"scope", "logRecords", "schemaUrl"}
            for record in scope["logRecords"]:
                _check_record(record)


def _check_record(record: dict[str, Any]) -> None:
    assert set(record) <= _RECORD, set(record) - _RECORD
    for name in ("timeUnixNano", "observedTimeUnixNano"):
        assert isinstance(record[name], str)
        assert record[name].isdigit()
    assert 1 <= record.get("severityNumber", 1) <= _HIGHEST_SEVERITY
    assert list(record["body"]) == ["stringValue"]
    _check_attributes(record["attributes"])


def _check_attributes(found: list[dict[str, Any]]) -> None:
    keys = [one["key"] for one in found]
    assert len(keys) == len(set(keys))
    for one in found:
        ((kind, value),) = one["value"].items()
        wanted = {"stringValue": str, "boolValue": bool, "intValue": str}[kind]
        assert isinstance(value, wanted)


@asynccontextmanager
async def collector() -> AsyncIterator[FakeCollector]:
    """A collector on a port of its own."""
    fake = FakeCollector()
    app = web.Application(client_max_size=64 << 20)
    app.add_routes([web.post("/v1/logs", fake.take)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()
