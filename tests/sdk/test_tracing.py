"""A pipeline function becomes a graph; what cannot become one says why."""

# ruff: noqa: FBT001 - parameters of pipelines under test

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft import Handle, pipeline, step
from weft._graph import Collection, Constant, FromStep
from weft._ids import resource_id
from weft.errors import (
    ArgumentError,
    ConstantError,
    CycleError,
    HandleUsedAsValueError,
    OutputError,
    TracingError,
)


class Split(NamedTuple):
    train: list[int]
    test: list[int]


@dataclass
class Report:
    score: float
    text: str


@step
def load(rows: int = 3) -> list[int]:
    return list(range(rows))


@step
def split(data: list[int]) -> Split:
    return Split(data[:-1], data[-1:])


@step
def pair() -> tuple[Annotated[int, "low"], Annotated[int, "high"]]:
    return 1, 2


@step
def add(a: int, b: int) -> int:
    return a + b


@step
def report(score: float) -> Report:
    return Report(score, "fine")


def graph_of(function: Any, **parameters: Any) -> Any:
    return pipeline(function).trace(parameters)


def test_outside_a_pipeline_a_step_is_its_function() -> None:
    assert add(1, 2) == 3
    assert load() == [0, 1, 2]


def test_the_plain_function_of_a_pipeline_runs_in_a_unit_test() -> None:
    @pipeline
    def whole(rows: int) -> Split:
        return split(load(rows))

    assert whole.function(3) == Split([0, 1], [2])


def test_calls_become_nodes_and_results_become_edges() -> None:
    def whole(rows: int) -> int:
        low, high = pair()
        return add(low, b=high)

    graph = graph_of(whole, rows=2)
    assert list(graph.nodes) == ["pair", "add"]
    assert graph.nodes["add"].inputs == {
        "a": FromStep("pair", "low"),
        "b": FromStep("pair", "high"),
    }
    assert graph.result == FromStep("add", None)
    assert graph.parameters == {"rows": 2}


def test_outputs_are_selected_by_name_index_and_unpacking() -> None:
    def whole() -> Any:
        parts: Any = split(load())
        first, _ = parts
        return [parts.train, parts["test"], parts[-1], first, report(1.0).score]

    kind = graph_of(whole).result
    assert isinstance(kind, Collection)
    assert [item for _, item in kind.items] == [
        FromStep("split", "train"),
        FromStep("split", "test"),
        FromStep("split", "test"),
        FromStep("split", "train"),
        FromStep("report", "score"),
    ]


def test_repeated_calls_get_ids_of_their_own() -> None:
    def whole() -> None:
        for _ in range(3):
            load()

    assert list(graph_of(whole).nodes) == ["load", "load-2", "load-3"]


def test_ids_never_meet_the_items_of_a_fan_out() -> None:
    def whole() -> None:
        load.map([1, 2, 3])
        load(4)
        load(5)

    ids = list(graph_of(whole).nodes)
    assert len(set(ids)) == 3
    assert not [i for i in ids[1:] if i.removeprefix("load-").isdigit()]


def test_a_fan_out_never_takes_the_ids_of_nodes_before_it() -> None:
    def whole() -> None:
        load(1)
        add.with_options(name="load_2_0")(1, 2)
        load.map([1, 2])

    ids = list(graph_of(whole).nodes)
    assert f"{ids[2]}-0" not in ids


def test_handles_inside_lists_and_dicts_are_found() -> None:
    @step
    def gather(parts: Any) -> int:
        return len(parts)

    def whole() -> int:
        return gather({"a": [load(), 7], "b": (load(),)})

    node = graph_of(whole).nodes["gather"]
    assert node.upstream == ("load", "load-2")
    assert Constant(7) in [item for _, item in node.inputs["parts"].items[0][1].items]


def test_plain_python_over_parameters_shapes_the_graph() -> None:
    def whole(deep: bool, rounds: int) -> None:
        for _ in range(rounds):
            load()
        if deep:
            add(1, 2)

    assert list(graph_of(whole, deep=False, rounds=2).nodes) == ["load", "load-2"]
    assert "add" in graph_of(whole, deep=True, rounds=0).nodes


def test_another_pipeline_is_added_by_its_function() -> None:
    @pipeline
    def inner(rows: int) -> list[int]:
        return load(rows)

    def outer() -> Any:
        return split(inner.function(2))

    assert list(graph_of(outer).nodes) == ["load", "split"]
    with pytest.raises(TracingError, match=r"inner\.function"):
        graph_of(lambda: inner(2))


def test_an_async_pipeline_awaits_its_steps() -> None:
    @step
    async def fetch(n: int) -> int:
        return n

    async def whole() -> Any:
        a = await fetch(1)
        b, c = await asyncio.gather(fetch(2), fetch(3))
        return add(a, b), c

    assert list(graph_of(whole).nodes) == ["fetch", "fetch-2", "fetch-3", "add"]


def test_after_orders_steps_without_data() -> None:
    def whole() -> None:
        first = load()
        add.after(first)(1, 2)
        pair.submit().after(first)

    graph = graph_of(whole)
    assert graph.nodes["add"].upstream == ("load",)
    assert graph.nodes["pair"].upstream == ("load",)


def test_a_circle_is_shown() -> None:
    def whole() -> None:
        first = load.submit()
        second = split.submit(first)
        first.after(second)

    with pytest.raises(CycleError, match=r"load -> split -> load|split -> load -> split"):
        graph_of(whole)


@pytest.mark.parametrize(
    "use",
    [
        bool,
        len,
        int,
        float,
        str,
        list,
        lambda h: h.result(),
        lambda h: h + 1,
        lambda h: 1 - h,
        lambda h: h == 1,
        lambda h: h < 1,
        lambda h: 1 in h,
        lambda h: f"{h}",
        lambda h: h[0],
        lambda h: h(),
        lambda h: h.missing,
        lambda h: [0][h],
        lambda h: -h,
    ],
)
def test_a_graph_is_drawn_up_to_where_a_result_is_looked_at(use: Any) -> None:
    def whole() -> None:
        use(load())
        split([1])

    graph = graph_of(whole)
    assert list(graph.nodes) == ["load"]
    assert "the result of step load was" in graph.opened
    assert "test_tracing.py:" in graph.opened


def test_a_graph_that_was_drawn_to_its_end_was_not_looked_at() -> None:
    graph = graph_of(lambda: load(2))
    assert (graph.author, graph.opened) == (None, "")


def test_a_look_that_is_caught_still_ends_the_drawing() -> None:
    def whole() -> None:
        try:
            bool(load())
        except HandleUsedAsValueError as error:
            raise ValueError("only when drawn") from error

    assert graph_of(whole).author is not None


def test_an_unknown_output_of_several_is_named() -> None:
    with pytest.raises(TracingError, match="no output 'middle'; it has low, high"):
        graph_of(lambda: pair().middle)  # type: ignore[attr-defined]


@pytest.mark.parametrize("call", [lambda: add(1), lambda: add(1, 2, 3), lambda: add(1, c=2)])
def test_wrong_arguments_name_the_step_and_the_place(call: Any) -> None:
    with pytest.raises(ArgumentError, match=r"add\(a: 'int'.* at test_tracing\.py:\d+: "):
        graph_of(call)


def test_a_constant_that_cannot_be_stored_names_the_argument() -> None:
    with pytest.raises(
        ConstantError, match=r"load\(rows=\.\.\.\) at test_tracing.*builtins.object"
    ):
        graph_of(lambda: load(object()))  # type: ignore[arg-type]


def test_a_handle_of_another_pipeline_is_refused() -> None:
    kept: list[Any] = []
    graph_of(lambda: kept.append(load()))
    with pytest.raises(TracingError, match="another pipeline"):
        graph_of(lambda: split(kept[0]))


def test_a_pipeline_without_steps_is_refused() -> None:
    with pytest.raises(TracingError, match="calls no step"):
        graph_of(lambda: None)


def test_map_and_submit_only_work_inside() -> None:
    with pytest.raises(TracingError, match="inside a @pipeline"):
        load.submit(1)
    with pytest.raises(TracingError, match="inside a @pipeline"):
        load.map([1])


def test_map_needs_lists_for_the_first_arguments() -> None:
    with pytest.raises(ArgumentError, match="lists for the first arguments"):
        graph_of(lambda: add.map(b=1))


def test_output_names_must_fit_the_annotation() -> None:
    with pytest.raises(OutputError, match="has 2: low, high"):
        step(outputs=["one"])(pair.definition.function)
    named = step(outputs=["first", "second"])(pair.definition.function)
    assert named.definition.outputs.names == ("first", "second")


def test_a_handle_shows_itself() -> None:
    def whole() -> None:
        handle = pair.submit()
        assert isinstance(handle, Handle)
        assert repr(handle.low) == "<result of step pair.low>"

    graph_of(whole)


@given(st.text())
def test_every_name_gives_a_resource_id(name: str) -> None:
    import re

    assert re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", resource_id(name))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_graphs_run_in_an_order_that_respects_edges(edges: list[tuple[int, int]]) -> None:
    def whole() -> None:
        handles = [load.submit() for _ in range(10)]
        for low, high in edges:
            if low < high:
                handles[high].after(handles[low])

    graph = graph_of(whole)
    order = [node.id for node in graph.in_order()]
    assert sorted(order) == sorted(graph.nodes)
    for node in graph.nodes.values():
        assert all(order.index(up) < order.index(node.id) for up in node.upstream)
