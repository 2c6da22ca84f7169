"""`weft login`, `ctx`, `doctor`, `artifacts`, `sync` and `logout` against a real mesh."""

from __future__ import annotations

import hashlib
import json
import re
import ssl
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Runs, Weft
from weft._connection import Connection
from weft._contexts import Context, ContextStore
from weft._embedded import EmbeddedMesh
from weft.cli.login import _known_organization


def log_in(
    arguments: list[object], environment: dict[str, str], weft: Weft, *options: str
) -> tuple[int, str]:
    """Types `weft login` on one machine, and `weft approve` with the options on another."""
    process = subprocess.Popen(
        [sys.executable, "-m", "weft", "login", *map(str, arguments)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    shown, link = process.stderr.readline(), process.stderr.readline()
    found = re.search(r"weft approve (\S+)", shown)
    assert found, shown
    approved = weft("approve", found[1], *options)
    assert approved.code == 0, approved.err
    assert "device   weft on " in approved.out
    _, told = process.communicate(timeout=60)
    return process.returncode, link + told


def test_the_device_flow_signs_in_and_out(
    weft: Weft,
    environment: dict[str, str],
    connection: Connection,
    mesh: EmbeddedMesh,
    tmp_path: Path,
) -> None:
    context = connection.context
    own = {**environment, "WEFT_CONFIG_DIR": str(tmp_path)}
    code, told = log_in(
        [
            *(context.control_plane, "--ca", mesh.ca_file, "--name", "team"),
            *("--organization", "default"),
        ],
        own,
        weft,
        "--yes",
    )
    assert code == 0, told
    assert f"context 'team' uses {context.workspace}" in told
    assert re.search(r"/device\?user_code=\S+&organization=default\n", told)
    assert (tmp_path / "credentials.json").stat().st_mode & 0o777 == 0o600
    who = json.loads(weft("whoami", "-o", "json", WEFT_CONFIG_DIR=str(tmp_path)).out)
    assert who["tokenExpireTime"]
    assert weft("runs", "list", WEFT_CONFIG_DIR=str(tmp_path)).code == 0
    refresh = ContextStore(tmp_path).sign_in_of("team").refresh_token
    assert refresh
    out = weft("logout", WEFT_CONFIG_DIR=str(tmp_path))
    assert out.code == 0
    assert refresh not in (tmp_path / "credentials.json").read_text()
    assert weft("whoami", WEFT_CONFIG_DIR=str(tmp_path)).code == 4


def test_a_local_account_signs_in_with_its_password(
    weft: Weft, context: Context, mesh: EmbeddedMesh, tmp_path: Path
) -> None:
    account = json.loads((mesh.ca_file.parents[2] / "administrator.json").read_text())
    login = ("login", context.control_plane, "--ca", str(mesh.ca_file), "--email", account["email"])
    own = {"WEFT_CONFIG_DIR": str(tmp_path)}
    wrong = weft(*login, stdin="not the password\n", **own)
    assert wrong.code == 4
    assert not (tmp_path / "contexts.json").exists()
    done = weft(*login, stdin=account["password"] + "\n", **own)
    assert done.code == 0, done.err
    assert account["password"] not in done.out + done.err
    assert weft("runs", "list", **own).code == 0


def test_a_fingerprint_stands_for_the_ca(
    weft: Weft, context: Context, personal_token: str, tmp_path: Path
) -> None:
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(context.ca_pem)).hexdigest()
    login = ("login", context.control_plane, "--token", "-")
    own = {"WEFT_CONFIG_DIR": str(tmp_path)}
    wrong = weft(*login, "--fingerprint", f"sha256:{'0' * 64}", stdin=personal_token, **own)
    assert wrong.code == 4
    assert "does not have this fingerprint" in wrong.err
    assert not (tmp_path / "contexts.json").exists()
    done = weft(*login, "--fingerprint", f"sha256:{digest}", stdin=personal_token, **own)
    assert done.code == 0, done.err
    assert personal_token not in done.out + done.err
    assert weft("runs", "list", **own).code == 0


def test_a_login_that_fails_leaves_the_last_one_as_it_was(
    weft: Weft, context: Context, personal_token: str, mesh: EmbeddedMesh, tmp_path: Path
) -> None:
    own = {"WEFT_CONFIG_DIR": str(tmp_path)}
    login = ("login", context.control_plane, "--ca", mesh.ca_file, "--token", "-")
    assert weft(*login, stdin=personal_token, **own).code == 0
    assert weft(*login, stdin="weft_pat_wrong", **own).code == 4
    assert weft(*login, "--workspace", "absent", stdin=personal_token, **own).code == 5
    assert weft("runs", "list", **own).code == 0


def test_addresses_as_people_type_them(offline: Weft, tmp_path: Path) -> None:
    own = {"WEFT_CONFIG_DIR": str(tmp_path)}
    away = offline("login", "https://127.0.0.1:1", "--token", "-", stdin="x", **own)
    assert away.code == 7
    assert "127.0.0.1:1 cannot be reached" in away.err
    assert offline("login", "host:port", "--token", "x", **own).code == 2


def test_contexts_are_listed_and_chosen(offline: Weft, context: Context, tmp_path: Path) -> None:
    own = {"WEFT_CONFIG_DIR": str(tmp_path)}
    assert "weft up" in offline("ctx", **own).err
    store = ContextStore(tmp_path)
    for name in ("one", "two"):
        store.put(Context(name=name, control_plane="127.0.0.1:1", project="p"))
    listed = json.loads(offline("ctx", "-o", "json", **own).out)
    assert [(c["name"], c["current"]) for c in listed] == [("one", False), ("two", True)]
    # What the environment says for one command is not kept for the next.
    assert offline("ctx", "one", WEFT_PROJECT="other", **own).code == 0
    assert store.current().name == "one"
    assert store.current().project == "p"
    assert offline("ctx", "-", **own).code == 0
    assert store.current_name() == "two"
    unknown = offline("ctx", "three", **own)
    assert unknown.code == 4
    assert "known are: one, two" in unknown.err


def test_the_doctor_finds_everything_well(weft: Weft) -> None:
    done = weft("doctor", "-o", "json")
    findings = json.loads(done.out)
    assert done.code == 0, findings
    assert [f["check"] for f in findings if not f["ok"]] == []
    assert len(findings) == 11
    told = weft("doctor")
    assert told.out.count("✓") == len(findings)
    assert "11 checks, all well" in told.err
    assert "none is asked" in told.out
    assert "gRPC to the servers themselves" in told.out


def test_the_doctor_tries_the_stack_and_names_the_proxy(
    offline: Weft, context: Context, personal_token: str, tmp_path: Path
) -> None:
    ContextStore(tmp_path).put(replace(context, stack="absent"))
    own = {"WEFT_CONFIG_DIR": str(tmp_path), "WEFT_API_KEY": personal_token}
    found = offline("doctor", "-o", "json", **own)
    assert found.code == 1
    (wrong,) = [f for f in json.loads(found.out) if not f["ok"]]
    assert wrong["check"] == "stack"
    assert "weft stacks use" in wrong["fix"]
    away = {"WEFT_CONFIG_DIR": str(tmp_path / "away")}
    ContextStore(tmp_path / "away").put(Context("away", "mesh.invalid:443"))
    asked = offline("doctor", "-o", "json", **away).out
    assert "https_proxy is asked for mesh.invalid" in asked
    assert "is asked for" not in offline("doctor", no_proxy=".invalid", **away).out


def test_the_doctor_says_what_to_mend(offline: Weft, tmp_path: Path) -> None:
    own = {"WEFT_CONFIG_DIR": str(tmp_path)}
    none = offline("doctor", **own)
    assert none.code == 1
    assert "weft up" in none.out
    ContextStore(tmp_path).put(Context(name="away", control_plane="127.0.0.1:1"))
    away = offline("doctor", "-o", "json", **own)
    assert away.code == 1
    (finding,) = [f for f in json.loads(away.out) if f["check"] == "control plane"]
    assert "nothing listens there" in finding["detail"]
    assert "is it running?" in finding["fix"]


def test_an_artifact_is_shown_with_what_it_was_made_of_and_fetched(
    weft: Weft, runs: Runs, tmp_path: Path
) -> None:
    listed = json.loads(weft("artifacts", "list", "--run", runs.good, "-o", "json").out)
    made = next(a for a in listed if "teach-train" in a["name"])
    # Its own version: the newest may be another test's, in a store that only that had.
    parts = made["name"].split("/")
    name = f"{parts[3]}@{parts[5]}"
    shown = weft("artifacts", "show", name)
    assert shown.code == 0
    assert re.search(r"└─ teach-load@\d+  by load", shown.out)
    fetched = weft("artifacts", "get", name, "-d", tmp_path / "got")
    assert fetched.code == 0, fetched.err
    assert "hash checked" in fetched.err
    files = [Path(line) for line in fetched.out.splitlines()]
    assert files
    assert all(file.is_file() for file in files)


def test_an_artifact_that_was_tampered_with_is_refused(
    weft: Weft, runs: Runs, tmp_path: Path
) -> None:
    listed = json.loads(weft("artifacts", "list", "--run", runs.bad, "-o", "json").out)
    made = next(a for a in listed if "teach-load" in a["name"])
    folder = Path(made["uri"].removeprefix("file://"))
    target = next(path for path in sorted(folder.rglob("*")) if path.is_file())
    kept = target.read_bytes()
    target.write_bytes(b"tampered")
    try:
        done = weft("artifacts", "get", made["name"], "-d", tmp_path / "got")
    finally:
        target.write_bytes(kept)
    assert done.code == 1
    assert "is not what was stored" in done.err
    assert not (tmp_path / "got").exists()


def test_a_run_of_this_machine_is_handed_over(
    weft: Weft, environment: dict[str, str], train_file: Path, tmp_path: Path
) -> None:
    own = {"WEFT_DATA_DIR": str(tmp_path)}
    line = "import train; print(train.teach(rows=2).name)"
    local = subprocess.run(
        [sys.executable, "-c", line],
        env={**environment, **own, "WEFT_OFFLINE": "1", "WEFT_ECHO": "0"},
        cwd=train_file.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    name = local.stdout.strip()
    assert weft("runs", "show", name).code == 5
    (tmp_path / "spool" / "broken.jsonl").write_text("no record\n")
    synced = weft("sync", **own)
    assert synced.code == 1
    assert synced.out.split() == [name]
    assert "broken stays here" in synced.err
    shown = json.loads(weft("runs", "show", name, "-o", "json").out)
    assert shown["state"] == "RUN_STATE_SUCCEEDED"
    assert "loaded 2 rows" in weft("logs", name).out
    # Telling it all again changes nothing.
    (spooled,) = (tmp_path / "spool").glob("*.synced")
    spooled.rename(spooled.with_suffix(".jsonl"))
    (tmp_path / "spool" / "broken.jsonl").unlink()
    again = weft("sync", **own)
    assert again.code == 0, again.err
    assert weft("logs", name).out.count("loaded 2 rows") == 1


def test_a_local_run_is_recorded_as_it_goes_and_leaves_no_journal(
    weft: Weft, environment: dict[str, str], train_file: Path, tmp_path: Path
) -> None:
    line = "import train; print(train.teach(rows=5).name)"
    local = subprocess.run(
        [sys.executable, "-c", line],
        env={**environment, "WEFT_DATA_DIR": str(tmp_path), "WEFT_ECHO": "0"},
        cwd=train_file.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    shown = json.loads(weft("runs", "show", local.stdout.strip(), "-o", "json").out)
    assert shown["state"] == "RUN_STATE_SUCCEEDED"
    assert list((tmp_path / "spool").iterdir()) == []


def test_an_account_is_meant_in_the_organization_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_CONFIG_DIR", str(tmp_path))
    assert _known_organization("mesh.example:443") is None
    context = Context(
        name="acme", control_plane="mesh.example:443", organization="organizations/acme"
    )
    ContextStore(tmp_path).put(context)
    assert _known_organization("mesh.example:443") == "acme"
    assert _known_organization("other.example:443") is None


def test_a_job_that_is_not_taken_is_not_signed_in(
    weft: Weft, context: Context, mesh: EmbeddedMesh, tmp_path: Path
) -> None:
    own = {"WEFT_CONFIG_DIR": str(tmp_path)}
    login = ("login", context.control_plane, "--ca", mesh.ca_file)
    job = (*login, "--service-account", "absent")
    for refused in (
        weft(*job, WEFT_ID_TOKEN="a.b.c", **own),
        weft(*job, "--id-token", "-", stdin="a.b.c\n", **own),
        weft(*job, "--organization", "other", "--id-token", "a.b.c", **own),
    ):
        assert refused.code == 4, refused.err
    none = weft(*job, **own)
    assert (none.code, "WEFT_ID_TOKEN" in none.err) == (2, True)
    nobody = weft(*login, "--id-token", "a.b.c", **own)
    assert (nobody.code, "--service-account" in nobody.err) == (2, True)
    assert not (tmp_path / "contexts.json").exists()
