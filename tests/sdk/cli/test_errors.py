"""What goes wrong is one sentence with a cure, on standard error, and its own exit code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Result, Runs, Weft
from weft._contexts import Context, ContextStore, SignIn
from weft.cli._exit import Exit

RAW = ("grpc", "StatusCode", "ipv4:", "Traceback", "failed to connect to all")


def check(done: Result, code: int, *words: str) -> None:
    assert done.code == code, (done.out, done.err)
    assert done.out == ""
    assert all(word in done.err for word in words), done.err
    assert not any(word in done.err for word in RAW), done.err


def test_exit_codes_are_the_documented_ones(offline: Weft) -> None:
    text = " ".join(offline("--help").out.split())
    for code in Exit:
        assert f"{code.value} " in text


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    file = tmp_path / "broken.py"
    file.write_text("import os\n\nraise RuntimeError('no luck')\n")
    return file


def test_a_file_that_is_not_there(offline: Weft) -> None:
    check(offline("run", "absent.py"), 2, "error: there is no file absent.py")


def test_a_file_that_cannot_be_imported_names_the_line(offline: Weft, broken: Path) -> None:
    check(offline("run", broken), 2, "broken.py cannot be imported", "no luck", "line 3")


def test_a_file_that_exits_when_imported(offline: Weft, tmp_path: Path) -> None:
    file = tmp_path / "quits.py"
    file.write_text("import sys\nsys.exit(0)\n")
    check(offline("run", file), 2, "quits.py", "exits")


@pytest.mark.parametrize("name", ["json.py", "my.train.py", "click.py"])
def test_a_file_whose_name_no_runner_could_import(offline: Weft, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text("")
    check(offline("run", file), 2, "rename")


def test_a_pipeline_that_fails_while_it_is_drawn(weft: Weft, tmp_path: Path) -> None:
    file = tmp_path / "drawn.py"
    file.write_text("from weft import pipeline\n\n@pipeline\ndef p():\n    return 1 / 0\n")
    check(weft("run", file), 2, "drawn.py", "ZeroDivisionError", "line 5")


def test_parameters_that_do_not_fit(offline: Weft, train_file: Path) -> None:
    target = f"{train_file}::teach"
    check(offline("run", target, "--lr", "oops"), 2, "--lr", "float", "'oops'", "train.py")
    check(offline("run", target, "--colour", "red"), 2, "--colour is no parameter", "--rows")
    check(offline("run", target, "--lr"), 2, "--lr needs a value")
    check(offline("run", target, "stray"), 2, "'stray' is not an option")
    check(offline("run", str(train_file)), 2, "say which pipeline", "sleepy, teach")
    check(offline("run", "--lr", "1", target), 2, "the file comes first")


def test_no_context(offline: Weft, train_file: Path, tmp_path: Path) -> None:
    empty = str(tmp_path / "empty")
    for arguments in (
        ("runs", "list"),
        ("run", f"{train_file}::teach"),
        ("logs", "@latest"),
        ("sync",),
    ):
        done = offline(*arguments, WEFT_CONFIG_DIR=empty)
        check(done, 4, "you are not signed in to any mesh", "`weft up`", "`weft login HOST:PORT`")


def test_a_mesh_that_is_away(offline: Weft, tmp_path: Path, context: Context) -> None:
    store = ContextStore(tmp_path)
    away = replace(context, control_plane="127.0.0.1:1", workspace_endpoint="127.0.0.1:1")
    store.put(away)
    tokens = {"controlplane": ("t", 4e9), away.workspace: ("t", 4e9)}
    store.sign_in("local", SignIn(personal_access_token="weft_pat_x", tokens=tokens))
    for arguments in (("runs", "list"), ("runs", "watch", "projects/default/runs/x"), ("whoami",)):
        done = offline(*arguments, WEFT_CONFIG_DIR=str(tmp_path))
        check(done, 7, "error: 127.0.0.1:1 cannot be reached: nothing listens there")


def test_a_sign_in_that_has_ended(offline: Weft, tmp_path: Path, context: Context) -> None:
    store = ContextStore(tmp_path)
    store.put(replace(context, name="team"))
    store.sign_in("team", SignIn(refresh_token="weft_refresh_gone"))
    done = offline("runs", "list", WEFT_CONFIG_DIR=str(tmp_path))
    check(done, 4, "your sign-in has ended", f"weft login {context.control_plane}")
    store.sign_out("team")
    done = offline("runs", "list", WEFT_CONFIG_DIR=str(tmp_path))
    check(done, 4, "you are not signed in", f"weft login {context.control_plane}")


def test_an_expired_token_is_renewed_without_a_word(
    offline: Weft, tmp_path: Path, context: Context, personal_token: str
) -> None:
    """Tokens that the servers refuse, though this side believes in them."""
    store = ContextStore(tmp_path)
    store.put(context)
    signed_in = SignIn(personal_access_token=personal_token)
    stale = {"controlplane": ("stale", 4e9), context.workspace: ("stale", 4e9)}
    store.sign_in("local", replace(signed_in, tokens=stale))
    done = offline("runs", "list", "-o", "json", WEFT_CONFIG_DIR=str(tmp_path))
    assert (done.code, done.err) == (0, "")
    assert store.sign_in_of("local").tokens[context.workspace][0] != "stale"


def test_a_key_in_the_environment_that_is_wrong(weft: Weft) -> None:
    check(weft("whoami", WEFT_API_KEY="weft_pat_wrong"), 4, "WEFT_API_KEY")


def test_a_ca_that_is_another(offline: Weft, tmp_path: Path, context: Context) -> None:
    from tests.sdk.servers import make_identity

    store = ContextStore(tmp_path)
    store.put(replace(context, ca_pem=make_identity().certificate.decode()))
    store.sign_in("local", SignIn(personal_access_token="weft_pat_x"))
    done = offline("whoami", WEFT_CONFIG_DIR=str(tmp_path))
    check(done, 7, "does not come from the CA of this context")


def test_things_that_are_not_there(weft: Weft, runs: Runs) -> None:
    for arguments in (
        ("runs", "show", "absent"),
        ("runs", "watch", "absent"),
        ("logs", "absent"),
        ("logs", f"{runs.good.rsplit('/', 1)[-1]}/absent"),
        ("artifacts", "show", "absent"),
    ):
        check(weft(*arguments), 5, "does not exist")


def test_a_run_that_has_ended_cannot_be_stopped_twice(weft: Weft, runs: Runs) -> None:
    done = weft("runs", "stop", runs.good)
    assert done.code in {0, 6}


def test_unreadable_settings(offline: Weft, tmp_path: Path) -> None:
    (tmp_path / "contexts.json").write_text("{")
    done = offline("runs", "list", WEFT_CONFIG_DIR=str(tmp_path))
    check(done, 4, "contexts.json is not readable", "mend it or delete it")
    (tmp_path / "contexts.json").write_text("[]")
    check(offline("ctx", WEFT_CONFIG_DIR=str(tmp_path)), 4, "mend it or delete it")


def test_details_only_when_asked_for(offline: Weft, tmp_path: Path, context: Context) -> None:
    store = ContextStore(tmp_path)
    store.put(replace(context, control_plane="127.0.0.1:1"))
    store.sign_in("local", SignIn(personal_access_token="weft_pat_x"))
    done = offline("-v", "whoami", WEFT_CONFIG_DIR=str(tmp_path))
    assert done.code == 7
    assert "the transport said:" in done.err
    assert "Traceback" in done.err


def test_wrong_usage(weft: Weft) -> None:
    assert weft("nonsense").code == 2
    assert weft("runs", "list", "-n", "0").code == 2
    check(weft("api", "RunService/ListRun"), 2, "did you mean RunService/ListRuns?")
    check(weft("api", "RunService/ListRuns", "-d", "{"), 2, "does not fit ListRunsRequest")


def test_the_api_speaks_json(weft: Weft, runs: Runs) -> None:
    names = weft("api").out.splitlines()
    assert "weftapi.workspace.v1.RunService/WatchRun" in names
    assert "weftapi.controlplane.v1.AuthService/ApproveDevice" in names
    asked = '{"parent": "projects/default", "pageSize": 500}'
    found = weft("api", "RunService/ListRuns", "-d", "-", stdin=asked)
    assert runs.good in {run["name"] for run in json.loads(found.out)["runs"]}
    request = json.dumps({"name": runs.good, "sendInitialState": True})
    watched = weft("api", "RunService/WatchRun", "-d", request)
    messages = [json.loads(line) for line in watched.out.splitlines()]
    assert messages[-1]["endOfStream"] is True
