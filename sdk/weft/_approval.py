"""Asking people from inside a step, and waiting for what they say."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from weft import _context
from weft._records import Json
from weft.errors import ApprovalError

_LONG = 50


@dataclass(frozen=True, slots=True)
class Question:
    """What a step asks. `id` is the same whenever it asks again, so that one answer is enough.

    Attributes:
        schema: JSON Schema of what a yes says beside it; None where it says nothing more.
        timeout_s: Seconds after which the answer is moot; None waits for ever.
        approvers: Who may answer ("users/<uuid>"); whoever may approve runs where it is empty.
    """

    id: str
    step: str
    text: str
    schema: Mapping[str, Json] | None = None
    timeout_s: float | None = None
    approvers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a question: "APPROVED", "DENIED", "EXPIRED" or "CANCELLED"."""

    state: str
    answer: Json = None
    resolver: str = ""
    comment: str = ""


@dataclass(slots=True)
class Asked:
    """How many questions an attempt has asked: each gets an id of its own."""

    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> int:
        """Gives the number of the next question, from 1."""
        with self.lock:
            self.count += 1
            return self.count


def wait_for_approval(
    question: str,
    *,
    schema: Mapping[str, Any] | None = None,
    timeout_s: float | None = None,
    approvers: Sequence[str] = (),
) -> Any:
    """Ask people a question, and wait in the running step until somebody says yes.

    The step shows as PAUSED meanwhile; `weft runs approve` and `weft runs deny` answer. Asked
    again by another attempt of the step, the same question finds the same answer.

    Args:
        question: What people read.
        schema: JSON Schema of what they say beside their yes; None asks for nothing more.
        timeout_s: Seconds to wait at most; None waits for ever.
        approvers: Who may answer: names such as "users/<uuid>"; empty for all who may approve.

    Returns:
        What was said beside the yes; None without a schema.

    Raises:
        ApprovalError: Somebody said no, nobody said anything in time, or there is no workspace
            that could ask anybody.
        NoActiveStepError: No step is running here.
        StepStoppedError: The run was stopped meanwhile.
    """
    here = _context.context()
    if here.ask is None:
        raise ApprovalError("nobody can be asked: this run is recorded on this machine only")
    asked = Question(
        id=_id(here.step, here.asked.next()),
        step=here.step,
        text=question,
        schema=dict(schema) if schema is not None else None,
        timeout_s=timeout_s,
        approvers=tuple(approvers),
    )
    verdict = here.ask(asked, here.stop_event)
    here.check_stop()
    if verdict.state != "APPROVED":
        by = f" by {verdict.resolver}" if verdict.resolver else ""
        note = f": {verdict.comment}" if verdict.comment else ""
        raise ApprovalError(f"{question!r} was {verdict.state.lower()}{by}{note}")
    return verdict.answer


def _id(step: str, number: int) -> str:
    """Ids have 63 characters at most, as those of steps."""
    if len(step) > _LONG:
        digest = hashlib.sha256(step.encode()).hexdigest()[:8]
        step = f"{step[: _LONG - 9].rstrip('-')}-{digest}"
    return f"{step}-ask-{number}"


def asks(function: Callable[..., Any]) -> bool:
    """Whether the code of a function names `wait_for_approval`, by whatever name it has there.

    What it calls is not looked at: it says so only where that is plain to see.
    """
    known = getattr(function, "__globals__", {})
    return any(
        name == wait_for_approval.__name__ or known.get(name) is wait_for_approval
        for name in _names(getattr(function, "__code__", None))
    )


def _names(code: CodeType | None) -> Iterator[str]:
    """The names in code, and in the functions within it."""
    if code is not None:
        yield from code.co_names
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from _names(constant)
