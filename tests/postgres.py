"""A real PostgreSQL server for one run of the tests, shared by all of its worker processes.

It listens on a Unix socket only, and stops when the last process that uses it leaves.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from tests.memory import scratch

_OPTIONS = {
    "listen_addresses": "",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "log_min_messages": "fatal",
}


def binaries() -> Path | None:
    """Where the newest server's programs are; None where there is none."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    program = found[-1] if found else shutil.which("initdb")
    return Path(program).resolve().parent if program else None


class Server:
    """A data directory and its server; every process that uses it calls `join` and `leave`."""

    def __init__(self, run: str, programs: Path, *, parent: Path | None = None) -> None:
        self._programs = programs
        self.directory = (parent or scratch()) / f"weft-postgres-{run}"
        self._data = self.directory / "data"

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.directory}"

    def join(self) -> None:
        with self._users() as users:
            if not users:
                self._start()
            users.add(os.getpid())

    def leave(self) -> None:
        with self._users() as users:
            users.discard(os.getpid())
            if not users:
                self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "stop")
                shutil.rmtree(self.directory)

    def restart(self) -> None:
        """As after a crash: every connection breaks, and nobody is asked."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "-w", "restart")

    @contextlib.contextmanager
    def _users(self) -> Iterator[set[int]]:
        """The processes that use the server and still live, under an exclusive lock."""
        with self._locked() as file:
            users = {pid for pid in map(int, file.read().split()) if Path(f"/proc/{pid}").exists()}
            yield users
            file.truncate(0)
            file.write(" ".join(map(str, users)))

    def _locked(self) -> TextIO:
        """The locked list of users, in a directory that nobody has removed meanwhile."""
        path = self.directory / "users"
        while True:
            self.directory.mkdir(mode=0o755, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                file = path.open("a+")
                fcntl.flock(file, fcntl.LOCK_EX)
                if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                    file.seek(0)
                    return file
                file.close()

    def _start(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        if os.geteuid() == 0:
            shutil.chown(self.directory, "nobody")
        self._run("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-N")
        options = {**_OPTIONS, "unix_socket_directories": str(self.directory)}
        words = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        log = str(self._data / "log")
        self._run("pg_ctl", "-D", str(self._data), "-l", log, "-o", words, "-w", "start")

    def _run(self, program: str, *arguments: str) -> None:
        # The server refuses to run as root.
        user = ["setpriv", "--reuid=nobody", "--clear-groups"] if os.geteuid() == 0 else []
        subprocess.run(
            [*user, str(self._programs / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=sys.stderr if os.environ.get("WEFT_POSTGRES_LOG") else subprocess.DEVNULL,
            cwd=self.directory,
        )
