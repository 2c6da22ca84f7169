"""How much of logs there is, and may be: plain values that database and memory both count in."""

from dataclasses import dataclass

# More than any log ever holds.
ANY = 1 << 62
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024
# What a frame begins with that stands for lines which were not kept; no protobuf message does.
_GAP = b"\0"


@dataclass(frozen=True, slots=True)
class Amount:
    """Some lines, and their bytes as they were received."""

    bytes: int
    lines: int


@dataclass(frozen=True, slots=True)
class Quota:
    """How much is kept of the logs of one run, and of a single log; 0 for any amount."""

    run: Amount
    stream: Amount

    def over(self, default: "Quota") -> "Quota":
        """This quota, with what it leaves open as in another one."""
        return Quota(_over(self.run, default.run), _over(self.stream, default.stream))


NO_QUOTA = Quota(Amount(0, 0), Amount(0, 0))


@dataclass(frozen=True, slots=True)
class Usage:
    """What a log holds: `offset` is where it ends, with the lines that were not kept."""

    offset: int
    kept_bytes: int
    dropped_lines: int

    @property
    def kept_lines(self) -> int:
        return self.offset - self.dropped_lines


@dataclass(frozen=True, slots=True)
class Grant:
    """How large a log may grow; `limit` is what keeps it from more, in words."""

    bytes: int
    lines: int
    limit: str


NOTHING = Grant(0, 0, "")


def gap(limit: str) -> bytes:
    """What is stored for lines that a quota does not let in."""
    return _GAP + limit.encode()


def is_gap(data: bytes) -> bool:
    return data.startswith(_GAP)


def gap_line(data: bytes, count: int) -> str:
    """What readers see of a gap."""
    limit, what = data[len(_GAP) :].decode(), "line was" if count == 1 else "lines were"
    return f"log quota of {limit} reached; {count:,} further {what} not kept"


def in_bytes(size: int) -> str:
    """A size as people read it: "1 GiB", "1.5 MiB"."""
    amount, unit = float(size), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    return f"{amount:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"


def _over(own: Amount, default: Amount) -> Amount:
    return Amount(own.bytes or default.bytes, own.lines or default.lines)
