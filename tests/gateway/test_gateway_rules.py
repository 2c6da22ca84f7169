"""The rules and their tests are the same set (rulings.md 31); the toy matches its source."""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
RULES = set(range(1, 68))


def marks() -> Iterator[tuple[int, bool]]:
    """The rule and the kind of each mark in the gateway's tests."""
    for file in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for decorator in node.decorator_list:
                    if ast.unparse(decorator).startswith("pytest.mark.rule("):
                        call = decorator
                        assert isinstance(call, ast.Call)
                        number = ast.literal_eval(call.args[0])
                        yield number, any(keyword.arg == "refuses" for keyword in call.keywords)


def test_every_rule_has_a_test_and_a_refusal() -> None:
    found = list(marks())
    assert {number for number, _ in found} == RULES
    assert RULES - {number for number, refuses in found if refuses} == set()


def test_the_toys_descriptors_are_those_of_its_source() -> None:
    digest = hashlib.sha256((HERE / "toy.proto").read_bytes()).hexdigest()
    kept = (HERE / "toy.proto.sha256").read_text(encoding="utf-8").strip()
    assert digest == kept, "run .venv-protos/bin/python tests/gateway/generate.py"
