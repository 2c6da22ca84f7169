"""Commits of a real `git daemon`: resolved, verified, and made code of snapshots."""

import asyncio
import hashlib
import random
import tarfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import pytest

from tests.workspace.coding import MODELS, change, register, resolve, snapshot_of, verify
from tests.workspace.fakes import FakeManager
from tests.workspace.git_server import Checkout, GitDaemon, git_daemon
from tests.workspace.harness import VIEWER, Harness, policy, refused, workspace
from weftapi.workspace.v1 import code_repositories_pb2 as pb
from weftapi.workspace.v1 import (
    schedule_types_pb2,
    schedules_pb2,
    snapshot_types_pb2,
    snapshots_pb2,
)
from workspace.repositories.git import GitHost


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[GitDaemon]:
    with git_daemon(tmp_path / "served") as serving:
        yield serving


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout", tmp_path / "served/models.git")


@pytest.fixture
async def ws(tmp_path: Path, database_url: str, daemon: GitDaemon) -> AsyncIterator[Harness]:
    """A workspace that may reach this machine, with a code repository at the daemon."""
    async with workspace(tmp_path, database_url, egress_networks="127.0.0.0/8") as harness:
        await harness.create_project()
        await register(harness, url=daemon.url("models.git"))
        yield harness


def place_of(snapshot: snapshot_types_pb2.Snapshot) -> Path:
    return Path(unquote(urlsplit(snapshot.code.uri).path))


def files_of(snapshot: snapshot_types_pb2.Snapshot) -> dict[str, bytes]:
    """What a runner gets of a snapshot's code, by path; its hash is checked as runners do."""
    data = place_of(snapshot).read_bytes()
    assert hashlib.sha256(data).hexdigest() == snapshot.code.sha256
    assert len(data) == snapshot.code.size_bytes
    found = {}
    with tarfile.open(fileobj=BytesIO(data), mode="r:gz") as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content
            found[member.name] = content.read()
    return found


async def test_names_are_resolved_to_commits(ws: Harness, checkout: Checkout) -> None:
    first = checkout.commit("First\n\nwith a body", train_py="1")
    checkout.git("tag", "--annotate", "-m", "the first", "v1")
    checkout.git("tag", "light")
    checkout.git("branch", "feature/x")
    second = checkout.commit("Second", train_py="2")
    checkout.push("--all")
    checkout.push("--tags")
    head = await resolve(ws)
    assert (head.commit, head.subject) == (second, "Second")
    told = datetime.fromtimestamp(int(checkout.git("log", "-1", "--format=%ct")), UTC)
    assert head.commit_time.ToDatetime(UTC) == told
    for revision in ("main", "refs/heads/main", "HEAD", second, second[:8]):
        assert await resolve(ws, revision) == head, revision
    for revision in ("v1", "refs/tags/v1", "light", "feature/x", first, first[:4]):
        assert (await resolve(ws, revision)).commit == first, revision
    answer = await verify(ws)
    assert (answer.default_branch, answer.head) == ("main", head)


async def test_what_means_nothing_or_several_things_is_refused(
    ws: Harness, checkout: Checkout
) -> None:
    async with refused("NOT_FOUND", "REVISION_UNKNOWN"):
        await verify(ws)
    first = checkout.commit("First", train_py="1")
    checkout.git("branch", "twice")
    checkout.commit("Second", train_py="2")
    checkout.git("tag", "twice")
    tree = checkout.git("rev-parse", "HEAD^{tree}")
    checkout.push("--all")
    checkout.push("--tags")
    for revision in ("none", "0" * 40, "f00d" * 10, "main/x", "refs/heads/v1", tree):
        async with refused("NOT_FOUND", "REVISION_UNKNOWN") as refusal:
            await resolve(ws, revision)
        assert refusal.error
        assert refusal.error.metadata == {"resource": MODELS, "revision": revision}
    async with refused("NOT_FOUND", "REVISION_UNKNOWN"):
        await snapshot_of(ws, tree)
    async with refused("FAILED_PRECONDITION", "REVISION_AMBIGUOUS"):
        await resolve(ws, "twice")
    assert (await resolve(ws, "refs/heads/twice")).commit == first


async def test_short_ids_that_several_commits_have_are_ambiguous(
    ws: Harness, checkout: Checkout
) -> None:
    """Of so many ids, two begin with the same four digits: the birthday problem."""
    commits = [
        f"commit refs/heads/b{number}\ncommitter Ada <ada@example.com> {number} +0000\ndata 0\n"
        for number in range(1500)
    ]
    checkout.git("fast-import", "--quiet", stdin="\n".join(commits))
    beginnings = Counter(tip[:4] for tip in checkout.git("rev-parse", "--branches").split())
    ((common, count),) = beginnings.most_common(1)
    assert count > 1
    tip = next(t for t in checkout.git("rev-parse", "--branches").split() if t[:4] == common)
    checkout.push("--all")
    async with refused("FAILED_PRECONDITION", "REVISION_AMBIGUOUS"):
        await resolve(ws, common)
    assert (await resolve(ws, tip[:12])).commit == tip


_HOSTILE = (
    "--upload-pack=touch /tmp/owned",
    "-x",
    "main\nmain",
    "main~1",
    "HEAD^",
    "a..b",
    "@{-1}",
    "@",
    "x.lock",
    ".hidden",
    "a//b",
    "/a",
    "a/",
    "refs/heads/*",
    "a b",
    "ext::sh -c id",
    "x" * 257,
    "a\u202eb",
)


async def test_hostile_revisions_are_refused(ws: Harness) -> None:
    for revision in _HOSTILE:
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await resolve(ws, revision)


async def test_a_snapshot_has_the_code_of_its_commit(
    ws: Harness, checkout: Checkout, daemon: GitDaemon
) -> None:
    (checkout.folder / "link").symlink_to("/etc/passwd")
    first = checkout.commit("First", train_py="1", team__deep_py="deep", team__a_py="a")
    checkout.push()
    request_id = str(uuid4())
    whole = await snapshot_of(ws, first, request_id=request_id)
    assert files_of(whole) == {"team/a.py": b"a", "team/deep.py": b"deep", "train.py": b"1"}
    assert (whole.code.code_repository, whole.code.commit) == (MODELS, first)
    part = await snapshot_of(ws, first, directory="team")
    assert files_of(part) == {"a.py": b"a", "deep.py": b"deep"}
    # Once fetched it is there, also when the branch has moved and the daemon is gone.
    checkout.git("commit", "--amend", "--quiet", "-m", "Another", "--date=now")
    checkout.push()
    daemon.close()
    assert await snapshot_of(ws, first, request_id=request_id) == whole
    again = await snapshot_of(ws, first)
    assert (again.code, again.name == whole.name) == (whole.code, False)
    async with refused("UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE"):
        await snapshot_of(ws, first, directory="elsewhere")


async def test_what_many_want_at_once_is_fetched_once(
    ws: Harness, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = checkout.commit("First", train_py="1")
    checkout.push("main")
    fetched: list[str] = []
    fetch = GitHost.fetch

    async def counting(self: GitHost, commit: str, folder: Path) -> Path:
        fetched.append(commit)
        return await fetch(self, commit, folder)

    monkeypatch.setattr(GitHost, "fetch", counting)
    # More than a code repository is asked for at once.
    made = await asyncio.gather(*(snapshot_of(ws, commit) for _ in range(6)))
    assert fetched == [commit]
    assert len({snapshot.name for snapshot in made}) == 6
    assert len({snapshot.code.sha256 for snapshot in made}) == 1


async def test_what_was_lost_from_the_store_is_fetched_again(
    ws: Harness, checkout: Checkout
) -> None:
    first = checkout.commit("First", train_py="1")
    checkout.push()
    made = await snapshot_of(ws, first)
    place_of(made).unlink()
    assert files_of(await snapshot_of(ws, first)) == {"train.py": b"1"}


_HALVES: tuple[dict[str, Any], ...] = (
    {"commit": ""},
    {"commit": "main"},
    {"commit": "abcdef12"},
    {"commit": "A" * 40},
    {"directory": "/etc"},
    {"directory": "a/../b"},
    {"directory": "a//b"},
    {"directory": "."},
    {"directory": "a\nb"},
    {"uri": "file:///code.tar.gz"},
    {"sha256": "a" * 64},
    {"size_bytes": 1},
    {"dirty": True},
    {"entrypoint": ""},
    {"code_repository": "projects/demo/runs/models"},
    {"code_repository": ""},
)


async def test_code_that_is_half_of_both_is_refused(ws: Harness) -> None:
    for half in _HALVES:
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await snapshot_of(ws, **{"commit": "a" * 40, **half})


async def test_a_commit_that_cannot_be_code_makes_no_snapshot(
    ws: Harness, checkout: Checkout
) -> None:
    first = checkout.commit("First", train_py="1")
    checkout.push()
    async with refused("NOT_FOUND", "REVISION_UNKNOWN"):
        await snapshot_of(ws, "f00d" * 10)
    async with refused("FAILED_PRECONDITION", "CODE_UNUSABLE"):
        await snapshot_of(ws, first, directory="none")
    async with refused("FAILED_PRECONDITION", "CODE_UNUSABLE"):
        await snapshot_of(ws, first, directory="train.py")
    for elsewhere in ("projects/other/codeRepositories/models", f"{MODELS}-2"):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await snapshot_of(ws, first, code_repository=elsewhere)
    listed = await ws.snapshots().ListSnapshots(
        snapshots_pb2.ListSnapshotsRequest(parent="projects/demo")
    )
    assert not listed.snapshots


async def test_more_than_is_taken_is_refused_wherever_it_shows(
    ws: Harness, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros travel well and are large when unpacked; noise is large on its way."""
    zeros, noise = bytes(8 << 20), random.Random(1).randbytes(8 << 20)
    sizes = {"zeros": zeros, "noise": noise}
    commits = {}
    for name, content in sizes.items():
        (checkout.folder / "data").write_bytes(content)
        commits[name] = checkout.commit(name)
        checkout.push("HEAD:refs/heads/main")
    monkeypatch.setattr("workspace.repositories.git._MAX_PACK_BYTES", 4 << 20)
    for name in sizes:
        async with refused("FAILED_PRECONDITION", "CODE_UNUSABLE"):
            await snapshot_of(ws, commits[name])
    monkeypatch.setattr("workspace.repositories.git._MAX_PACK_BYTES", 16 << 20)
    monkeypatch.setattr("workspace.repositories.packing.MAX_UNPACKED_BYTES", 4 << 20)
    async with refused("FAILED_PRECONDITION", "CODE_UNUSABLE"):
        await snapshot_of(ws, commits["zeros"])
    monkeypatch.setattr("workspace.repositories.git._MAX_REFS_BYTES", 32)
    async with refused("FAILED_PRECONDITION", "CODE_UNUSABLE"):
        await resolve(ws, "main")


async def test_hosts_that_do_not_answer_are_told_apart(ws: Harness, daemon: GitDaemon) -> None:
    await change(ws, "url", url=daemon.url("none.git"))
    async with refused("FAILED_PRECONDITION", "CODE_REPOSITORY_ABSENT"):
        await verify(ws)
    await change(ws, "url", url="git://127.0.0.1:1/models.git")
    async with refused("UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE"):
        await verify(ws)
    for private in ("https://10.0.0.1/a.git", "https://[fd00::1]/a", "http://169.254.169.254/a"):
        await change(ws, "url", url=private)
        async with refused("UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE") as refusal:
            await verify(ws)
        assert refusal.error
        assert "cannot be asked" in str(refusal.error)
    for absent in (f"{MODELS}-2", "projects/other/codeRepositories/models"):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await ws.code_repositories().VerifyCodeRepository(
                pb.VerifyCodeRepositoryRequest(name=absent)
            )


async def test_whatever_runs_snapshots_runs_those_of_commits(
    tmp_path: Path, database_url: str, daemon: GitDaemon, checkout: Checkout
) -> None:
    """RunSnapshot and a schedule; the run's own token gets what the runner needs."""
    first = checkout.commit("First", train_py="1")
    checkout.push()
    manager = FakeManager()
    networks = {"egress_networks": "127.0.0.0/8"}
    async with workspace(tmp_path, database_url, managers=manager, **networks) as ws:
        await ws.create_project()
        await register(ws, url=daemon.url("models.git"))
        made = await snapshot_of(ws, first)
        schedule = schedule_types_pb2.Schedule(snapshot=made.name)
        schedule.interval.FromSeconds(86_400)
        kept = await ws.schedules().CreateSchedule(
            schedules_pb2.CreateScheduleRequest(
                parent="projects/demo", schedule_id="daily", schedule=schedule
            )
        )
        by_hand = await ws.snapshots().RunSnapshot(snapshots_pb2.RunSnapshotRequest(name=made.name))
        by_schedule = await ws.schedules().TriggerSchedule(
            schedules_pb2.TriggerScheduleRequest(name=kept.name)
        )
        for run in (by_hand, by_schedule):
            token = await ws.run_token(run.name)
            request = snapshots_pb2.GetSnapshotRequest(name=run.snapshot)
            seen = await ws.snapshots(token).GetSnapshot(request)
            assert files_of(seen) == {"train.py": b"1"}


async def test_a_snapshot_gives_nobody_code_that_they_may_not_have(
    ws: Harness, checkout: Checkout
) -> None:
    commit = checkout.commit("First", train_py="1")
    checkout.push("--all")
    pushed = policy(revision=2)
    pushed.roles.add(role="maker", permissions=["snapshots.create"])
    pushed.grants.add(subject=VIEWER, role="maker", resource="projects/demo")
    ws.apply_policy(pushed)
    viewer = ws.token(VIEWER)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await snapshot_of(ws, commit, token=viewer)
    pushed.revision = 3
    pushed.grants.add(subject=VIEWER, role="editor", resource=MODELS)
    ws.apply_policy(pushed)
    made = await snapshot_of(ws, commit, token=viewer)
    assert files_of(made) == {"train.py": b"1"}
