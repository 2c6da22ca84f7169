"""`weft connectors`, as an administrator types them; `docs/connectors.md` has the sunny days."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.cli.conftest import Result, Weft

NOWHERE = "http://127.0.0.1:1"
CONFIG = ("--set", "username=robot", "--set", f"registry={NOWHERE}")


def connectors(weft: Weft, *arguments: object, stdin: str = "") -> Result:
    return weft("connectors", *arguments, stdin=stdin)


def document(done: Result) -> Any:
    assert done.code == 0, done.err
    return json.loads(done.out)


def create(weft: Weft, id_: str, *more: str, stdin: str = "the password\n") -> Result:
    basic = ("--type", "docker", "--auth", "password", *CONFIG)
    return connectors(weft, "create", id_, *basic, *more, stdin=stdin)


def test_a_connector_from_its_first_day_to_its_last(weft: Weft, home: Path) -> None:
    made = create(weft, "hub", "--name", "The hub")
    assert made.code == 0, made.err
    assert "the password" not in made.out + made.err
    assert "weft connectors verify hub" in made.err
    shown = document(connectors(weft, "show", "hub", "-o", "json"))
    assert (shown["secretFields"], shown["config"]["username"]) == (["password"], "robot")
    assert "the password" not in str(shown)
    assert connectors(weft, "list", "-o", "name").out.split() == ["serviceConnectors/hub"]
    (home / "password").write_text("another password\n")
    changed = connectors(
        weft, "update", "hub", "--secret-file", f"password={home / 'password'}", "-o", "yaml"
    )
    assert (changed.code, "another password" in changed.out) == (0, False)
    down = connectors(weft, "verify", "hub")
    assert (down.code, "cannot be reached" in down.err) == (7, True)
    assert connectors(weft, "delete", "hub", "--yes").code == 0
    assert connectors(weft, "show", "hub").code == 5
    assert "weft connectors create" in connectors(weft, "list").err


def test_a_secret_comes_from_a_file_or_standard_input(weft: Weft) -> None:
    made = create(weft, "piped", "--secret-file", "password=-", "-o", "name", stdin="from a pipe")
    assert (made.code, made.out.strip()) == (0, "serviceConnectors/piped")
    absent = create(weft, "absent", "--secret-file", "password=/nowhere")
    assert (absent.code, "cannot be read" in absent.err) == (2, True)
    assert connectors(weft, "delete", "piped", "--yes").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("update", "hub"), 2, "say what changes"),
        (("create", "x", "--type", "docker"), 2, "--auth: password"),
        (("create", "x", "--type", "absent", "--auth", "x"), 5, "connectorTypes/absent"),
        (("create", "x", "--type", "docker", "--set", "nothing"), 2, "is no NAME=VALUE"),
        (("create", "x", "--type", "docker", "--secret-file", "nothing"), 2, "is no NAME=FILE"),
        (("issue", "absent", "--type", "s3-bucket"), 5, "serviceConnectors/absent"),
        (("issue", "absent", "--type", "s3-bucket", "--minutes", "61"), 2, "61"),
        (("resources", "absent", "--type", "s3-bucket"), 5, "serviceConnectors/absent"),
    ],
)
def test_what_is_wrong_is_said(
    weft: Weft, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = connectors(weft, *arguments)
    assert (done.code, told in done.err) == (code, True), done.err


def test_a_property_that_does_not_fit_is_named(weft: Weft) -> None:
    done = create(weft, "odd", "--set", "colour=red")
    assert (done.code, "config.colour" in done.err) == (2, True), done.err
