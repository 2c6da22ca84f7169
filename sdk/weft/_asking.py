"""Asks people through the workspace, and waits for what they say through breaks and restarts."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from weft._approval import Question, Verdict
from weft._backoff import persist
from weft._connection import Endpoint
from weft._enums import word
from weft._records import now
from weft.errors import ApprovalError, WeftError

if TYPE_CHECKING:
    from weftapi.workspace.v1 import run_types_pb2

# Less than the deadline of a call.
_WAIT_S = 8
_SETTLE_S = 30.0


class Asker:
    """Asks on behalf of one run.

    `hand_over` does a thing after all that was told before, and `settle` waits until what was
    told is durable: the step must be there to be shown as waiting.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        run: str,
        hand_over: Callable[[Callable[[], None]], None],
        settle: Callable[[float], bool],
    ) -> None:
        self._endpoint = endpoint
        self._run = run
        self._hand_over = hand_over
        self._settle = settle

    def ask(self, question: Question, stop: threading.Event) -> Verdict:
        """Asks, and waits until it is answered, moot, or the step is told to stop."""
        told = threading.Event()
        self._hand_over(told.set)
        told.wait(_SETTLE_S)
        self._settle(_SETTLE_S)
        try:
            condition = persist(lambda: self._create(question), stop=stop)
            while _state(condition) == "OPEN" and not stop.is_set():
                name = condition.name
                condition = persist(lambda name=name: self._wait(name), stop=stop)  # type: ignore[misc]
        except WeftError as error:
            if stop.is_set():
                return Verdict("CANCELLED")
            raise ApprovalError(f"{question.text!r} cannot be asked: {error}") from error
        if _state(condition) == "CANCELLED":
            # Somebody stops the step, and the runner hears of it in a moment.
            stop.wait(_SETTLE_S)
        return _verdict(condition)

    def _create(self, question: Question) -> run_types_pb2.RunCondition:
        from weftapi.workspace.v1 import reports_pb2, reports_pb2_grpc, run_types_pb2

        condition = run_types_pb2.RunCondition(
            question=question.text, step_id=question.step, approvers=question.approvers
        )
        if question.schema is not None:
            condition.answer_schema.update(dict(question.schema))
        if question.timeout_s is not None:
            condition.expire_time.FromDatetime(now() + dt.timedelta(seconds=question.timeout_s))
        request = reports_pb2.CreateRunConditionRequest(
            parent=self._run, condition_id=question.id, run_condition=condition
        )
        stub = self._endpoint.stub(reports_pb2_grpc.ReportServiceStub)
        return self._endpoint.call(stub.CreateRunCondition, request)

    def _wait(self, name: str) -> run_types_pb2.RunCondition:
        from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc

        request = runs_pb2.GetRunConditionRequest(name=name)
        request.wait.seconds = _WAIT_S
        stub = self._endpoint.stub(runs_pb2_grpc.RunServiceStub)
        return self._endpoint.call(stub.GetRunCondition, request, timeout_s=_WAIT_S * 2.0)


def _verdict(condition: run_types_pb2.RunCondition) -> Verdict:
    from google.protobuf.json_format import MessageToDict

    answer = MessageToDict(condition.answer) if condition.HasField("answer") else None
    return Verdict(_state(condition), answer, condition.resolver, condition.comment)


def _state(condition: run_types_pb2.RunCondition) -> str:
    from weftapi.workspace.v1 import run_types_pb2

    return word(run_types_pb2.RunConditionState, condition.state)
