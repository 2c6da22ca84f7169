"""How often a step is tried again, and how long it may take: as its users set it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import run_types_pb2, snapshot_types_pb2, step_settings_pb2

# Named as in `@step`; all but the retries are seconds.
Limits = dict[str, float]
_Time = Literal["timeout", "queue_timeout", "deadline"]
_TIMES: tuple[_Time, ...] = get_args(_Time)


def limits_in(connection: Connection, step: run_types_pb2.Step) -> Limits:
    """The limits of a step in its run: those of its snapshot, and what the run says otherwise.

    None are known of a run whose snapshot the caller may not see, or that has none.
    """
    from weft.cli._run_calls import connect, get_run
    from weft.cli._run_facts import snapshot_of

    run = get_run(connection, connect()[1], step.name.partition("/steps/")[0])
    id_ = step.map_group or step.step_id
    snapshot = snapshot_of(connection, run)
    specs = [spec for spec in snapshot.spec.steps if spec.id == id_] if snapshot else []
    said = [run.step_settings[id_]] if id_ in run.step_settings else []
    return _merged([*specs, *said])


def fields_of(limits: Limits) -> list[tuple[str, str]]:
    """The limits as labelled values: ("deadline", "7200 s")."""
    return [
        (name.removesuffix("_s").replace("_", " "), f"{n:g} s" if name.endswith("_s") else f"{n:g}")
        for name, n in limits.items()
    ]


def _merged(
    said: Iterable[snapshot_types_pb2.StepSpec | step_settings_pb2.StepSettings],
) -> Limits:
    found: dict[str, Any] = {}
    for each in said:
        if each.HasField("retry"):
            found["retries"] = each.retry.max_retry_count
        for name in _TIMES:
            if each.HasField(name):
                found[f"{name}_s"] = getattr(each, name).ToNanoseconds() / 1e9
    return {name: n for name, n in found.items() if n}
