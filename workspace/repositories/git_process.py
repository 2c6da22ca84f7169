"""Runs git, on what strangers wrote: a process of its own that gets nothing from ours.

It reads no configuration of the machine or of anybody on it, asks nobody for passwords, speaks
one protocol, follows no redirect, runs no hook, and ends when its time, its memory or its disk
is used up. Nothing that people wrote stands among its arguments but ids and names of refs that
were checked: addresses and tokens come in its environment, which other users cannot read.
"""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_MEMORY_KIB = 2 << 20
_MAX_SAID = 16_384
_CHUNK = 65_536
_NO_PROGRAM = 127
# Set by the shell that git replaces: between fork and exec nothing of Python may run in a
# server that has threads. A file that grows too large is an error of its writer, no signal.
_LIMITED = 'trap "" XFSZ; ulimit -c 0; ulimit -f "$1"; ulimit -v "$2"; shift 2; exec "$@"'
_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.attributesFile": "/dev/null",
    "core.fsmonitor": "false",
    "credential.helper": "",
    "fetch.fsckObjects": "true",
    # Ancient mistakes in real histories, which harm nobody.
    "fetch.fsck.missingSpaceBeforeDate": "ignore",
    "fetch.fsck.zeroPaddedFilemode": "ignore",
    "fetch.fsck.badTimezone": "ignore",
    # Everything stays in one pack, whose size the limit of files bounds.
    "fetch.unpackLimit": "1",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "http.proxy": "",
    "i18n.logOutputEncoding": "UTF-8",
    "maintenance.auto": "false",
    # Each thread reserves memory, of which there is a limit.
    "pack.threads": "2",
    "protocol.version": "2",
    "submodule.recurse": "false",
    "transfer.bundleURI": "false",
}


class GitError(Exception):
    """Git refused; says how, in its own words."""


class TooMuchError(Exception):
    """There is more of it than is taken."""


@dataclass(frozen=True, slots=True)
class Git:
    """Git in one directory, which is its home."""

    home: Path
    protocol: str
    config: Mapping[str, str]
    max_file_bytes: int

    async def run(self, *arguments: str, max_bytes: int = _CHUNK) -> bytes:
        """What a command wrote; GitError, or TooMuchError where it is too much."""
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", _LIMITED, "sh", str(self.max_file_bytes // 512), str(_MEMORY_KIB)),
            *("git", *arguments),
            cwd=self.home,
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout
        assert process.stderr
        try:
            out, said = await asyncio.gather(
                _read(process.stdout, max_bytes), _read_some(process.stderr, _MAX_SAID)
            )
            code = await process.wait()
        finally:
            await _end(process)
        if code:
            raise _failure(code, said.decode(errors="replace"))
        return out

    def _environment(self) -> dict[str, str]:
        config = {**_CONFIG, **self.config}
        pairs: Sequence[tuple[str, str]] = [*config.items()]
        return {
            "PATH": os.defpath if shutil.which("git", path=os.defpath) else os.environ["PATH"],
            "HOME": str(self.home),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "/bin/false",
            "GIT_ALLOW_PROTOCOL": self.protocol,
            "GIT_CONFIG_COUNT": str(len(pairs)),
            **{f"GIT_CONFIG_KEY_{n}": key for n, (key, _) in enumerate(pairs)},
            **{f"GIT_CONFIG_VALUE_{n}": value for n, (_, value) in enumerate(pairs)},
        }


async def _read(stream: asyncio.StreamReader, most: int) -> bytes:
    found = bytearray()
    while chunk := await stream.read(_CHUNK):
        found += chunk
        if len(found) > most:
            raise TooMuchError
    return bytes(found)


async def _read_some(stream: asyncio.StreamReader, most: int) -> bytes:
    """The end of what is written, however much it is: errors come last."""
    found = b""
    while chunk := await stream.read(_CHUNK):
        found = (found + chunk)[-most:]
    return found


async def _end(process: asyncio.subprocess.Process) -> None:
    """Nothing that it started outlives it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _failure(code: int, said: str) -> Exception:
    if code == _NO_PROGRAM:
        return GitError("fatal: this server has no git")
    if any(words in said for words in ("File too large", "out of memory", "mmap failed")):
        return TooMuchError()
    return GitError(said.strip() or f"ended with code {code}")
