"""Contexts and secrets on disk, shared by processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from weft._contexts import Context, ContextStore, SignIn
from weft.errors import ContextError

TEAM = Context(name="team", control_plane="mesh.example:443", project="default")


@pytest.fixture
def store(tmp_path: Path) -> ContextStore:
    return ContextStore(tmp_path / "config")


def test_what_is_kept_is_found_again(store: ContextStore) -> None:
    store.put(TEAM)
    assert store.current() == TEAM
    secrets = SignIn("refresh", "", {"controlplane": ("token", 5.0)})
    store.sign_in("team", secrets)
    assert store.sign_in_of("team") == secrets
    store.sign_out("team")
    assert store.sign_in_of("team") == SignIn()


def test_secrets_are_their_owner_s_alone(store: ContextStore, tmp_path: Path) -> None:
    store.put(TEAM)
    store.sign_in("team", SignIn("refresh"))
    assert stat.S_IMODE((tmp_path / "config" / "credentials.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "config").stat().st_mode) == 0o700
    assert "refresh" not in (tmp_path / "config" / "contexts.json").read_text()


def test_the_environment_wins_and_is_not_kept(
    store: ContextStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(TEAM)
    store.put(Context(name="other", control_plane="x:1"))
    monkeypatch.setenv("WEFT_CONTEXT", "team")
    monkeypatch.setenv("WEFT_PROJECT", "mine")
    assert store.current().name == "team"
    assert store.current().project == "mine"
    store.use("team")
    monkeypatch.delenv("WEFT_PROJECT")
    assert store.get("team").project == "default"


def test_the_one_before_is_a_dash_away(store: ContextStore) -> None:
    with pytest.raises(ContextError, match="no other context"):
        store.use("-")
    store.put(TEAM)
    store.put(Context(name="other", control_plane="x:1"))
    store.use("-")
    assert store.current_name() == "team"
    store.use("-")
    assert store.current_name() == "other"


def test_fields_of_a_newer_version_are_no_obstacle(store: ContextStore, tmp_path: Path) -> None:
    store.put(TEAM)
    file = tmp_path / "config" / "contexts.json"
    document = json.loads(file.read_text())
    document["contexts"]["team"]["from_the_future"] = True
    file.write_text(json.dumps(document))
    assert store.get("team") == TEAM


@pytest.mark.parametrize("content", ["{", "[]", '"text"'])
def test_what_cannot_be_read_is_said_with_its_cure(
    content: str, store: ContextStore, tmp_path: Path
) -> None:
    store.put(TEAM)
    (tmp_path / "config" / "contexts.json").write_text(content)
    with pytest.raises(ContextError, match="mend it or delete it"):
        store.current()


def _renew(directory: Path, ready: object, renewals: Path) -> None:
    """What a process does whose token has ended: renews it, unless another one was faster."""
    ready.wait()
    store = ContextStore(directory)
    with store.changing("team") as keep:
        before = store.sign_in_of("team")
        if before.refresh_token != "first":
            return
        with renewals.open("a") as file:
            file.write(f"{os.getpid()}\n")
        keep(SignIn("second"))


def test_processes_that_renew_at_once_renew_once(store: ContextStore, tmp_path: Path) -> None:
    store.sign_in("team", SignIn("first"))
    spawn = multiprocessing.get_context("spawn")
    ready, renewals = spawn.Event(), tmp_path / "renewals"
    processes = [
        spawn.Process(target=_renew, args=(tmp_path / "config", ready, renewals)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    ready.set()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert len(renewals.read_text().splitlines()) == 1
    assert store.sign_in_of("team").refresh_token == "second"
