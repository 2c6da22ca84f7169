"""Values that steps log: shown while the step runs, and on record with its next state."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from weft._connection import Endpoint
from weft._sayable import sendable
from weft.errors import ApiError

_log = logging.getLogger("weft")
# How often the values of one step are written while it runs.
_PAUSE_S = 5.0
Key = tuple[str, int]


class Noted:
    """The values of one run's attempts; belongs to the thread that sends its record.

    Of a run that is not `is_live` nothing is written before its states are.
    """

    def __init__(self, endpoint: Endpoint, run: str, *, is_live: bool) -> None:
        self._endpoint = endpoint
        self._run = run
        self._is_live = is_live
        self._values: defaultdict[Key, dict[str, Any]] = defaultdict(dict)
        self._written: dict[Key, float] = {}

    def note(self, step: str, attempt: int, values: Mapping[str, Any]) -> None:
        """Keeps values, and writes all that this attempt has down where it is time."""
        key = (step, attempt)
        self._values[key].update(sendable(dict(values)))
        now = time.monotonic()
        if self._is_live and now - self._written.get(key, -_PAUSE_S) >= _PAUSE_S:
            self._written[key] = now
            self._write(step, self._values[key])

    def take(self, step: str, attempt: int) -> dict[str, Any]:
        """Gives what the report of the attempt's next state carries."""
        return self._values.pop((step, attempt), {})

    def _write(self, step: str, values: Mapping[str, Any]) -> None:
        from weftapi.workspace.v1 import reports_pb2, reports_pb2_grpc

        # Others travel with the state alone.
        plain = {name: value for name, value in values.items() if _is_plain(value)}
        request = reports_pb2.WriteMetadataRequest(run=self._run, step_id=step)
        request.values.update(plain)
        stub = self._endpoint.stub(reports_pb2_grpc.ReportServiceStub)
        try:
            self._endpoint.call(stub.WriteMetadata, request)
        except ApiError as error:
            # They are not lost: the next state carries them.
            _log.debug("values of %s are not shown yet: %s", step, error)


def _is_plain(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(isinstance(item, str | int | float) for item in items)
