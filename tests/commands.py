"""The `weft` command in a process of its own that starts at once: forked from one that has
imported it.

Starting Python, click and gRPC takes a quarter of a second of CPU, and tests type a thousand
commands; in shells they do it by `typed.py`. How a command starts from nothing is what
`test_start_up.py` looks at, and the walk-through is typed with nothing in between.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


class Commands:
    """The process that commands are forked from; `run` calls one."""

    def __init__(self, directory: Path) -> None:
        self.address = str(directory / "commands")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.address)
            listener.listen()
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.commands", str(listener.fileno())],
                cwd=ROOT,
                # Commands write what they have to say at once, as tests of pipes expect it.
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                pass_fds=[listener.fileno()],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )

    def close(self) -> None:
        assert self._server.stdin
        self._server.stdin.close()
        self._server.wait()

    def run(
        self,
        *arguments: str,
        env: Mapping[str, str],
        cwd: Path,
        stdin: str = "",
        timeout_s: float = 100,
    ) -> Result:
        """As `python -m weft` with these arguments; raises TimeoutError after killing it."""
        with (
            _text(stdin) as source,
            _text() as out,
            _text() as err,
            socket.socket(socket.AF_UNIX) as server,
        ):
            server.settimeout(timeout_s)
            server.connect(self.address)
            request = json.dumps({"arguments": arguments, "env": dict(env), "cwd": str(cwd)})
            fds = [file.fileno() for file in (source, out, err)]
            socket.send_fds(server, [b"\0"], fds)
            server.sendall(request.encode())
            server.shutdown(socket.SHUT_WR)
            with server.makefile() as answers:
                code = _code(answers)
            return Result(code, _all(out), _all(err))


def _code(answers: Iterator[str]) -> int:
    """The exit code, which follows the id of the process."""
    pid = int(next(answers))
    try:
        return int(next(answers))
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        raise


def _text(content: str = "") -> "tempfile._TemporaryFileWrapper[str]":
    file = tempfile.TemporaryFile("w+")  # noqa: SIM115 - the caller closes it
    file.write(content)
    file.seek(0)
    return file


def _all(file: "tempfile._TemporaryFileWrapper[str]") -> str:
    file.seek(0)
    return file.read()


def _import_everything() -> None:
    """What commands import when they are called; some of it is for programs beside."""
    for name in ("weft", "weftapi.common.v1", "weftapi.controlplane.v1", "weftapi.workspace.v1"):
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith(("__main__", "_child", "_tethered")):
                with contextlib.suppress(ImportError):
                    importlib.import_module(module.name)


@dataclass(slots=True)
class _Call:
    """What a caller asks for, over the socket that it waits at for the exit code."""

    caller: socket.socket
    fds: list[int]
    arguments: list[str]
    env: dict[str, str]
    cwd: str
    # The process group to be in, if not that of the tests.
    group: int | None = None

    @classmethod
    def read(cls, caller: socket.socket) -> "_Call":
        _, fds, _, _ = socket.recv_fds(caller, 1, 3)
        with caller.makefile() as file:
            return cls(caller, fds, **json.load(file))

    def become(self) -> None:
        """Makes this process the command's."""
        if self.group is not None:
            os.setpgid(0, self.group)
        for number, fd in enumerate(self.fds):
            os.dup2(fd, number)
        os.chdir(self.cwd)
        os.environ.clear()
        os.environ.update(self.env)
        sys.argv[1:] = self.arguments
        sys.path[0] = self.cwd

    def release(self) -> None:
        for fd in self.fds:
            os.close(fd)


def _serve(listener: socket.socket) -> _Call:
    """Returns in a new process for each call; exits when the tests have ended."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    callers: dict[int, socket.socket] = {}
    while True:
        readable, _, _ = select.select([listener, reader, sys.stdin], [], [])
        if sys.stdin in readable:
            sys.exit()
        if reader in readable:
            reader.recv(4096)
            _tell_ends(callers)
        if listener in readable:
            call = _Call.read(listener.accept()[0])
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return call
            call.release()
            call.caller.sendall(f"{pid}\n".encode())
            callers[pid] = call.caller


def _tell_ends(callers: dict[int, socket.socket]) -> None:
    """Tells their callers of all commands that have ended meanwhile."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            # Whoever waited too long is gone.
            with callers.pop(pid) as caller, contextlib.suppress(OSError):
                caller.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _run() -> int:
    """The command, to its exit code."""
    try:
        runpy.run_module("weft", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        sys.stderr.write(f"{ended.code}\n")
        return 1
    except BaseException:  # noqa: BLE001 - as the interpreter does it
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    _import_everything()
    # What is here already is no garbage of any command.
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1]))).become()
    code = _run()
    # All that the interpreter does in the end but to take down its modules: they are shared.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)
