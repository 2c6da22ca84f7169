"""Copies of data that lies elsewhere: they are gone when the processes are that used them."""

import os
import subprocess
import sys
from pathlib import Path

# A fork that ends as those of multiprocessing do, and says first whether its copy was there.
FORKING = """
import os
from weft._copies import new_folder

own = new_folder()
if not (fork := os.fork()):
    copy = new_folder()
    os._exit(0 if copy.exists() and own.exists() and copy.parent != own.parent else 1)
assert os.waitpid(fork, 0)[1] == 0
assert own.exists()
"""
# One that nothing can clean up after, with a fork that goes on until it is told to end.
KILLED = """
import os, signal, sys
from weft._copies import new_folder

own = new_folder()
if os.fork():
    os.kill(os.getpid(), signal.SIGKILL)
print(own, flush=True)
sys.stdin.read()
"""


def folders(directory: Path) -> list[Path]:
    return list(directory.glob("weft-external-*"))


def start(directory: Path, program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "TMPDIR": str(directory)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_fork_that_ends_at_once_leaves_nothing(tmp_path: Path) -> None:
    with start(tmp_path, FORKING) as process:
        assert process.wait(60) == 0
    assert folders(tmp_path) == []


def test_the_next_one_removes_what_a_killed_one_left_and_nothing_in_use(tmp_path: Path) -> None:
    with start(tmp_path, KILLED) as killed:
        assert killed.stdout
        left = Path(killed.stdout.readline().strip())
        assert killed.wait(60) < 0
        with start(tmp_path, FORKING) as process:
            assert process.wait(60) == 0
        # Its fork may still read it.
        assert left.exists()
        assert killed.stdin
        killed.stdin.close()
        assert killed.stdout.read() == ""
    with start(tmp_path, FORKING) as process:
        assert process.wait(60) == 0
    assert folders(tmp_path) == []
