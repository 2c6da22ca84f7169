"""`weft.alert`: what steps say to people, and what becomes of it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.recording import Make, told
from weft import RunState, alert, pipeline, step
from weft._alerts import send
from weft._records import Alert, now
from weft.errors import ApiError
from weftapi.workspace.v1 import alerters_pb2

RUN = "projects/default/runs/amber-fox-1"


@step
def look() -> int:
    alert("It drifts.")
    alert("x" * 3000, alerter="ops")
    return 1


@pipeline
def watch() -> int:
    return look()


class Server:
    """An endpoint that answers this, or refuses with that."""

    def __init__(self, *, deliveries: int = 1, error: ApiError | None = None) -> None:
        self.asked: list[Any] = []
        self._deliveries = deliveries
        self._error = error

    def stub(self, _factory: Any) -> Any:
        return self

    def SendRunAlert(self) -> None:
        """Only its name matters."""

    def call(self, _method: Any, request: Any) -> Any:
        self.asked.append(request)
        if self._error:
            raise self._error
        return alerters_pb2.SendRunAlertResponse(deliveries=["d"] * self._deliveries)


def handed_over(server: Server, **fields: str) -> Any:
    said = Alert("fit", 1, "0190a5c2-0000-7000-8000-000000000000", "It drifts.", now(), **fields)
    endpoint: Any = server
    send(endpoint, RUN, said)
    return server.asked[0]


def test_what_a_step_says_is_recorded_and_cut(engine_of: Make, tmp_path: Path) -> None:
    engine = engine_of(watch)
    assert engine.run() is RunState.SUCCEEDED
    first, second = [record for record in told(engine, tmp_path) if isinstance(record, Alert)]
    assert (first.step, first.text, first.alerter) == ("look", "It drifts.", "")
    assert (len(second.text), second.text[-1], second.alerter) == (2000, "…", "ops")
    assert first.id != second.id


def test_outside_a_run_it_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "weft"):
        alert("Nobody hears it.")
    assert "alert outside a run: Nobody hears it." in caplog.text


def test_it_is_handed_over_under_its_own_id() -> None:
    request = handed_over(Server(), alerter="ops")
    assert request.request_id == "0190a5c2-0000-7000-8000-000000000000"
    assert (request.run, request.step_id, request.text) == (RUN, "fit", "It drifts.")
    assert request.alerter == "projects/default/alerters/ops"
    assert handed_over(Server()).alerter == ""


@pytest.mark.parametrize(("code", "reason"), [(14, ""), (4, ""), (8, "RATE_LIMITED")])
def test_a_workspace_that_is_away_or_busy_is_asked_again(code: int, reason: str) -> None:
    with pytest.raises(ApiError):
        handed_over(Server(error=ApiError("later", code=code, reason=reason)))


@pytest.mark.parametrize(("code", "reason"), [(8, "TOO_MANY_ALERTS"), (5, "RESOURCE_NOT_FOUND")])
def test_a_refusal_is_logged_and_stops_nothing(
    code: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    handed_over(Server(error=ApiError("no", code=code, reason=reason)))
    assert "'It drifts.' is not told" in caplog.text


def test_when_nobody_listens_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    handed_over(Server(deliveries=0))
    assert "no alerter waits for run.alert" in caplog.text
