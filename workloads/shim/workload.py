"""One child process, from its fork to the record of its end."""
# pathlib alone would add a third to the shim's start.
# ruff: noqa: PTH110, PTH118, PTH208

import contextlib
import json
import os
import select
import signal
import sys
import time
import traceback
from typing import Any, NoReturn

from workloads.shim import files
from workloads.shim.limits import Limits
from workloads.shim.log import Log
from workloads.shim.processes import (
    adopt_orphans,
    boot_id,
    die_with_parent,
    kill_children,
    oom_kills,
    start_time,
)

NOT_ADMITTED = 3  # the shim's exit code where somebody else was admitted before

_READ_BYTES = 1 << 16
_PARTIAL_S = 0.1  # how long an unfinished line waits for its end before it is logged as a piece
_DRAIN_S = 5.0  # how long the end waits for processes that do not die and pipes that stay open
_RECORD_TRIES = 3600  # one a second
_NEVER = float("inf")


def main(folder: str) -> int:
    """Executes the folder's workload unless it was admitted before; the exit code of the shim."""
    _detach()
    claim = {"pid": os.getpid(), "start": start_time(os.getpid()), "boot": boot_id()}
    if not files.publish(folder, files.CLAIM, claim, once=True):
        return NOT_ADMITTED
    try:
        ended = _Workload(folder, _take(folder)).run()
    except Exception as error:  # noqa: BLE001  # whatever it is, the end must be recorded
        _complain()
        kill_children(_DRAIN_S)
        ended = _ended("shim_failed", message=f"{type(error).__name__}: {error}")
    _record(folder, ended)
    return 0


def _record(folder: str, ended: files.Json) -> None:
    """Records the end; waits for a disk that is full, because nobody else knows what we know."""
    files.remove_secrets(folder)
    for _ in range(_RECORD_TRIES):
        try:
            files.publish(folder, files.EXIT, ended, once=True)
        except FileNotFoundError:
            # Somebody removed the workload's folder: there is nobody left to tell.
            return
        except OSError:
            _complain()
            time.sleep(1)
        else:
            return


def _complain() -> None:
    """Leaves a trace for people, unless its disk is what is sick."""
    with contextlib.suppress(OSError):
        traceback.print_exc()


def _detach() -> None:
    """Takes nothing along of the manager but stdin, the handshake (1) and the diary (2)."""
    # Until somebody listens for it, an order to cancel must wait rather than kill the shim.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    for name in os.listdir("/proc/self/fd" if os.path.exists("/proc/self/fd") else "/dev/fd"):
        with contextlib.suppress(OSError):
            os.close(int(name) if int(name) > 2 else -1)  # noqa: PLR2004
    with contextlib.suppress(PermissionError):  # it is a leader already
        os.setsid()
    os.umask(0o077)
    adopt_orphans()


def _take(folder: str) -> files.Json:
    """Reads what to execute; it holds secrets, and nobody will need it again."""
    launch = files.load(folder, files.LAUNCH)
    files.remove(folder, files.LAUNCH)
    if launch is None:
        raise FileNotFoundError(files.LAUNCH)
    return launch


def _ended(cause: str, *, code: int = 0, signal: int = 0, **facts: Any) -> files.Json:
    return {"cause": cause, "code": code, "signal": signal, "finished": time.time(), **facts}


class _Workload:
    """The child, its pipes and its clocks."""

    def __init__(self, folder: str, launch: files.Json) -> None:
        self._folder = folder
        self._launch = launch
        self._log = Log(os.path.join(folder, files.LOG), launch["log_limit_bytes"])
        self._limits = Limits(launch["cgroup"], launch["memory_bytes"], launch["cpu_millis"])
        self._oom_kills = oom_kills()
        self._poll = select.poll()
        self._pipes: dict[int, str] = {}
        self._wake, self._signals = os.pipe()
        self._child = 0
        self._end: tuple[int, int] | None = None  # wait status, peak bytes of memory
        self._cause = "exited"
        self._timeout_at = self._kill_at = _NEVER

    def run(self) -> files.Json:
        """Executes the child until its end; returns what exit.json says."""
        self._listen()
        failure = self._start()
        if failure:
            self._log.close()
            return _ended("not_started", **failure)
        with contextlib.suppress(OSError):  # a full disk hides that it executes, but ends nothing
            files.publish(self._folder, files.STARTED, self._started(), once=False)
        _hang_up()
        self._obey(is_told=False)  # it may have been cancelled before we listened
        while self._end is None:
            self._turn(self._patience())
            self._look_at_clock()
        return self._finish(*self._end)

    def _listen(self) -> None:
        os.set_blocking(self._wake, False)
        os.set_blocking(self._signals, False)
        signal.set_wakeup_fd(self._signals, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        self._poll.register(self._wake, select.POLLIN)

    def _start(self) -> files.Json:
        """Forks and executes; answers why it could not, or nothing."""
        (out, out_end), (err, err_end), (failed, failed_end) = (os.pipe() for _ in range(3))
        shim = os.getpid()
        self._child = os.fork()
        if self._child == 0:
            self._become(out_end, err_end, failed_end, shim)
        for end in (out_end, err_end, failed_end):
            os.close(end)
        with os.fdopen(failed, "rb") as file:
            failure = file.read()
        if failure:
            os.waitpid(self._child, 0)
            return dict(json.loads(failure))
        self._pipes = {out: "stdout", err: "stderr"}
        for pipe in self._pipes:
            self._poll.register(pipe, select.POLLIN)
        timeout_s = self._launch["timeout_s"]
        self._timeout_at = time.monotonic() + (_NEVER if timeout_s is None else timeout_s)
        return {}

    def _become(self, out: int, err: int, failed: int, shim: int) -> NoReturn:
        """Turns the forked process into the workload; `failed` closes where that succeeds."""
        argv = self._launch["argv"]
        try:
            os.setsid()
            die_with_parent(shim)
            for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)  # what is ignored survives an exec
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            self._limits.enter()
            os.dup2(out, 1)
            os.dup2(err, 2)
            os.chdir(self._launch["cwd"])
            os.umask(0o022)
            os.execvpe(argv[0], argv, self._launch["env"])  # noqa: S606
        except OSError as error:
            missing = isinstance(error, FileNotFoundError | NotADirectoryError)
            message = f"{argv[0]}: {error.strerror}"
            failure = {"code": 127 if missing else 126, "message": message}
            os.write(failed, json.dumps(failure).encode())
        finally:
            os._exit(127)

    def _started(self) -> files.Json:
        return {
            "pid": self._child,
            "start": start_time(self._child),
            "boot": boot_id(),
            "time": time.time(),
            "limits": self._limits.status,
        }

    def _patience(self) -> float:
        wait = min(self._timeout_at, self._kill_at) - time.monotonic()
        return min(wait, _PARTIAL_S) if self._log.has_partial else wait

    def _turn(self, wait_s: float) -> None:
        """Waits for output, a signal or the time; handles what came."""
        ready = self._poll.poll(None if wait_s == _NEVER else max(0.0, wait_s) * 1000)
        if not ready:
            self._log.flush()
        for descriptor, _ in ready:
            if descriptor == self._wake:
                self._notice(os.read(self._wake, 512))
            else:
                self._copy(descriptor)

    def _notice(self, signals: bytes) -> None:
        self._reap()  # first: a child that had ended by itself was not cancelled
        if signal.SIGTERM in signals and self._end is None:
            self._obey(is_told=True)

    def _reap(self) -> None:
        """Takes leave of the child, and of the orphans that we adopted."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._child:
                    unit = 1 if sys.platform == "darwin" else 1024
                    self._end = status, usage.ru_maxrss * unit

    def _copy(self, pipe: int) -> None:
        data = os.read(pipe, _READ_BYTES)
        if data:
            self._log.feed(self._pipes[pipe], data)
            return
        self._poll.unregister(pipe)
        os.close(pipe)
        del self._pipes[pipe]

    def _obey(self, *, is_told: bool) -> None:
        """Reads the order to cancel; SIGTERM without one means that the host shuts down."""
        order = files.load(self._folder, files.CANCEL)
        if order is not None or is_told:
            self._stop("cancelled", (order or self._launch)["grace_s"])

    def _look_at_clock(self) -> None:
        now = time.monotonic()
        if now >= self._timeout_at:
            self._timeout_at = _NEVER
            self._stop("timeout", self._launch["grace_s"])
        if now >= self._kill_at:
            self._kill_at = _NEVER
            self._signal(signal.SIGKILL)

    def _stop(self, cause: str, grace_s: float) -> None:
        if self._cause == "exited":
            self._cause = cause
        self._kill_at = min(self._kill_at, time.monotonic() + grace_s)
        if grace_s > 0:
            self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child, number)

    def _finish(self, status: int, peak_bytes: int) -> files.Json:
        """Ends whatever the child left behind, keeps its last words, and sums up."""
        self._signal(signal.SIGKILL)
        left = kill_children(_DRAIN_S)
        give_up = time.monotonic() + _DRAIN_S
        while self._pipes and time.monotonic() < give_up:
            self._turn(give_up - time.monotonic())
        self._log.close()
        killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        group_kills = self._limits.oom_kills()
        self._limits.remove()
        host_kills = oom_kills() - self._oom_kills
        is_ours = self._cause != "exited"
        return _ended(
            self._cause,
            code=os.waitstatus_to_exitcode(status) if not killed else 128 + killed,
            signal=killed,
            oom=group_kills > 0 or (killed == signal.SIGKILL and not is_ours and host_kills > 0),
            max_rss_bytes=peak_bytes,
            log_dropped_bytes=self._log.dropped,
            message=f"{left} processes could not be killed" if left else "",
        )


def _hang_up() -> None:
    """Closes the handshake, which tells the manager to look at the folder."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
