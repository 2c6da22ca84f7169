"""The workload's output on disk."""

import contextlib
import os
import time
from collections.abc import Iterable

PIECE_BYTES = 16 << 10  # longest piece of a line in the log, as containerd's and as S34


class Log:
    """The workload's output: `<time> <stream> <F|P> <text>` lines, as Kubernetes' CRI writes.

    F ends a line of the child, P is a piece that the next record of the same stream continues,
    so the child's bytes can be restored exactly. Stream "system" is the shim's own voice. What
    does not fit, by limit or by a full disk, is counted and said, never silently absent.
    """

    def __init__(self, path: str, limit: int) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._limit = limit
        self._partial: dict[str, bytes] = {}
        self._full = False
        self._missing = 0
        self.size = os.fstat(self._descriptor).st_size
        self.dropped = 0

    @property
    def has_partial(self) -> bool:
        return any(self._partial.values())

    def feed(self, stream: str, data: bytes) -> None:
        """Logs whole lines; keeps the unfinished rest until more comes or `flush`."""
        *lines, rest = (self._partial.get(stream, b"") + data).split(b"\n")
        prefix = _prefix(stream)
        records = [record for line in lines for record in _records(prefix, line, b"F")]
        whole = len(rest) - len(rest) % PIECE_BYTES
        records += _records(prefix, rest[:whole], b"P") if whole else ()
        self._partial[stream] = rest[whole:]
        self._append(records)

    def flush(self) -> None:
        """Logs unfinished lines as pieces."""
        for stream, rest in self._partial.items():
            if rest:
                self._append(list(_records(_prefix(stream), rest, b"P")))
        self._partial.clear()

    def close(self) -> None:
        """Says what is missing, and makes the log durable."""
        self.flush()
        if self._missing:
            self._write(_note(f"{self._missing} bytes of output are missing here"))
        with contextlib.suppress(OSError):
            os.fsync(self._descriptor)
        os.close(self._descriptor)

    def _append(self, records: list[bytes]) -> None:
        if not records:
            return
        if not self._full and self.size + sum(map(len, records)) > self._limit:
            self._fill(records)
        elif self._full or not self._write(self._gap() + b"".join(records)):
            self._drop(records)
        else:
            self._missing = 0

    def _fill(self, records: list[bytes]) -> None:
        """Takes what the limit still allows, and says so: the rest will never be there."""
        taken = 0
        room = self._limit - self.size
        while room >= len(records[taken]):
            room -= len(records[taken])
            taken += 1
        self._full = True
        limit = _note(f"the log has reached its limit of {self._limit} bytes")
        if self._write(self._gap() + b"".join(records[:taken]) + limit):
            self._missing = 0
        else:
            self._drop(records[:taken])
        self._drop(records[taken:])

    def _gap(self) -> bytes:
        return _note(f"{self._missing} bytes of output are missing here") if self._missing else b""

    def _drop(self, records: list[bytes]) -> None:
        lost = sum(map(_child_bytes, records))
        self._missing += lost
        self.dropped += lost

    def _write(self, data: bytes) -> bool:
        """Appends all or nothing."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
            return False
        self.size += len(data)
        return True


def _prefix(stream: str) -> bytes:
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{moment}.{nanoseconds:09}Z {stream} ".encode()


_PREFIX_BYTES = len("2026-01-02T03:04:05.000000000Z stdout ")


def _records(prefix: bytes, line: bytes, last: bytes) -> Iterable[bytes]:
    if len(line) <= PIECE_BYTES:
        yield b"%b%b %b\n" % (prefix, last, line)
        return
    for begin in range(0, len(line), PIECE_BYTES):
        tag = last if begin + PIECE_BYTES >= len(line) else b"P"
        yield b"%b%b %b\n" % (prefix, tag, line[begin : begin + PIECE_BYTES])


def _child_bytes(record: bytes) -> int:
    """How many bytes of the child a record stands for; the end of a piece is not one of them."""
    is_piece = record[_PREFIX_BYTES : _PREFIX_BYTES + 1] == b"P"
    return len(record) - _PREFIX_BYTES - len(b"F ") - is_piece


def _note(text: str) -> bytes:
    return b"%bF weft: %b\n" % (_prefix("system"), text.encode())
