"""What a manager finds when it starts: every state that a crash can leave behind."""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import DEVNULL

import pytest

from meshkit.errors import ResourceExhausted
from tests.workloads.observed import PATIENCE_S, key, said, shell
from workloads.launchers import execution
from workloads.launchers.handles import ProcessHandle
from workloads.lifecycle import WorkloadState
from workloads.model import Secrets
from workloads.shim import files
from workloads.shim.processes import boot_id, start_time


@pytest.fixture
async def left(engines, tmp_path):
    """Makes the folder of a workload that was accepted and not started, as a crash leaves it."""
    count = tmp_path / "count"
    count.touch()

    async def leave(id_: str) -> Path:
        engine = await engines(slots=0)
        await engine.launcher.launch(key(id_), shell(f"echo {id_} >> {count}"), Secrets({"S": "s"}))
        await engine.close()
        return engine.folder(id_)

    leave.count = count
    return leave


async def test_an_accepted_workload_that_nobody_started_is_started(engines, left):
    await left("w")
    workload = await (await engines()).ended("w")
    assert workload.state is WorkloadState.SUCCEEDED
    assert left.count.read_text() == "w\n"


async def test_of_many_shims_one_is_admitted(engines, left):
    folder = await left("w")
    command = [sys.executable, "-I", "-S", execution._SHIM, str(folder)]
    shims = await asyncio.to_thread(
        lambda: [subprocess.Popen(command, stdin=DEVNULL, stdout=DEVNULL) for _ in range(12)]
    )
    engine = await engines()  # starts one more, in the middle of it
    # The engine may take leave of the one that was admitted: to Popen its code is 0 then.
    codes = [await asyncio.to_thread(shim.wait) for shim in shims]
    await engine.ended("w")
    assert left.count.read_text() == "w\n"
    assert codes.count(0) <= 1
    assert set(codes) <= {0, 3}


async def test_a_half_written_submission_was_never_accepted(engines, left):
    folder = await left("w")
    state = folder.parents[2]
    shutil.move(folder, state / "new" / "0190b2c4-0000-7000-8000-00000000000a")
    engine = await engines()
    assert engine.known == {}
    assert not list((state / "new").iterdir())
    assert left.count.read_text() == ""


async def test_a_half_done_deletion_is_completed(engines, left):
    folder = await left("w")
    state = folder.parents[2]
    shutil.move(folder, state / "gone" / "w.1")
    engine = await engines()
    assert engine.known == {}
    assert not list((state / "gone").iterdir())


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ({"pid": 1, "start": "0", "boot": "here"}, "its shim (pid 1) vanished"),
        ({"pid": "me", "start": "0", "boot": "here"}, "its shim (pid {me}) vanished"),
        ({"pid": "me", "start": "mine", "boot": "another"}, "the host was restarted"),
    ],
)
async def test_a_shim_that_is_gone_leaves_its_workload_lost(engines, left, claim, reason):
    """Also where its pid lives on as another process, which must not come to harm."""
    me = os.getpid()
    real = {"me": me, "mine": start_time(me), "here": boot_id()}
    folder = await left("w")
    content = {name: real.get(value, value) for name, value in claim.items()}
    files.publish(str(folder), files.CLAIM, content, once=True)
    workload = await (await engines()).ended("w")
    assert workload.state is WorkloadState.LOST
    assert workload.reason == reason.format(me=me) + " without a word about its end"
    assert left.count.read_text() == ""
    assert not (folder / files.SECRETS).exists()
    assert not (folder / files.LAUNCH).exists()


async def test_running_workloads_are_found_again(engines):
    first = await engines()
    await first.launcher.launch(key("w"), shell("sleep 0.5; echo done; exit 4"), Secrets())
    before = await first.reaches("w", "RUNNING")
    await first.close()
    second = await engines()
    assert second.known[key("w")] == before
    workload = await second.ended("w")
    assert workload.exit.code == 4
    assert workload.start_time == before.start_time
    assert said(await second.log("w"), "stdout") == b"done\n"


async def test_what_ended_meanwhile_has_ended(engines):
    first = await engines()
    await first.launcher.launch(key("w"), shell("sleep 0.1; exit 5"), Secrets())
    await first.reaches("w", "RUNNING")
    await first.close()
    await first.has_file("w", files.EXIT)
    second = await engines()
    assert second.known[key("w")].state is WorkloadState.FAILED
    assert second.known[key("w")].exit.code == 5


async def test_a_timeout_holds_without_any_manager(engines):
    first = await engines(grace_s=0.1)
    await first.launcher.launch(
        key("w"), shell("trap '' TERM; sleep 1000", timeout_s=0.3), Secrets()
    )
    await first.reaches("w", "RUNNING")
    await first.close()
    await first.has_file("w", files.EXIT)
    second = await engines()
    assert second.known[key("w")].reason == "timed out after 0.3 s"


async def test_an_order_to_cancel_outlives_the_manager_who_gave_it(engines):
    first = await engines()
    await first.launcher.launch(key("w"), shell("sleep 1000"), Secrets())
    await first.reaches("w", "RUNNING")
    await first.close()
    order = {"reason": "enough", "time": 1.0, "grace_s": 60}
    files.publish(str(first.folder("w")), files.CANCEL, order, once=False)
    workload = await (await engines()).ended("w")
    assert workload.state is WorkloadState.CANCELLED
    assert workload.reason == "enough"


async def test_an_order_to_cancel_what_was_queued_is_carried_out(engines, left):
    folder = await left("w")
    order = {"reason": "enough", "time": 1.0, "grace_s": 60}
    files.publish(str(folder), files.CANCEL, order, once=False)
    workload = await (await engines()).ended("w")
    assert workload.state is WorkloadState.CANCELLED
    assert left.count.read_text() == ""


async def test_a_host_that_shuts_down_cancels(engine):
    await engine.launcher.launch(key("w"), shell("sleep 1000"), Secrets())
    await engine.reaches("w", "RUNNING")
    claim = files.load(str(engine.folder("w")), files.CLAIM)
    os.kill(claim["pid"], signal.SIGTERM)
    workload = await engine.ended("w")
    assert workload.state is WorkloadState.CANCELLED
    assert workload.reason == "ended by SIGTERM from the host"


async def test_one_unreadable_folder_does_not_hide_the_others(engines, left):
    (await left("bad") / files.SPEC).write_text('{"spec":')
    await left("good")
    engine = await engines()
    await engine.ended("good")
    assert list(engine.known) == [key("good")]
    parked = list((engine.settings.state_directory / "parked").iterdir())
    assert [path.name.split(".")[0] for path in parked] == ["bad"]


async def test_a_directory_has_one_manager(engines):
    await engines()
    with pytest.raises(BlockingIOError):
        await engines()


async def test_a_shim_that_cannot_start_is_tried_again_and_then_given_up(engine, monkeypatch):
    monkeypatch.setattr(execution, "_BACKOFF_S", (0.01, 0.01))
    monkeypatch.setattr(execution, "_SHIM", "/nowhere/shim.py")
    workload = await engine.run("w", "true")
    assert workload.state is WorkloadState.FAILED
    assert "can't open file '/nowhere/shim.py'" in workload.reason
    backoffs = [o.workload.reason for o in engine.told if "trying again" in o.workload.reason]
    assert len(backoffs) == 2
    assert engine.states("w") == ["QUEUED", *["SUBMITTING", "QUEUED"] * 2, "SUBMITTING", "FAILED"]


async def test_a_workload_in_backoff_can_be_cancelled(engine, monkeypatch):
    monkeypatch.setattr(execution, "_BACKOFF_S", (0.3, 0.3))
    monkeypatch.setattr(execution, "_SHIM", "/nowhere/shim.py")
    await engine.launcher.launch(key("w"), shell("true"), Secrets())
    await engine.until(lambda: "trying again" in engine.known[key("w")].reason)
    await engine.launcher.cancel(key("w"), grace_s=0, reason="enough")
    workload = await engine.ended("w")
    assert workload.state is WorkloadState.CANCELLED
    assert workload.reason == "enough"


async def test_the_queue_is_bounded(engines):
    engine = await engines(slots=0, max_queued=2)
    for name in ("a", "b"):
        await engine.launcher.launch(key(name), shell("true"), Secrets())
    with pytest.raises(ResourceExhausted):
        await engine.launcher.launch(key("c"), shell("true"), Secrets())
    await engine.launcher.launch(key("a"), shell("true"), Secrets())


async def test_a_dead_shim_takes_its_child_along_without_any_manager(engines):
    first = await engines()
    await first.launcher.launch(key("w"), shell("exec sleep 1000"), Secrets())
    await first.reaches("w", "RUNNING")
    await first.close()
    folder = str(first.folder("w"))
    claim, started = files.load(folder, files.CLAIM), files.load(folder, files.STARTED)
    with ProcessHandle.open(started["pid"], started["start"]) as child:
        os.kill(claim["pid"], signal.SIGKILL)
        assert await child.ended(PATIENCE_S)
    assert (await (await engines()).ended("w")).state is WorkloadState.LOST


@pytest.mark.parametrize("seed", range(10))
async def test_a_shim_may_be_told_to_end_from_its_first_moment_on(engines, left, seed):
    folder = await left("w")
    order = {"reason": "now", "time": 1.0, "grace_s": 0}
    files.publish(str(folder), files.CANCEL, order, once=False)
    command = [sys.executable, "-I", "-S", execution._SHIM, str(folder)]
    shim = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL)
    while not (folder / files.CLAIM).exists():  # noqa: ASYNC110  # as soon as it can be known
        await asyncio.sleep(0)
    await asyncio.sleep(random.Random(seed).uniform(0, 0.002) * (seed > 0))
    with contextlib.suppress(ProcessLookupError):  # it has read the order, and ended
        shim.terminate()
    # Once all is written the interpreter takes its handlers down, and may be ended like any other.
    assert await shim.wait() in {0, -signal.SIGTERM}
    assert (await (await engines()).ended("w")).state is WorkloadState.CANCELLED


@pytest.mark.parametrize("seed", range(10))
async def test_a_workload_may_be_cancelled_at_any_moment(engine, seed):
    await engine.launcher.launch(key("w"), shell("sleep 1000"), Secrets())
    await asyncio.sleep(random.Random(seed).uniform(0, 0.1))
    await engine.launcher.cancel(key("w"), grace_s=60, reason="enough")
    workload = await engine.ended("w")
    assert workload.state is WorkloadState.CANCELLED
    assert workload.reason == "enough"
