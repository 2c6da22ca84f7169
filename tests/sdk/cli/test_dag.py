"""Graphs in a terminal, and in the languages of those who draw better."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sdk.cli.conftest import Runs, Weft
from weft.cli._drawing import Drawing

SPLIT = [("load", "train"), ("load", "profile"), ("train", "evaluate")]


def drawing(nodes: str, edges: list[tuple[str, str]]) -> Drawing:
    return Drawing({node: node for node in nodes.split()}, edges)


def test_a_graph_is_drawn_from_left_to_right() -> None:
    assert drawing("load train profile evaluate", SPLIT).text(80) == [
        "load ──┬─► train ────► evaluate",
        "       └─► profile",
    ]


def test_edges_over_several_columns_pass_by() -> None:
    chain = [("a", "b"), ("b", "c"), ("a", "c")]
    assert drawing("a b c", chain).text(80) == ["a ──┬─► b ──┬─► c", "    └───────┘"]


def test_ascii_is_drawn_without_box_characters() -> None:
    lines = drawing("load train profile evaluate", SPLIT).text(80, is_ascii=True)
    assert lines == ["load --+-> train ----> evaluate", "       +-> profile"]


def test_what_is_too_wide_is_listed() -> None:
    wide = drawing("load train profile evaluate", SPLIT)
    assert wide.text(20) is None
    assert wide.indented() == [
        "load",
        "  train  after load",
        "  profile  after load",
        "    evaluate  after train",
    ]


def test_names_do_not_leave_their_place() -> None:
    hostile = Drawing({'a"]\n  x --> y\x1b[2J': 'a"] <script>\x1b[2J'}, [])
    assert hostile.mermaid() == 'graph LR\n  n0["a#34;#93; #60;script#62;"]'
    assert "\x1b" not in hostile.dot()
    assert hostile.dot().count("\n") == 3
    quoted = Drawing({"a\\": 'say "a"'}, []).dot().splitlines()[2]
    assert quoted == '  "a\\\\" [label="say \\"a\\""]'


@st.composite
def graphs(draw: st.DrawFn) -> Drawing:
    """Any graph without circles: edges lead from earlier nodes to later ones."""
    nodes = [f"n{number}" for number in range(draw(st.integers(1, 9)))]
    pairs = [(a, b) for i, a in enumerate(nodes) for b in nodes[i + 1 :]]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=14)) if pairs else []
    return Drawing({node: node for node in nodes}, sorted(edges))


@settings(max_examples=60)
@given(graphs())
def test_every_node_is_drawn_once_and_entered_by_an_arrow(graph: Drawing) -> None:
    text = "\n".join(graph.text(1000) or [])
    assert all(text.count(node) == 1 for node in graph.labels)
    entered = {target for _, target in graph.edges}
    assert all((f"► {node}" in text) == (node in entered) for node in graph.labels)


def test_a_file_is_drawn_before_anything_runs(offline: Weft, train_file: Path) -> None:
    drawn = offline("dag", f"{train_file}::teach")
    assert (drawn.code, drawn.out) == (0, "  load ──► train\n")
    assert "n0 --> n1" in offline("dag", f"{train_file}::teach", "-o", "mermaid").out
    assert '"load" -> "train"' in offline("dag", f"{train_file}::teach", "-o", "dot").out
    assert offline("dag", f"{train_file}::wide", "--ascii").out == "  load --> square[]\n"
    document = json.loads(offline("dag", f"{train_file}::wide", "-o", "json").out)
    assert [(s["id"], s["mapOver"]) for s in document["steps"]] == [
        ("load", []),
        ("square", ["item"]),
    ]


def test_the_limits_of_steps_are_told(offline: Weft, tmp_path: Path) -> None:
    file = tmp_path / "limited.py"
    file.write_text(
        "from weft import pipeline, step\n"
        "@step\ndef load() -> int: return 1\n"
        "@step(retries=3, timeout_s=90, queue_timeout_s=0.5, deadline_s=3600)\n"
        "def train(rows: int) -> int: return rows\n"
        "@pipeline\ndef whole() -> int:\n    return train(load())\n"
    )
    told = (
        "  train: 4 attempts at most, 90 s an attempt, 0.5 s until it begins, 3600 s altogether\n"
    )
    assert offline("dag", str(file)).out == "  load ──► train\n" + told
    [load, train] = json.loads(offline("dag", str(file), "-o", "json").out)["steps"]
    limits = {"retries": 3, "timeout": "90s", "queueTimeout": "0.5s", "deadline": "3600s"}
    assert (train.items() >= limits.items(), load.keys() & limits.keys()) == (True, set())


def test_a_pipeline_that_looks_at_results_is_drawn_up_to_there(
    offline: Weft, tmp_path: Path
) -> None:
    file = tmp_path / "looking.py"
    file.write_text(
        "from weft import pipeline, step\n"
        "@step\ndef load() -> int: return 1\n"
        "@pipeline\ndef whole() -> int:\n    return load() + 1\n"
    )
    drawn = offline("dag", str(file))
    assert (drawn.code, drawn.out) == (0, "  load\n")
    assert "the result of step load was used in an expression at looking.py:6" in drawn.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rows", "many"], "rows"),
        (["--colour", "red"], "colour"),
        (["extra"], "'extra' is not an option"),
    ],
)
def test_a_wrong_parameter_is_refused(
    offline: Weft, train_file: Path, arguments: list[str], words: str
) -> None:
    refused = offline("dag", f"{train_file}::teach", *arguments)
    assert refused.code == 2
    assert words in refused.err


def test_a_run_is_drawn_with_its_states(weft: Weft, runs: Runs) -> None:
    drawn = weft("runs", "dag", runs.bad).out
    assert "✓ load succeeded ──► ✗ train failed" in drawn
    assert "load.output → " in drawn
    assert 'n1["✗ train failed"]' not in weft("runs", "dag", runs.bad, "-o", "dot").out
    assert "n0 --> n1" in weft("runs", "dag", runs.bad, "-o", "mermaid").out
    assert json.loads(weft("runs", "dag", runs.bad, "-o", "json").out)["edges"]
