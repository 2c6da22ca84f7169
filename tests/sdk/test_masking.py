"""What steps read of secrets is in no log, no terminal and no failure; and references."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft import _secrets, secret, step
from weft._attempt import Attempt, FailedAttempt, Succeeded
from weft._capture import Capture, router
from weft._context import StepContext
from weft._graph import Constant
from weft._masking import MASK, Masker, masker
from weft._records import LogLine
from weft._store import open_store
from weft.errors import SecretError

VALUES = {"hf": {"token": "hunter2-canary", "pem": "-----BEGIN\nfirst-line\nlast-line\n"}}


@given(st.text(min_size=4).map(str.strip).filter(lambda t: len(t) >= 4), st.text(), st.text())
def test_a_hidden_value_is_nowhere(value: str, before: str, after: str) -> None:
    own = Masker()
    own.hide([value])
    assert value not in own.mask(before + value + after).replace(MASK, "\0")


def test_values_of_several_lines_are_hidden_line_by_line() -> None:
    own = Masker()
    own.hide(["-----BEGIN\nabcdef\n", "abc"])
    assert own.mask("got abcdef and abc") == f"got {MASK} and abc"
    assert own.mask("nothing") == "nothing"


def test_of_two_values_the_longer_one_is_hidden_whole() -> None:
    own = Masker()
    own.hide(["secret"])
    own.hide(["secret-and-more"])
    assert own.mask("a secret-and-more b") == f"a {MASK} b"


@step(secrets=["hf"])
def careless(word: str) -> str:
    token = secret("hf.token")
    print("token", token)  # noqa: T201 - what careless steps do
    print("x" * 20_000 + token)  # noqa: T201 - likewise
    if word == "fail":
        raise ValueError(f"refused {token}")
    return word


@step(secrets=["hf"])
def greedy() -> None:
    secret("other.token")


def _run(definition, **arguments: str):
    """The result, and the lines that the step wrote."""
    lines: list[LogLine] = []
    context = StepContext("p", "q", "r", "s", 1, None, None)  # type: ignore[arg-type]
    bound = {name: Constant(value) for name, value in arguments.items()}
    _secrets.hide(VALUES)
    attempt = Attempt(
        definition, bound, context, open_store("/nonexistent/store"), False, secrets=VALUES
    )
    with router.installed(), router.routed(Capture(lines.extend, echo=True)):
        result = attempt.execute()
    return result, "".join(line.message for line in lines)


def test_what_a_step_prints_of_a_secret_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    result, written = _run(careless.definition, word="ok")
    assert isinstance(result, Succeeded)
    assert f"token {MASK}" in written
    assert "canary" not in written
    assert "canary" not in capsys.readouterr().out


def test_a_failure_holds_no_value() -> None:
    result, _ = _run(careless.definition, word="fail")
    assert isinstance(result, FailedAttempt)
    assert result.failure.message == f"refused {MASK}"
    assert "canary" not in str(result.failure)


def test_a_secret_that_the_step_does_not_name_is_refused() -> None:
    result, _ = _run(greedy.definition)
    assert isinstance(result, FailedAttempt)
    assert not result.is_retryable
    assert '@step(secrets=["other"])' in result.failure.message


def test_references_in_plain_arguments_are_replaced() -> None:
    value = {"a": ["x {{secrets.hf.token}}", 1], "b": "{{ secrets.hf.token }}{{other}}"}
    assert _secrets.resolved(value, VALUES) == {
        "a": ["x hunter2-canary", 1],
        "b": "hunter2-canary{{other}}",
    }
    with pytest.raises(SecretError, match="has no key nothing; it has pem, token"):
        _secrets.resolved("{{secrets.hf.nothing}}", VALUES)


def test_references_name_secrets_as_options_do() -> None:
    arguments = {"a": Constant(["{{secrets.one.k}}"]), "b": Constant({"x": "{{secrets.two.k}}"})}
    definition = careless.with_options(environment={"K": "{{secrets.three.k}}"}).definition
    assert _secrets.needed(definition, arguments) == {"hf", "one", "two", "three"}


@pytest.mark.parametrize("name", ["hf", ".token", "hf.", ""])
def test_a_name_has_an_id_and_a_key(name: str) -> None:
    with pytest.raises(SecretError, match=r"<id>\.<key>"):
        secret(name)


def test_the_masker_of_the_process_is_the_one_that_captures_use() -> None:
    masker.hide(["something-else-hidden"])
    assert masker.mask("something-else-hidden") == MASK
