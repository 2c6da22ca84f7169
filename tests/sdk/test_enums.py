"""What a newer server says with values that this version does not know."""

import ast
from pathlib import Path

from weft._enums import word
from weft._wire import read_failure
from weft.cli._runview import run_state, step_state
from weftapi.workspace.v1 import run_types_pb2

_SOURCES = Path(__file__).parents[2] / "sdk" / "weft"


def test_a_value_has_its_name_without_the_prefix() -> None:
    assert word(run_types_pb2.RunState, run_types_pb2.RUN_STATE_RUNNING) == "RUNNING"
    assert word(run_types_pb2.RunState, 0) == "UNSPECIFIED"


def test_a_value_of_a_newer_server_stands_for_itself() -> None:
    assert run_state(run_types_pb2.Run(state=99)) == "99"  # type: ignore[arg-type]
    assert step_state(run_types_pb2.Step(state=99)) == "99"  # type: ignore[arg-type]
    assert read_failure(run_types_pb2.Failure(kind=99)).kind == "99"  # type: ignore[arg-type]


def test_nothing_asks_for_the_name_of_a_value_but_here() -> None:
    """`Name` raises for a number that it does not know: a command would end in a traceback."""
    asking = {
        path.name
        for path in _SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "Name"
    }
    assert asking == {"_enums.py"}
