"""What notebooks show: everything that matters, inert whatever names and values say."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.sdk.test_pytest_plugin import adding, dividing, load
from weft import Artifact, StepRun, StepState, pipeline, step
from weft._html_graph import Shown, svg
from weft._models import ModelVersion
from weft._records import ArtifactVersion, Failure
from weft._run import Run
from weft._states import RunState
from weft.testing import LocalWeft
from weftapi.workspace.v1 import model_types_pb2

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(1)>\" style='x' \u202e\x1b[2J&"
TAGS = frozenset(
    """
    div b span table tr th td code pre details summary svg g title rect text path
    """.split()  # noqa: SIM905
)
ATTRIBUTES = frozenset(
    """
    style scope xmlns role aria-label width height viewbox font-family font-size x y rx
    fill fill-opacity stroke stroke-width text-anchor d
    """.split()  # noqa: SIM905
)
EMPTY = frozenset({"rect", "path"})


class Reader(HTMLParser):
    """Reads a page, and fails where it holds anything that could do something."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        assert {name for name, _ in attrs} <= ATTRIBUTES
        assert not any("url(" in (value or "") for name, value in attrs if name == "style")
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def read(page: str) -> str:
    """What a page says, once nothing in it is dangerous."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    assert not re.search("[\u202e\x1b\x00]", page)
    return " ".join(reader.said)


def version(name: str) -> ArtifactVersion:
    facts: dict[str, Any] = {name: [name]}
    known: dict[str, Any] = {"schema": facts, "statistics": facts, "producer_run": name}
    return ArtifactVersion(name, name, name, name, name, name, name, 1500, **known)


def hostile_run(name: str) -> Run[Any]:
    failure = Failure("USER", "EXCEPTION", name, name, name, name, name, name)
    outputs = {name: Artifact[Any](version(name))}
    failed = StepRun(name, StepState.FAILED, 1, outputs, failure, None, {name: name})
    other = StepRun("other", StepState.SKIPPED, 0, {}, items=(failed,))
    upstream = {"other": (name, "unknown")}
    steps = {name: failed, "other": other}
    nothing: dict[str, Any] = {"result": None, "store": None, "allow_pickle": False}
    return Run(name, name, RunState.FAILED, steps, failure=failure, upstream=upstream, **nothing)


@settings(max_examples=20)
@given(st.text(min_size=1))
@example(HOSTILE)
def test_pages_are_inert_whatever_they_say(name: str) -> None:
    message = model_types_pb2.ModelVersion(name=name.encode(errors="replace").decode())
    message.metadata[message.name] = message.name
    run = hostile_run(name)
    pages = [
        run._repr_html_(),
        *(one._repr_html_() for one in run.steps.values()),
        Artifact[Any](version(name))._repr_html_(),
        ModelVersion(None, message)._repr_html_(),  # type: ignore[arg-type]
        svg({name: Shown(name, (), name), "x": Shown(name, (name,))}),
    ]
    for page in pages:
        read(page)


def test_a_run_shows_its_graph_and_steps(weft_local: LocalWeft) -> None:
    run = weft_local.run(adding).run
    said = read(run._repr_html_())
    assert run.name in said
    assert "✓ load" in said
    assert "SUCCEEDED" in said
    assert repr(run) == f"<run {run.name} SUCCEEDED>"
    assert "SUCCEEDED" in read(run.steps["load"]._repr_html_())
    artifact = run.steps["load"].outputs["output"]
    assert "load.output" in read(artifact._repr_html_())


def test_a_failed_run_shows_why(weft_local: LocalWeft) -> None:
    said = read(weft_local.try_run(dividing)._repr_html_())
    assert "ZeroDivisionError: division by zero" in said
    assert "return 1 / number" in said


def test_pipelines_and_steps_are_shown_before_they_run(weft_local: LocalWeft) -> None:
    said = read(adding._repr_html_())
    assert "pipeline adding" in re.sub(r"\s+", " ", said)
    assert "load" in said
    assert "rows" in said
    assert "(rows: int)" in read(load._repr_html_()).replace("'", "")
    assert weft_local.records == []


def test_a_pipeline_that_needs_values_shows_its_parameters() -> None:
    @pipeline
    def needy(rows: int) -> list[int]:
        return load(rows)

    assert "rows" in read(needy._repr_html_())


def test_a_fan_out_counts_its_items(weft_local: LocalWeft) -> None:
    @step
    def double(number: int) -> int:
        return 2 * number

    @pipeline
    def many() -> list[int]:
        return double.map([1, 2, 3])

    assert "double \u00d73" in read(weft_local.run(many)._repr_html_())
    assert "double \u00d7n" in read(many._repr_html_())


@pytest.mark.parametrize("count", [0, 301])
def test_what_nobody_could_look_at_is_not_drawn(count: int) -> None:
    assert svg({str(n): Shown(str(n)) for n in range(count)}) == ""


def test_edges_over_several_columns_pass_beside_the_nodes_between() -> None:
    nodes = {"a": Shown("a"), "b": Shown("b", ("a",)), "c": Shown("c", ("a", "b"))}
    drawn = svg(nodes)
    tops = [float(y) for y in re.findall(r'<rect x="[\d.]+" y="([\d.]+)"', drawn)]
    # Two places in the second column: "b", and the way from "a" to "c".
    assert len(tops) == 3
    assert len(re.findall('stroke-width="1.4"', drawn)) == 4
    assert float(re.search(r'height="(\d+)"', drawn)[1]) > 70
