"""Values that steps log are written while they run, and are never lost."""

from __future__ import annotations

import json
import math
from typing import Any

from google.protobuf.json_format import MessageToJson
from google.protobuf.struct_pb2 import Struct

from weft import _noted
from weft._noted import Noted
from weft.errors import UnavailableError


class FakeEndpoint:
    """Takes calls in place of a workspace, or is away."""

    def __init__(self) -> None:
        self.written: list[dict[str, Any]] = []
        self.is_away = False

    def stub(self, _cls: Any) -> Any:
        return self

    WriteMetadata = "WriteMetadata"

    def call(self, _method: Any, request: Any) -> None:
        if self.is_away:
            raise UnavailableError("away", reason="AWAY")
        self.written.append(dict(request.values))


def noted(*, is_live: bool = True) -> tuple[Noted, FakeEndpoint]:
    endpoint = FakeEndpoint()
    anything: Any = endpoint
    return Noted(anything, "projects/p/runs/r", is_live=is_live), endpoint


def test_the_first_value_is_shown_at_once_and_later_ones_together(monkeypatch: Any) -> None:
    values, endpoint = noted()
    values.note("fit", 1, {"loss": 1.0})
    values.note("fit", 1, {"loss": 0.5, "shape": {"rows": 2}})
    assert endpoint.written == [{"loss": 1.0}]
    monkeypatch.setattr(_noted, "_PAUSE_S", 0.0)
    values.note("fit", 1, {"epoch": 2})
    assert endpoint.written[-1] == {"loss": 0.5, "epoch": 2}
    # The state carries everything, whatever was shown before.
    assert values.take("fit", 1) == {"loss": 0.5, "epoch": 2, "shape": {"rows": 2}}
    assert values.take("fit", 1) == {}


def test_a_workspace_that_is_away_loses_nothing() -> None:
    values, endpoint = noted()
    endpoint.is_away = True
    values.note("fit", 1, {"loss": 1.0})
    assert values.take("fit", 1) == {"loss": 1.0}


def test_of_a_run_of_the_past_nothing_is_written_before_its_states() -> None:
    values, endpoint = noted(is_live=False)
    values.note("fit", 1, {"loss": 1.0})
    assert endpoint.written == []
    assert values.take("fit", 1) == {"loss": 1.0}


def test_whatever_code_logs_can_be_told() -> None:
    values, _endpoint = noted()
    # A loss that diverged, and names of files that are no text, must not cost a run its record.
    values.note("fit", 1, {"loss": math.nan, "file": "\udcff.csv", "of": [{"a\0": -math.inf}]})
    told = Struct()
    told.update(values.take("fit", 1))
    assert json.loads(MessageToJson(told)) == {
        "loss": {"$type": "float", "value": "nan"},
        "file": "?.csv",
        "of": [{"a\ufffd": {"$type": "float", "value": "-inf"}}],
    }
