"""`weft support bundle` and `weft man`: what others read of a machine, and what people read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Runs, Weft
from weft._contexts import Context, ContextStore, SignIn
from weft.cli._redaction import redacted, redacted_document

SECRETS = {
    "refresh": "refresh-token-of-ada",
    "pat": "weft_pat_abcdefghijklmnop",
    "access": "an-access-token-of-ada",
    "variable": "opensesame-123",
}
# What JSON writes otherwise.
ESCAPED = 'open\\se"same'


def contents(file: Path) -> dict[str, str]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_a_bundle_says_how_things_are(weft: Weft, runs: Runs, tmp_path: Path) -> None:
    file = tmp_path / "bundle.zip"
    made = weft("support", "bundle", "--to", file)
    assert (made.code, made.out) == (0, f"{file}\n")
    assert file.stat().st_mode & 0o077 == 0
    sections = {name: json.loads(text) for name, text in contents(file).items()}
    assert sections["client.json"]["versions"]["weft"]
    assert all(finding["ok"] for finding in sections["doctor.json"])
    assert sections["workspace.json"]["version"]
    # The newest: other tests made some of them.
    newest = json.loads(weft("runs", "list", "-o", "json").out)
    assert {run["name"] for run in sections["runs.json"]} & {run["name"] for run in newest}
    assert "parameters" not in sections["runs.json"][0]
    again = weft("support", "bundle", "--to", file)
    assert again.code == 6


def test_no_secret_is_in_a_bundle_even_where_nothing_answers(offline: Weft, tmp_path: Path) -> None:
    store = ContextStore(tmp_path / "config")
    url = f"https://ada:{SECRETS['variable']}@gateway.example"
    store.put(Context("lab", "127.0.0.1:1", gateway=url, workspace_endpoint="127.0.0.1:1"))
    tokens = {"controlplane": (SECRETS["access"], 9e9)}
    store.sign_in("lab", SignIn(SECRETS["refresh"], SECRETS["pat"], tokens))
    file = tmp_path / "bundle.zip"
    made = offline(
        "support",
        "bundle",
        "--to",
        file,
        WEFT_CONFIG_DIR=str(tmp_path / "config"),
        WEFT_TOKEN=SECRETS["pat"],
        WEFT_SOME_PASSWORD=SECRETS["variable"],
        WEFT_NOTE=f"it is {SECRETS['variable']}",
        WEFT_OTHER_PASSWORD=ESCAPED,
        WEFT_OTHER_NOTE=f"it is {ESCAPED}",
        WEFT_DATABASE_URL="postgresql://db/weft",
    )
    assert made.code == 0, made.err
    found = contents(file)
    for secret in SECRETS.values():
        assert secret not in "".join(found.values())
        assert secret not in made.out + made.err
    environment = json.loads(found["environment.json"])
    assert environment["WEFT_TOKEN"] == environment["WEFT_DATABASE_URL"] == "(set)"
    assert environment["WEFT_OTHER_NOTE"] == "it is ***"
    assert "nothing listens there" in json.loads(found["usage.json"])["error"]
    assert json.loads(found["contexts.json"])[0]["control_plane"] == "127.0.0.1:1"


@pytest.mark.parametrize(
    "secret",
    [
        "weft_key_0123456789",
        "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2ln",
        "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----",
        "known-elsewhere",
    ],
)
def test_what_looks_like_a_secret_is_left_out(secret: str) -> None:
    text = redacted(f'before "{secret}" after', ["known-elsewhere", "", "e"])
    assert text == 'before "***" after'


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("postgresql://ada:pw@db/x", "postgresql://***@db/x"),
        ("postgresql://weft:s3c/ret@db/weft", "postgresql://***@db/weft"),
        ("no 'postgresql://weft:p@ss:w0rd@db' here", "no 'postgresql://***@db' here"),
        ("redis://:hunter22@r/0", "redis://***@r/0"),
        ("postgresql://db/w?user=w&password=p@ss&x=1", "postgresql://db/w?user=w&password=***&x=1"),
        ("host=db password='two words' user=w", "host=db password=*** user=w"),
        ("https://example.org:8080/a?page=2", "https://example.org:8080/a?page=2"),
    ],
)
def test_no_password_of_a_url_is_left(text: str, left: str) -> None:
    assert redacted(text, []) == left
    document = {text: [text, 1, None, True, ValueError(text)]}
    assert redacted_document(document, []) == {left: [left, 1, None, True, left]}


def test_every_command_has_a_manual_page(offline: Weft, tmp_path: Path) -> None:
    written = offline("man", "--to", tmp_path)
    assert written.code == 0
    pages = {file.name: file.read_text() for file in (tmp_path / "man1").iterdir()}
    assert {"weft.1", "weft-runs.1", "weft-runs-list.1", "weft-contexts-use.1"} <= pages.keys()
    assert ".SH EXIT" not in pages["weft-runs-list.1"]
    assert "\\-\\-query" in pages["weft-runs-list.1"]
    assert offline("man", "runs", "list").out == pages["weft-runs-list.1"]
    assert offline("man", "nothing").code == 2


def test_manual_pages_are_formatted_without_a_warning(offline: Weft) -> None:
    if not shutil.which("groff"):
        # Optional where people run the tests; CI installs it.
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("groff is not installed")
    for command in ((), ("runs", "wait"), ("api",), ("completion",), ("login",)):
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-Wall", "-ww"],
            input=offline("man", *command).out,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        assert "WEFT" in done.stdout
