"""`weft secrets`, against a real mesh."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from tests.sdk.cli.conftest import Weft


@pytest.fixture
def secret(weft: Weft) -> str:
    """A secret with the values a=1111 and b=2222."""
    id_ = f"s-{uuid4().hex[:8]}"
    made = weft("secrets", "create", id_, "--value", "a=1111", "--value", "b=2222")
    assert made.code == 0, made.err
    assert "1111" not in made.out
    return id_


def values(weft: Weft, secret: str) -> dict[str, str]:
    found = weft("secrets", "access", secret, "-o", "json")
    assert found.code == 0, found.err
    return json.loads(found.out)


def test_values_come_from_prompts_pipes_and_files(weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "pem").write_text("-----BEGIN\nline\n")
    (tmp_path / "env").write_text("# of mine\nUSER=anna\n\nURL=a=b\n")
    made = weft(
        "secrets",
        "create",
        "everything",
        *("--file", f"pem={tmp_path / 'pem'}", "--env-file", tmp_path / "env", "--key", "typed"),
        stdin="from the terminal\n",
    )
    assert made.code == 0, made.err
    assert values(weft, "everything") == {
        "pem": "-----BEGIN\nline\n",
        "USER": "anna",
        "URL": "a=b",
        "typed": "from the terminal",
    }
    piped = weft("secrets", "create", "piped", "--stdin", "blob", stdin="two\nlines\n")
    assert piped.code == 0, piped.err
    assert values(weft, "piped") == {"blob": "two\nlines"}


def test_one_value_is_printed_alone(weft: Weft, secret: str) -> None:
    assert weft("secrets", "access", secret, "a").out == "1111\n"
    assert weft("secrets", "access", secret, "-o", "name").out == "a\nb\n"
    absent = weft("secrets", "access", secret, "c")
    assert absent.code != 0
    assert "it has a, b" in absent.err
    assert "1111" not in absent.err


def test_an_update_changes_what_it_names(weft: Weft, secret: str) -> None:
    done = weft("secrets", "update", secret, "--value", "c=3333", "--remove", "a")
    assert done.code == 0, done.err
    assert values(weft, secret) == {"b": "2222", "c": "3333"}
    assert weft("secrets", "update", secret, "--description", "mine").code == 0
    assert "mine" in weft("secrets", "show", secret).out
    nothing = weft("secrets", "update", secret)
    assert (nothing.code, "nothing to change" in nothing.err) == (2, True)


def test_secrets_are_listed_and_deleted(weft: Weft, secret: str) -> None:
    listed = weft("secrets", "list", "-o", "name").out.split()
    assert f"secrets/{secret}" in listed
    assert "1111" not in weft("secrets", "list", "-o", "json").out
    assert weft("secrets", "delete", secret, stdin="n\n").code != 0
    assert weft("secrets", "delete", secret, "--yes").code == 0
    assert weft("secrets", "show", secret).code != 0


def test_a_value_that_is_given_wrongly_is_not_repeated(weft: Weft, tmp_path: Path) -> None:
    bad = weft("secrets", "create", "x", "--value", "canary-without-equals")
    assert bad.code == 2
    assert "canary" not in bad.err
    empty = weft("secrets", "create", "x")
    assert (empty.code, "--key" in empty.err) == (2, True)
    missing = weft("secrets", "create", "x", "--file", f"k={tmp_path / 'absent'}")
    assert missing.code == 2


def test_the_store_is_shown_and_moved(weft: Weft, secret: str, tmp_path: Path) -> None:
    shown = json.loads(weft("secrets", "store", "show", "-o", "json").out)
    assert "database" in shown["backend"]
    file = tmp_path / "vault.yaml"
    file.write_text("vault:\n  address: http://127.0.0.1:1\n  token: canary\n")
    down = weft("secrets", "store", "migrate", file)
    assert down.code != 0
    assert "canary" not in down.err
    assert "is down" in down.err
    moved = weft("secrets", "store", "migrate", "database")
    assert moved.code == 0, moved.err
    assert values(weft, secret) == {"a": "1111", "b": "2222"}
    file.write_text("abacus: {token: canary}\n")
    unknown = weft("secrets", "store", "set", file)
    assert unknown.code == 2
    assert "canary" not in unknown.err
    assert weft("secrets", "store", "set").code == 2
    assert weft("secrets", "store", "set", "--backup", "none").code == 0


def test_keys_are_rotated(weft: Weft, secret: str) -> None:
    begun = weft("secrets", "rotate-key")
    assert begun.code == 0, begun.err
    assert "being replaced" in begun.out
    again = weft("secrets", "rotate-key")
    assert again.code != 0
    assert "encrypted anew" in again.err
    wrapping = weft("secrets", "rotate-key", "--wrapping", "-o", "json")
    assert json.loads(wrapping.out)["keys"]["wrappingKey"].startswith("k-")
    assert values(weft, secret) == {"a": "1111", "b": "2222"}
