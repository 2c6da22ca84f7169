"""Figures and the table that shows them."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

# A share that two turns of the same run put so far apart was taken by something else. The limit
# itself may be anything: it is measured in the same turn, and another machine has another clock.
_MOST_SPREAD = 1.5


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

    `spread` is how many times the largest share among its turns is the smallest. `reached` bounds
    what must be reached where the target is not.
    """

    key: str
    name: str
    unit: str
    ours: float
    bare: float
    target: Target | None = None
    cpu_us: tuple[float, float] | None = None
    note: str = ""
    spread: float = 1.0
    reached: Target | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.bare if self.bare else 0.0

    @property
    def is_void(self) -> bool:
        """Whether the turns contradict each other, so that none of them says anything."""
        return self.spread > _MOST_SPREAD

    @property
    def verdict(self) -> str:
        """What the figure says of its target; empty where it has none."""
        if self.is_void:
            return "VOID"
        if self.target is None:
            return ""
        if self.target.holds(self):
            return "met"
        return "held" if self.reached and self.reached.holds(self) else "MISSED"


_HEADER = ("", "figure", "ours", "limit", "unit", "ratio", "target", "verdict", "CPU us", "")
_LEFT = {0, 1, 4, 6, 7, 9}


def table(figures: Sequence[Figure]) -> str:
    """The figures in columns."""
    rows = [_HEADER, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    return "\n".join(_line(row, widths) for row in rows)


def summary(figures: Sequence[Figure]) -> str:
    """How many targets are met, how many only held where they were, and how many are missed."""
    verdicts = Counter(figure.verdict for figure in figures)
    return ", ".join(f"{verdicts[word]} {word}" for word in ("met", "held", "MISSED", "VOID"))


def as_json(figures: Sequence[Figure]) -> str:
    """The figures as a JSON array, each with its ratio and its verdict."""
    shown = [
        {
            **asdict(figure),
            "target": str(figure.target or ""),
            "reached": str(figure.reached or ""),
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
    void = f"its turns differ {figure.spread:.1f} times" if figure.is_void else ""
    bound = f"reached: {figure.reached}" if figure.verdict in ("held", "MISSED") else ""
    return "; ".join(filter(None, (figure.note, void, bound if figure.reached else "")))


def _short(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
