"""Ports for the servers of a mesh, which no other mesh of this machine takes meanwhile."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from weft.errors import MeshStartError

# Below those that kernels hand out for connections, above the well-known ones. The control plane
# takes the upper part for the workspaces that it provisions.
_QUIET_PORTS = range(12_000, 24_000)
_TRIES = 100


class Ports:
    """The ports of one mesh, held until `release` or the end of this process.

    Looking whether a port is free is not enough: nobody listens there yet while a mesh starts, nor
    while a server of it is started again.
    """

    def __init__(self) -> None:
        self._locks: list[int] = []

    def take(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """For each name the port it wants, if nobody has it, or else another; 0 wants any.

        Others are not left to the kernel: what it gave us it also gives to the next connection of
        anybody, and a server that is started again must find its port free.

        Raises:
            MeshStartError: No port is free.
        """
        ports: dict[str, int] = {}
        for name, preferred in wanted.items():
            others = random.SystemRandom().sample(_QUIET_PORTS, _TRIES)
            candidates = (p for p in (preferred, *others) if p and p not in ports.values())
            port = next(filter(self._take, candidates), None)
            if port is None:
                raise MeshStartError("no port is free on 127.0.0.1")
            ports[name] = port
        return ports

    def release(self) -> None:
        """Lets the next mesh have them."""
        while self._locks:
            os.close(self._locks.pop())

    def _take(self, port: int) -> bool:
        lock = _opened(port)
        if lock is None:
            # Nowhere to say that it is ours: looking has to do.
            return _is_free(port)
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_free(port):
                self._locks.append(lock)
                return True
        os.close(lock)
        return False


def _opened(port: int) -> int | None:
    """The file that stands for a port among the meshes of this user; None where none can."""
    folder = Path(tempfile.gettempdir(), f"weft-ports-{os.getuid()}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid != os.getuid():
            return None
        return os.open(folder / str(port), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # Connections of a mesh that has just stopped do not hold its ports.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
