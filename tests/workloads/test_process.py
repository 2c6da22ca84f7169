"""The process launcher: real shims, real processes, real signals."""

import asyncio
import os
import signal
import stat
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest

from meshkit.errors import AlreadyExists, FailedPrecondition, NotFound, OutOfRange
from tests.workloads.observed import OWNER, key, said, shell
from workloads.launchers.environments import host_identity
from workloads.launchers.handles import ProcessHandle
from workloads.lifecycle import TRANSITIONS, WorkloadState
from workloads.model import Environment, Secrets, WorkloadSpec
from workloads.shim import files
from workloads.shim.processes import has_mark, pids, start_time


def processes_of(workload) -> list[int]:
    return [pid for pid in pids() if has_mark(pid, f"WEFT_WORKLOAD_UID={workload.uid}")]


async def test_success_passes_every_state_and_tells_what_the_child_wrote(engine):
    workload = await engine.run("ok", "echo out; echo err >&2; printf 'no newline'")
    assert engine.states("ok") == ["QUEUED", "SUBMITTING", "PENDING", "RUNNING", "SUCCEEDED"]
    assert workload.exit.code == 0
    assert workload.exit.message == "exited with code 0"
    assert workload.create_time <= workload.start_time <= workload.end_time
    log = await engine.log("ok")
    assert said(log, "stdout") == b"out\nno newline"
    assert said(log, "stderr") == b"err\n"


@pytest.mark.parametrize(
    ("script", "code", "number", "message"),
    [
        ("exit 7", 7, 0, "exited with code 7"),
        ("kill -KILL $$", 137, 9, "killed by SIGKILL (exit code 137)"),
        ("kill -SEGV $$", 139, 11, "killed by SIGSEGV (exit code 139)"),
    ],
)
async def test_failures_say_how_in_words(engine, script, code, number, message):
    workload = await engine.run("bad", script)
    assert workload.state is WorkloadState.FAILED
    assert (workload.exit.code, workload.exit.signal) == (code, number)
    assert workload.reason == workload.exit.message == message


async def test_missing_interpreter_is_rebuilt_or_named(engine):
    gone = Environment(executable="/nowhere/python", host=host_identity(), version="2.7.1")
    await engine.launcher.launch(key("old"), WorkloadSpec(("-V",), environment=gone), Secrets())
    workload = await engine.ended("old")
    assert workload.state is WorkloadState.FAILED
    assert b"this host has no Python 2.7" in await engine.log("old")


async def test_environment_of_this_host_is_used_as_it_is(engine):
    here = Environment(executable="/bin/echo", host=host_identity())
    await engine.launcher.launch(key("e"), WorkloadSpec(("hello",), environment=here), Secrets())
    await engine.ended("e")
    assert said(await engine.log("e"), "stdout") == b"hello\n"


async def test_rebuilt_environment_is_made_once(engine):
    spec = WorkloadSpec(
        ("-c", "import sys; print(sys.prefix)"), environment=Environment(version="3.11.0")
    )
    await asyncio.gather(
        *(engine.launcher.launch(key(name), spec, Secrets()) for name in ("v1", "v2"))
    )
    one, two = await engine.ended("v1"), await engine.ended("v2")
    assert (one.exit.code, two.exit.code) == (0, 0)
    logs = await engine.log("v1"), await engine.log("v2")
    assert said(logs[0], "stdout") == said(logs[1], "stdout")
    assert str(engine.settings.state_directory / "environments").encode() in logs[0]
    assert sum(b"rebuilding" in log for log in logs) == 1


async def test_timeout_ends_whoever_ignores_sigterm(engines):
    engine = await engines(grace_s=0.3)
    workload = await engine.run(
        "slow", "trap '' TERM; echo up; while :; do sleep 0.1; done", timeout_s=0.5
    )
    assert workload.state is WorkloadState.FAILED
    assert workload.exit.is_timeout
    assert workload.reason == "timed out after 0.5 s"
    assert workload.exit.signal == signal.SIGKILL
    assert processes_of(workload) == []


async def started(engine, id_: str, script: str, **rest):
    """Launches a script that says `up`, and waits until it did."""
    await engine.launcher.launch(key(id_), shell(script, **rest), Secrets())
    while b"up\n" not in await engine.log(id_):
        await engine.launcher.log_changed(key(id_), len(await engine.log(id_)))
    return engine.known[key(id_)]


async def test_cancel_lets_a_workload_end_by_itself(engine):
    await started(engine, "c", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done")
    await engine.launcher.cancel(key("c"), grace_s=60, reason="cancelled by users/ada: enough")
    workload = await engine.ended("c")
    assert workload.state is WorkloadState.CANCELLED
    assert workload.reason == "cancelled by users/ada: enough"
    assert workload.exit.code == 0
    assert b"bye" in await engine.log("c")
    assert engine.states("c")[-2:] == ["CANCELLING", "CANCELLED"]


async def test_cancel_kills_the_whole_tree_after_its_grace(engine):
    script = """
    trap '' TERM
    (trap '' TERM; setsid sh -c 'trap "" TERM; echo daemon; sleep 1000' &)
    sh -c 'trap "" TERM; sleep 1000' &
    sleep 0.2; echo up; while :; do sleep 0.1; done
    """
    workload = await started(engine, "tree", script)
    assert len(processes_of(workload)) >= 4
    await engine.launcher.cancel(key("tree"), grace_s=0.1, reason="enough")
    workload = await engine.ended("tree")
    assert workload.state is WorkloadState.CANCELLED
    assert workload.exit.signal == signal.SIGKILL
    assert processes_of(workload) == []


async def test_a_second_cancel_shortens_the_grace(engine):
    await started(engine, "c", "trap '' TERM; echo up; while :; do sleep 0.1; done")
    await engine.launcher.cancel(key("c"), grace_s=3600, reason="first")
    assert engine.known[key("c")].state is WorkloadState.CANCELLING
    await engine.launcher.cancel(key("c"), grace_s=0, reason="second")
    workload = await engine.ended("c")
    assert workload.state is WorkloadState.CANCELLED
    assert workload.reason == "first"


async def test_a_workload_that_ended_by_itself_was_not_cancelled(engine):
    await engine.run("done", "exit 3")
    await engine.launcher.cancel(key("done"), grace_s=0, reason="too late")
    assert engine.known[key("done")].state is WorkloadState.FAILED


async def test_what_the_child_leaves_behind_ends_with_it(engine):
    workload = await engine.run("leak", "(setsid sleep 1000 &) ; sleep 1000 & exit 0")
    assert workload.state is WorkloadState.SUCCEEDED
    assert processes_of(workload) == []


async def test_fifty_submissions_of_one_id_are_one_process(engine):
    spec = shell("echo once >> count; cat count")
    await asyncio.gather(*(engine.launcher.launch(key("one"), spec, Secrets()) for _ in range(50)))
    await engine.ended("one")
    assert said(await engine.log("one"), "stdout") == b"once\n"
    assert sum(o.workload.state is WorkloadState.QUEUED for o in engine.told) == 1


async def test_another_specification_under_the_same_id_is_refused(engine):
    await engine.run("one", "true")
    with pytest.raises(AlreadyExists):
        await engine.launcher.launch(key("one"), shell("false"), Secrets())
    await engine.launcher.launch(key("one"), shell("true"), Secrets({"WEFT_X": "rotated"}))


async def test_the_environment_is_made_from_nothing(engine, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    await engine.run("env", "/usr/bin/env; ls /proc/$$/fd", env={"MODE": "fast"})
    lines = said(await engine.log("env"), "stdout").decode().split()
    names = {line.split("=")[0] for line in lines if "=" in line}
    # PWD, SHLVL, _ and OLDPWD are the shell's own.
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {
        "HOME", "LANG", "MODE", "PATH", "WEFT_WORKLOAD_UID",
    }  # fmt: skip
    assert set(lines[-3:]) == {"0", "1", "2"} or lines[-3:] == ["1", "2", "255"]


async def test_secrets_reach_the_child_in_private_files_alone(engine):
    secret = "s3cr3t-token"
    secrets = Secrets({"WEFT_RUN_TOKEN_FILE": secret})
    script = (
        'stat -c %a "$WEFT_RUN_TOKEN_FILE"; wc -c < "$WEFT_RUN_TOKEN_FILE"; echo up; sleep 1000'
    )
    await engine.launcher.launch(key("s"), shell(script), secrets)
    while b"up\n" not in (log := await engine.log("s")):
        await engine.launcher.log_changed(key("s"), len(log))
    assert said(log, "stdout") == b"600\n12\nup\n"
    token = engine.folder("s") / files.SECRETS / "WEFT_RUN_TOKEN_FILE"
    holders = [p for p in engine.settings.state_directory.rglob("*") if p.is_file()]
    assert [p for p in holders if secret.encode() in p.read_bytes()] == [token]
    for pid in pids():
        with_secret = [
            name
            for name in ("cmdline", "environ")
            if os.access(f"/proc/{pid}/{name}", os.R_OK)
            and secret.encode() in read_or_nothing(f"/proc/{pid}/{name}")
        ]
        assert with_secret == []
    await engine.launcher.cancel(key("s"), grace_s=0, reason="")
    await engine.ended("s")
    assert not token.exists()
    assert secret not in repr(engine.told)


def read_or_nothing(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


async def test_everything_in_the_state_directory_is_private(engine):
    await engine.run("p", "echo x > mine", Secrets({"A": "b"}))
    folder = engine.folder("p")
    for path in [engine.settings.state_directory, *engine.settings.state_directory.rglob("*")]:
        if folder / files.WORK in path.parents:
            continue  # the workload's own files, inside a private directory
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


async def test_what_does_not_fit_waits_and_says_where(engines):
    engine = await engines(slots=1)
    await started(engine, "w0", "echo up; sleep 1000")
    for number in range(1, 4):
        await engine.launcher.launch(key(f"w{number}"), shell("true"), Secrets())
    assert engine.known[key("w3")].reason == "number 3 in the queue; 1 of 1 slots are taken"
    await engine.launcher.cancel(key("w1"), grace_s=0, reason="not needed")
    assert engine.known[key("w1")].state is WorkloadState.CANCELLED
    assert engine.states("w1") == ["QUEUED", "CANCELLED"]
    assert engine.known[key("w3")].reason.startswith("number 2 ")
    await engine.launcher.cancel(key("w0"), grace_s=0, reason="")
    assert (await engine.ended("w3")).state is WorkloadState.SUCCEEDED
    assert not (engine.folder("w1") / files.STARTED).exists()


async def test_a_runner_that_waits_for_its_steps_keeps_none_of_them_waiting(engines):
    engine = await engines(slots=1)
    await started(engine, "runner", "echo up; sleep 1000")
    step = {"kind": "STEP", "run": "projects/p/runs/r", "attempt": 1}
    for name in ("load", "fit"):
        spec = shell("sleep 1000", step=name, **step)
        await engine.launcher.launch(key(name), spec, Secrets())
    assert engine.known[key("fit")].reason == "number 1 in the queue; 1 of 1 slots are taken"
    await engine.launcher.cancel(key("load"), grace_s=0, reason="")
    await engine.until(lambda: engine.known[key("fit")].state is WorkloadState.RUNNING)


async def test_delete_forgets_ended_workloads_alone(engine):
    await started(engine, "d", "echo up; sleep 1000")
    with pytest.raises(FailedPrecondition):
        await engine.launcher.delete(key("d"))
    await engine.launcher.cancel(key("d"), grace_s=0, reason="")
    await engine.ended("d")
    await engine.launcher.delete(key("d"))
    assert key("d") not in engine.known
    assert not engine.folder("d").exists()
    with pytest.raises(NotFound):
        await engine.launcher.read_log(key("d"), 0, 100)


async def test_the_log_has_a_limit_and_says_so(engines):
    engine = await engines(log_limit_bytes=100_000)
    await engine.run("big", "yes 0123456789 2>/dev/null | head -c 1100000; echo last >&2")
    log = await engine.log("big")
    assert len(log) < 101_000
    kept = said(log, "stdout")
    notes = said(log, "system")
    assert b"reached its limit of 100000 bytes" in notes
    missing = int(notes.split(b" bytes of output are missing")[0].split()[-1])
    assert missing == 1_100_000 - len(kept) + len(b"last\n")


async def test_reading_past_the_log_is_out_of_range(engine):
    await engine.run("l", "echo x")
    size = len(await engine.log("l"))
    chunk = await engine.launcher.read_log(key("l"), size, 1000)
    assert (chunk.data, chunk.is_end) == (b"", True)
    with pytest.raises(OutOfRange):
        await engine.launcher.read_log(key("l"), size + 1, 1000)


async def test_a_tail_sees_every_byte_while_it_is_written(engine):
    code = """if True:
        import sys, time
        for i in range(400):
            sys.stdout.write(f"{i} " * (i % 97) + "\\n" * (i % 3 > 0))
            sys.stdout.flush()
            time.sleep(0.001 * (i % 7 == 0))
    """
    spec = WorkloadSpec(args=("-I", "-S", "-c", code))
    await engine.launcher.launch(key("t"), spec, Secrets())
    seen, offset = b"", 0
    while True:
        chunk = await engine.launcher.read_log(key("t"), offset, 1)
        seen += chunk.data
        offset = chunk.next_offset
        if chunk.is_end:
            break
        if not chunk.data:
            await engine.launcher.log_changed(key("t"), offset)
    assert seen == await engine.log("t")
    expected = "".join(f"{i} " * (i % 97) + "\n" * (i % 3 > 0) for i in range(400))
    assert said(seen, "stdout").decode() == expected


async def test_a_vanished_shim_is_lost_and_takes_its_tree_along(engine):
    workload = await started(engine, "v", "(setsid sleep 1000 &); sleep 0.2; echo up; sleep 1000")
    claim = files.load(str(engine.folder("v")), files.CLAIM)
    os.kill(claim["pid"], signal.SIGKILL)
    workload = await engine.ended("v")
    assert workload.state is WorkloadState.LOST
    assert workload.reason == (
        f"its shim (pid {claim['pid']}) vanished without a word about its end"
    )
    # They are told to end before anybody is told of it, and take a moment to.
    await engine.until(lambda: not processes_of(workload))
    assert not (engine.folder("v") / files.SECRETS).exists()


async def test_a_pid_used_again_is_not_the_process(engine):
    me = os.getpid()
    with ProcessHandle.open(me, start_time(me)) as handle:
        assert handle is not None
    for start in ("", "1", str(int(start_time(me)) + 1)):
        with ProcessHandle.open(me, start) as handle:
            assert handle is None


async def test_states_only_ever_take_edges_of_the_table(engine):
    await engine.run("a", "true")
    await engine.run("b", "exit 1")
    await started(engine, "c", "echo up; sleep 1000")
    await engine.launcher.cancel(key("c"), grace_s=0, reason="")
    await engine.ended("c")
    for id_ in "abc":
        for before, after in pairwise(engine.states(id_)):
            assert WorkloadState(after) in TRANSITIONS[WorkloadState(before)]


async def test_limits_that_nobody_enforces_are_not_claimed(engine):
    workload = await engine.run("m", "true", memory_bytes=1 << 30)
    assert not workload.are_limits_enforced
    running = [o.workload for o in engine.told if o.workload.state is WorkloadState.RUNNING]
    assert running[0].reason.startswith("limits are not enforced: no cgroup v2 group")


async def test_owners_do_not_share_ids(engine):
    other = uuid4()
    await engine.run("same", "echo mine")
    await engine.launcher.launch(key("same", other), shell("echo theirs"), Secrets())
    await engine.until(lambda: engine.known[key("same", other)].state.is_terminal)
    assert said(await engine.log("same"), "stdout") == b"mine\n"
    assert other != OWNER
