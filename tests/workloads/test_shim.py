"""Parts of the shim that no workload reaches at will: full disks, limits, any bytes at all."""

import asyncio
import os
import resource
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workloads.observed import key, said, shell
from workloads.lifecycle import WorkloadState
from workloads.model import Secrets
from workloads.shim import files
from workloads.shim.limits import ENFORCED, Limits
from workloads.shim.log import PIECE_BYTES, Log

CHUNKS = st.lists(
    st.tuples(
        st.sampled_from(["stdout", "stderr"]),
        st.binary(max_size=200)
        | st.sampled_from([b"\n", b"x" * PIECE_BYTES, b"y" * (PIECE_BYTES * 3 + 1), b"a\nb"]),
        st.booleans(),
    ),
    max_size=30,
)


@given(CHUNKS)
def test_the_childs_bytes_can_be_restored_exactly(tmp_path_factory, chunks):
    path = tmp_path_factory.mktemp("log") / files.LOG
    log = Log(str(path), 1 << 30)
    written = {"stdout": b"", "stderr": b""}
    for stream, data, is_pause in chunks:
        log.feed(stream, data)
        written[stream] += data
        if is_pause:
            log.flush()
    log.close()
    data = path.read_bytes()
    assert {stream: said(data, stream) for stream in written} == written
    assert all(len(line) <= PIECE_BYTES + 64 for line in data.split(b"\n"))


@given(CHUNKS, st.integers(0, 200_000))
def test_what_the_limit_cuts_is_counted(tmp_path_factory, chunks, limit):
    path = tmp_path_factory.mktemp("log") / files.LOG
    log = Log(str(path), limit)
    for stream, data, _ in chunks:
        log.feed(stream, data)
    log.close()
    data = path.read_bytes()
    kept = len(said(data, "stdout")) + len(said(data, "stderr"))
    assert kept + log.dropped == sum(len(data) for _, data, _ in chunks)
    assert (b"reached its limit" in data) == (log.dropped > 0)
    assert len(data) <= limit + 300


def test_a_full_disk_leaves_a_marked_gap_and_the_rest(tmp_path: Path):
    path = tmp_path / files.LOG
    log = Log(str(path), 1 << 30)
    log.feed("stdout", b"before\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.size + 10, hard))
    try:
        log.feed("stdout", b"lost one\nlost two\n")
        log.feed("stderr", b"lost\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.feed("stdout", b"after\n")
    log.close()
    data = path.read_bytes()
    assert said(data, "stdout") == b"before\nafter\n"
    assert said(data, "system") == b"weft: 23 bytes of output are missing here\n"
    assert data.index(b"before") < data.index(b"missing here") < data.index(b"after")
    assert log.dropped == 23


def test_limits_are_written_where_a_group_is_delegated(tmp_path: Path):
    limits = Limits(str(tmp_path), memory_bytes=1 << 30, cpu_millis=1500)
    assert limits.status == ENFORCED
    limits.enter()
    (group,) = tmp_path.iterdir()
    written = {file.name: file.read_text() for file in group.iterdir()}
    assert written == {
        "memory.max": "1073741824",
        "memory.oom.group": "1",
        "cpu.max": "150000 100000",
        "cgroup.procs": "0",
    }
    (group / "memory.events").write_text("low 0\noom 2\noom_kill 1\n")
    assert limits.oom_kills() == 1
    limits.remove()
    assert (group / "cgroup.kill").read_text() == "1"


@pytest.mark.parametrize("parent", ["", "/proc/nowhere"])
def test_limits_that_cannot_be_enforced_say_so(parent):
    assert Limits(parent, memory_bytes=1, cpu_millis=0).status.startswith("not enforced: ")
    assert Limits(parent, memory_bytes=0, cpu_millis=0).status == ""


def test_what_is_published_once_stays(tmp_path: Path):
    folder = str(tmp_path)
    assert files.publish(folder, files.EXIT, {"cause": "first"}, once=True)
    assert not files.publish(folder, files.EXIT, {"cause": "second"}, once=True)
    assert files.load(folder, files.EXIT) == {"cause": "first"}
    assert [path.name for path in tmp_path.iterdir()] == [files.EXIT]


async def test_a_log_can_be_resumed_at_any_byte(engine):
    await engine.run("l", "for i in $(seq 200); do echo line $i; echo err $i >&2; done")
    whole = await engine.log("l")
    for cut in range(0, len(whole), 97):
        tail = await engine.launcher.read_log(key("l"), cut, 1 << 20)
        assert whole[:cut] + tail.data == whole
        assert tail.is_end


async def test_a_line_is_served_when_it_is_whole(engine):
    await engine.launcher.launch(key("l"), shell("sleep 1000"), Secrets())
    await engine.reaches("l", "RUNNING")
    with (engine.folder("l") / files.LOG).open("ab", buffering=0) as log:
        log.write(b"2026-01-01T00:00:00.000000000Z stdout F whole\n2026-01-01T00:00")
        chunk = await engine.launcher.read_log(key("l"), 0, 1)
        assert chunk.data.endswith(b" F whole\n")
        assert not chunk.is_end
        assert (await engine.launcher.read_log(key("l"), chunk.next_offset, 1)).data == b""
        log.write(b":01.000000000Z stdout F torn\n")
    rest = await engine.launcher.read_log(key("l"), chunk.next_offset, 1)
    assert said(rest.data, "stdout") == b"torn\n"


async def test_a_full_disk_delays_the_record_of_the_end_and_loses_nothing_else(engine):
    script = "while [ ! -p pipe ]; do sleep 0.01; done; read go < pipe; echo unseen; exit 6"
    await engine.launcher.launch(key("full"), shell(script), Secrets())
    os.mkfifo(engine.folder("full") / files.WORK / "pipe")
    await engine.reaches("full", "RUNNING")
    shim = files.load(str(engine.folder("full")), files.CLAIM)["pid"]
    soft, hard = resource.prlimit(shim, resource.RLIMIT_FSIZE)
    resource.prlimit(shim, resource.RLIMIT_FSIZE, (0, hard))
    (engine.folder("full") / files.WORK / "pipe").write_text("go\n")
    # The last thing before the record of the end.
    await engine.has(lambda: not (engine.folder("full") / files.SECRETS).exists())
    assert engine.known[key("full")].state is WorkloadState.RUNNING
    resource.prlimit(shim, resource.RLIMIT_FSIZE, (soft, hard))
    workload = await engine.ended("full")
    assert workload.exit.code == 6
    assert b"unseen" not in await engine.log("full")
    assert files.load(str(engine.folder("full")), files.EXIT)["log_dropped_bytes"] == len(
        b"unseen\n"
    )


async def test_a_shim_whose_folder_was_removed_does_not_linger(engine, tmp_path):
    pid_file, gate = tmp_path / "pid", tmp_path / "gate"
    os.mkfifo(gate)
    script = f"echo $PPID > {pid_file}; read line < {gate}"
    await engine.launcher.launch(key("w"), shell(script), Secrets())
    await engine.has(lambda: pid_file.exists() and bool(pid_file.read_text().strip()))
    shim = os.pidfd_open(int(pid_file.read_text()))
    shutil.rmtree(engine.folder("w"))
    gate.write_text("go\n")
    # Readable once the process has ended.
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(shim, ended.set)
    async with asyncio.timeout(10):
        await ended.wait()
    loop.remove_reader(shim)
    os.close(shim)
