"""The graph of a pipeline: what makes one sound."""

from collections.abc import Sequence

from meshkit.errors import InvalidArgument

Graph = Sequence[tuple[str, Sequence[str]]]


def check(graph: Graph, *, known: frozenset[str] = frozenset()) -> None:
    """Raises InvalidArgument unless each step has an id of its own and follows its upstream.

    An order in which each step comes after all it depends on is the proof that there is no
    cycle. `known` are steps that exist already.
    """
    seen, all_ids = set(known), {step for step, _ in graph}
    for step, upstream in graph:
        if step in seen:
            raise _broken(step, f"Step {step} is there twice.")
        for other in upstream:
            if other not in seen:
                raise _broken(step, _complaint(step, other, is_later=other in all_ids))
        seen.add(step)


def _complaint(step: str, other: str, *, is_later: bool) -> str:
    if is_later:
        return f"Step {step} depends on {other}, which does not come before it: is it a cycle?"
    return f"Step {step} depends on {other}, which does not exist."


def _broken(step: str, message: str) -> InvalidArgument:
    return InvalidArgument("INVALID_PIPELINE_SPEC", message, metadata={"step": step})
