"""Figures and the table that shows them."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bench.limits import Reference


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should reach: a bound on ours / bare, or on ours itself."""

    bound: float
    is_share: bool = True
    is_ceiling: bool = False

    def holds(self, figure: "Figure") -> bool:
        value = figure.ratio if self.is_share else figure.ours
        return value <= self.bound if self.is_ceiling else value >= self.bound

    def __str__(self) -> str:
        sign = "<=" if self.is_ceiling else ">="
        return f"{sign} {self.bound:g}x" if self.is_share else f"{sign} {_short(self.bound)}"


def at_least(share: float) -> Target:
    """Ours is at least this share of bare."""
    return Target(share)


def at_most(share: float) -> Target:
    """Ours is at most this multiple of bare."""
    return Target(share, is_ceiling=True)


def reach(value: float) -> Target:
    """Ours itself is at least this."""
    return Target(value, is_share=False)


def stay_below(value: float) -> Target:
    """Ours itself is at most this."""
    return Target(value, is_share=False, is_ceiling=True)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `cpu_us` is (ours, bare) server CPU per unit of work, if known.

    `reference` is what the limit would be on a quiet machine; `limit` the measured one that it
    speaks of, where that is not `bare` itself.
    """

    key: str
    name: str
    unit: str
    ours: float
    bare: float
    target: Target | None = None
    cpu_us: tuple[float, float] | None = None
    note: str = ""
    reference: Reference | None = None
    limit: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.bare if self.bare else 0.0

    @property
    def is_void(self) -> bool:
        """Whether the limit is not what it should be, so that a share of it says nothing."""
        limit = self.bare if self.limit is None else self.limit
        return self.reference is not None and not self.reference.holds(limit)

    @property
    def verdict(self) -> str:
        """What the figure says of its target; empty where it has none."""
        if self.is_void:
            return "VOID"
        if self.target is None:
            return ""
        return "met" if self.target.holds(self) else "MISSED"


_HEADER = ("", "figure", "ours", "limit", "unit", "ratio", "target", "verdict", "CPU us", "")
_LEFT = {0, 1, 4, 6, 7, 9}


def table(figures: Sequence[Figure]) -> str:
    """The figures in columns."""
    rows = [_HEADER, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    return "\n".join(_line(row, widths) for row in rows)


def summary(figures: Sequence[Figure]) -> str:
    """How many targets are met, and how many are not."""
    verdicts = Counter(figure.verdict for figure in figures)
    return ", ".join(f"{verdicts[word]} {word}" for word in ("met", "MISSED", "VOID"))


def as_json(figures: Sequence[Figure]) -> str:
    """The figures as a JSON array, each with its ratio and its verdict."""
    shown = [
        {
            **asdict(figure),
            "target": str(figure.target or ""),
            "ratio": figure.ratio,
            "verdict": figure.verdict,
        }
        for figure in figures
    ]
    return json.dumps(shown, indent=2)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        cell.ljust(width) if column in _LEFT else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(cells).rstrip()


def _cells(figure: Figure) -> tuple[str, ...]:
    cpu = "/".join(f"{us:.0f}" for us in figure.cpu_us) if figure.cpu_us else ""
    return (
        figure.key,
        figure.name,
        _short(figure.ours),
        _short(figure.bare),
        figure.unit,
        f"{figure.ratio:.2f}",
        str(figure.target or ""),
        figure.verdict,
        cpu,
        _remark(figure),
    )


def _remark(figure: Figure) -> str:
    void = f"the limit should be {figure.reference}" if figure.is_void else ""
    return "; ".join(filter(None, (figure.note, void)))


def _short(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
