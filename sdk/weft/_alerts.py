"""What a step has to say to people right now, through the alerters of its project."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

from weft import _context
from weft._records import Alert, now
from weft.errors import ApiError

if TYPE_CHECKING:
    from weft._connection import Endpoint

_log = logging.getLogger("weft")
# As long as the contract takes.
_MOST_TEXT = 2000
_REFUSED = "TOO_MANY_ALERTS"
_BUSY_CODE = 8
_AWAY_CODES = frozenset({4, 14})


def alert(text: str, *, alerter: str = "") -> None:
    """Tell people something from a running step: `weft.alert("The data drifts.")`.

    Every alerter of the project that waits for `run.alert` tells it, or the one that is named. It
    is handed over like a metric: the step does not wait, and goes on whatever becomes of it. A
    run may say 60 things an hour. Outside a run it is only logged.

    Args:
        text: What to say; longer than 2,000 characters is cut.
        alerter: Id of the one alerter that tells it, whatever else it waits for.
    """
    here = _context.active.get()
    if here is None:
        _log.info("alert outside a run: %s", text)
        return
    said = text if len(text) <= _MOST_TEXT else f"{text[: _MOST_TEXT - 1]}\N{HORIZONTAL ELLIPSIS}"
    here.notes.write_alert(Alert(here.step, here.attempt, str(uuid.uuid4()), said, now(), alerter))


def send(endpoint: Endpoint, run: str, alert: Alert) -> None:
    """Hands an alert of a run (a name) over, once however often; one that is refused is logged.

    Raises:
        ApiError: The workspace is away, or busy.
    """
    from weftapi.workspace.v1 import alerters_pb2, alerters_pb2_grpc

    project = run.partition("/runs/")[0]
    request = alerters_pb2.SendRunAlertRequest(
        run=run,
        text=alert.text,
        alerter=f"{project}/alerters/{alert.alerter}" if alert.alerter else "",
        step_id=alert.step,
        request_id=alert.id,
    )
    try:
        sent = endpoint.call(
            endpoint.stub(alerters_pb2_grpc.AlerterServiceStub).SendRunAlert, request
        )
    except ApiError as error:
        is_busy = error.code == _BUSY_CODE and error.reason != _REFUSED
        if error.code in _AWAY_CODES or is_busy:
            raise
        _log.warning("the alert %r is not told: %s", alert.text, error)
        return
    if not sent.deliveries:
        _log.warning("nobody is told %r: no alerter waits for run.alert", alert.text)
