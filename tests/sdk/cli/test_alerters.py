"""`weft alerters` against a real mesh; what alerters tell is tried elsewhere, as is the page."""

from __future__ import annotations

import json

import pytest

from tests.sdk.cli.conftest import Weft

# Nobody listens there.
URL = "http://127.0.0.1:9/hooks/S3CRET-PATH"


def test_an_alerter_is_made_shown_changed_and_deleted(weft: Weft) -> None:
    made = weft(
        "alerters", "create", "ops", "--url", URL, "--on", "run.failed", "--on", "run.waiting",
        "--only", 'pipeline="train"', "--name", "Operations", "-o", "json",
    )  # fmt: skip
    assert made.code == 0, made.err
    alerter = json.loads(made.out)
    assert alerter["types"] == ["run.failed", "run.waiting"]
    assert alerter["kind"] == "ALERTER_KIND_WEBHOOK"
    shown = weft("alerters", "show", "ops").out
    assert "http://127.0.0.1:9" in shown
    assert "S3CRET" not in shown + made.out
    secret = weft("alerters", "rotate-secret", "ops").out.strip()
    assert secret.startswith("whsec_")
    rotated = weft("alerters", "rotate-secret", "ops", "--keep-old", "1", "-o", "json")
    assert json.loads(rotated.out)["secret"] != secret
    assert "signs until" in weft("alerters", "show", "ops").out
    assert json.loads(weft("alerters", "pause", "ops", "-o", "json").out)["paused"] is True
    assert "paused" in weft("alerters", "list").out
    assert json.loads(weft("alerters", "resume", "ops", "-o", "json").out)["paused"] is False
    changed = weft("alerters", "update", "ops", "--on", "run.alert", "--only", "")
    assert "run.alert" in changed.out
    assert "pipeline" not in changed.out
    tested = weft("alerters", "test", "ops")
    assert tested.code == 1
    assert "cannot be reached" in tested.out
    assert weft("alerters", "delete", "ops", "--yes").code == 0
    assert weft("alerters", "show", "ops").code == 5


@pytest.mark.parametrize("output", ["json", "yaml", "name", "table"])
def test_alerters_come_in_every_format(output: str, weft: Weft) -> None:
    name = f"as-{output}"
    made = weft("alerters", "create", name, "--url", URL, "--on", "run.stopped", "--kind", "slack")
    assert made.code == 0, made.err
    commands = (["list"], ["show", name], ["deliveries"], ["deliveries", name, "--attempts"])
    for command in commands:
        done = weft("alerters", *command, "-o", output)
        assert done.code == 0, done.err
    assert name in weft("alerters", "list", "-o", output).out


def test_what_cannot_be_is_said_with_its_exit_code(weft: Weft) -> None:
    create = ("alerters", "create", "odd", "--on")
    assert weft(*create, "run.exploded", "--url", URL).code == 2
    assert weft(*create, "run.failed", "--url", "http://example.com/").code == 2
    assert weft("alerters", "create", "odd", "--url", URL).code == 2
    assert weft("alerters", "update", "absent").code == 2
    for command in ("pause", "test", "rotate-secret", "deliveries"):
        assert weft("alerters", command, "absent").code == 5
    absent = "0190a5c2-0000-7000-8000-000000000000"
    assert weft("alerters", "redeliver", "absent", absent).code == 5
