"""`weft webhooks` against a real mesh, and what it says how to send typed as it is printed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Weft
from weft._contexts import Context


def send(told: str, secret: str, ca: Path) -> subprocess.CompletedProcess[str]:
    """Types what the command says, with the secret."""
    lines = told.partition("in SECRET:\n")[2]
    assert "curl" in lines
    environment = {"PATH": os.environ["PATH"], "SECRET": secret, "CA": str(ca)}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def ca(context: Context, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    file.write_text(context.ca_pem)
    return file


KINDS = {
    "github": (),
    "standard": (),
    "hmac": ("--signature-header", "x-signature"),
    "hmac-timed": ("--signature-header", "x-signature", "--timestamp-header", "x-time"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_said_how_to_send_works_as_it_is_typed(weft: Weft, ca: Path, kind: str) -> None:
    id_ = f"typed-{kind}"
    made = weft("webhooks", "create", id_, "--kind", kind.partition("-")[0], *KINDS[kind])
    assert made.code == 0, made.err
    secret = made.out.strip()
    assert secret.startswith("whsec_")
    assert secret not in made.err
    done = send(made.err, secret, ca)
    assert json.loads(done.stdout)["delivery"].startswith(f"projects/default/webhooks/{id_}/")
    assert json.loads(send(made.err, "whsec_" + "A" * 43 + "=", ca).stdout)["code"] == 16
    (delivery,) = json.loads(weft("webhooks", "deliveries", id_, "-o", "json").out)
    assert delivery["eventType"] == ("push" if kind == "github" else "")
    of_webhook = delivery["name"].split("/", 3)[3].replace("/deliveries/", "/")
    shown = weft("webhooks", "delivery", of_webhook)
    assert json.loads(shown.out) == {"ref": "refs/heads/main"}
    assert weft("webhooks", "redeliver", of_webhook).out == "fired so far: none\n"
    # A new secret; the old one holds for as long as is said.
    rotated = weft("webhooks", "rotate", id_, "--overlap-hours", "0")
    assert json.loads(send(made.err, secret, ca).stdout)["code"] == 16
    assert "delivery" in json.loads(send(rotated.err, rotated.out.strip(), ca).stdout)
    assert weft("webhooks", "delete", id_, "--yes").code == 0


def test_a_webhook_is_shown_changed_and_deleted(weft: Weft, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("correct horse battery\n")
    made = weft(
        "webhooks", "create", "ci", "--kind", "github", "--secret-file", str(file), "-o", "json"
    )
    assert json.loads(made.out)["secret"] == "correct horse battery"
    shown = weft("webhooks", "show", "ci").out
    assert "/v1/projects/default/webhooks/ci:receive" in shown
    assert "correct" not in shown
    changed = weft("webhooks", "update", "ci", "--disable", "--name", "CI")
    assert "disabled" in changed.out
    assert "disabled" not in weft("webhooks", "update", "ci", "--enable").out
    assert weft("webhooks", "delete", "ci", "--yes").out == "ci is deleted\n"
    assert weft("webhooks", "show", "ci").code == 5


@pytest.mark.parametrize("output", ["json", "yaml", "name", "table"])
def test_webhooks_come_in_every_format(output: str, weft: Weft) -> None:
    name = f"as-{output}"
    assert weft("webhooks", "create", name, "--kind", "standard", "-o", output).code == 0
    for command in (["list"], ["show", name], ["deliveries", name]):
        done = weft("webhooks", *command, "-o", output)
        assert done.code == 0, done.err
    assert name in weft("webhooks", "list", "-o", output).out


def test_what_cannot_be_is_said_with_its_exit_code(weft: Weft) -> None:
    create = ("webhooks", "create", "odd", "--kind")
    assert weft(*create, "hmac").code == 2
    assert weft(*create, "github", "--signature-header", "x-sign").code == 2
    assert weft(*create, "github", "--id-header", "x-id").code == 2
    assert weft(*create, "hmac", "--signature-header", "Sign").code == 2
    assert weft("webhooks", "update", "absent").code == 2
    assert weft("webhooks", "update", "absent", "--disable").code == 5
    assert weft("webhooks", "rotate", "absent").code == 5
    assert weft("webhooks", "deliveries", "absent").code == 5
    assert weft("webhooks", "delivery", "absent").code == 2
    assert weft("webhooks", "redeliver", "absent/x").code == 5
    trigger = ("triggers", "create", "odd", "--run", "absent", "--on-webhook", "absent")
    assert weft(*trigger).code == 5
    assert weft(*trigger, "--after-run").code == 2
