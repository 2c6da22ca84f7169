"""`weft workspaces`, on a mesh that runs workspaces itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.sdk.cli.conftest import Weft
from weft._contexts import ContextStore

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60


def document(weft: Weft, *arguments: str) -> Any:
    """What a command prints as JSON."""
    done = weft("workspaces", *arguments, "-o", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_a_workspace_from_its_creation_to_its_end(weft: Weft) -> None:
    made = weft("workspaces", "create", "research", "--name", "Research")
    assert made.code == 0, made.err
    assert "research is active" in made.out
    shown = document(weft, "show", "research")
    assert shown["state"] == "WORKSPACE_STATE_ACTIVE"
    assert shown["displayName"] == "Research"
    table = weft("workspaces", "list").out
    assert "research" in table
    assert "provisioned" in table
    updated = document(weft, "update", "research", "--label", "team=a", "--upgrades", "automatic")
    assert updated["labels"] == {"team": "a"}
    assert weft("workspaces", "update", "research").code == 2

    begun = weft("workspaces", "suspend", "research", "--no-wait")
    assert begun.code == 0, begun.err
    operation = begun.out.strip()
    assert weft("workspaces", "operations", "wait", operation).code == 0
    assert document(weft, "show", "research")["state"] == "WORKSPACE_STATE_SUSPENDED"
    again = weft("workspaces", "suspend", "research")
    assert again.code != 0
    assert "SUSPENDED" in again.err
    assert weft("workspaces", "resume", "research").code == 0
    old = weft("workspaces", "upgrade", "research", "--to", "0.0.1-never")
    assert old.code != 0
    assert "cannot be had" in old.err

    deleted = weft("workspaces", "delete", "research", "--yes", "--remove-data")
    assert deleted.code == 0, deleted.err
    assert weft("workspaces", "show", "research").code == 5
    told = weft("workspaces", "operations", "list", "research").out
    assert [line.split()[1] for line in told.splitlines()[1:]] == [
        "delete", "resume", "suspend", "create",
    ]  # fmt: skip


def test_a_new_workspace_is_served_by_those_that_are_there(
    weft: Weft, home: Path, train_file: Path
) -> None:
    """Runs begun there are executed, and the gateway finds it: nobody enrolls anything."""
    assert weft("workspaces", "create", "vision").code == 0
    made = document(weft, "show", "vision")
    store = ContextStore(home / "config")
    token = weft("tokens", "create", "vision").out.strip()
    vision = replace(
        store.get("local"),
        name="vision",
        workspace=made["name"],
        workspace_endpoint=made["endpoint"],
    )
    store.put(vision, is_current=False)
    here = {"WEFT_CONTEXT": "vision", "WEFT_TOKEN": token, "WEFT_PROJECT": "cats"}
    assert weft("projects", "create", "cats", **here).code == 0
    run = weft("run", f"{train_file}::teach", "-o", "name", **here)
    assert run.code == 0, run.err
    listed = weft("runs", "list", "-o", "name", WEFT_TRANSPORT="http", **here)
    assert (listed.out.split(), listed.err) == ([run.out.strip()], "")
    assert weft("workspaces", "delete", "vision", "--yes", "--remove-data").code == 0
    # What left the directory is unknown to the gateway, which says so.
    deadline = time.monotonic() + PATIENCE_S
    while (gone := weft("runs", "list", WEFT_TRANSPORT="http", **here)).code not in (4, 5):
        assert time.monotonic() < deadline, gone
    store.delete("vision")


def test_who_serves_all_names_none(weft: Weft) -> None:
    printed = weft("workspaces", "enroll", "--all", "--as", "gateway", "-o", "json")
    assert json.loads(printed.out)["enrollment"]["allWorkspaces"]
    for wrong in (["--all"], ["--all", "default", "--as", "gateway"], ["--as", "gateway"]):
        refused = weft("workspaces", "enroll", *wrong)
        assert refused.code == 2, refused


def test_a_server_elsewhere_joins_by_the_printed_command(weft: Weft, tmp_path: Path) -> None:
    """As somebody in another network types it: nothing but what `enroll` printed."""
    assert weft("workspaces", "register", "hybrid").code == 0
    refused = weft("workspaces", "suspend", "hybrid")
    assert "whoever runs its server" in refused.err
    printed = weft("workspaces", "enroll", "hybrid")
    assert printed.code == 0, printed.err
    command = printed.out.replace("python -m", f"exec {sys.executable} -m")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
    environment["PYTHONPATH"] = os.pathsep.join(str(ROOT / part) for part in ("", "generated"))
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            ["/bin/sh", "-ec", command], cwd=tmp_path, env=environment, stdout=log, stderr=log
        )
    try:
        wait_for(weft, "hybrid", "WORKSPACE_STATE_ACTIVE")
        once = weft("workspaces", "watch", "--once").out
        assert any(line.split()[:2] == ["hybrid", "active"] for line in once.splitlines())
        struck = weft("workspaces", "deregister", "hybrid", "--yes")
        assert struck.code == 0, struck.err
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(PATIENCE_S)


def wait_for(weft: Weft, workspace: str, state: str) -> None:
    """Waits for what another process does."""
    deadline = time.monotonic() + PATIENCE_S
    while (seen := document(weft, "show", workspace)["state"]) != state:
        assert time.monotonic() < deadline, seen


def test_a_token_can_go_into_a_file(weft: Weft, tmp_path: Path) -> None:
    file = tmp_path / "token"
    printed = weft(
        "workspaces", "enroll", "default", "--as", "workload-manager",
        "--host", "jobs.example.com", "--token-file", str(file),
    )  # fmt: skip
    assert printed.code == 0, printed.err
    assert "weft_enroll_" not in printed.out
    assert "WEFT_WORKLOADS_ADVERTISED_MESH_ADDRESS=jobs.example.com:7801" in printed.out
    assert file.read_text().startswith("weft_enroll_")
    assert file.stat().st_mode & 0o077 == 0
