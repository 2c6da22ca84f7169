"""Graphs as text: from left to right in box characters, as Mermaid, and for Graphviz.

A node stands in the column behind all that it waits for. An edge over several columns passes
through an empty place in each, so that every edge is drawn between neighbouring columns; those
of one node share a vertical line, and different nodes have lines of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from weft.cli._text import plain, width

_LEFT, _RIGHT, _UP, _DOWN = 1, 2, 4, 8
_BOXES = {
    _LEFT: "─",
    _RIGHT: "─",
    _UP: "│",
    _DOWN: "│",
    _LEFT | _RIGHT: "─",
    _UP | _DOWN: "│",
    _RIGHT | _DOWN: "┌",
    _LEFT | _DOWN: "┐",
    _RIGHT | _UP: "└",
    _LEFT | _UP: "┘",
    _LEFT | _RIGHT | _DOWN: "┬",
    _LEFT | _RIGHT | _UP: "┴",
    _UP | _DOWN | _RIGHT: "├",
    _UP | _DOWN | _LEFT: "┤",
    _LEFT | _RIGHT | _UP | _DOWN: "┼",
}
_ASCII = str.maketrans(dict.fromkeys("┌┐└┘┬┴├┤┼", "+") | {"─": "-", "│": "|", "►": ">"})
_MOST_NODES = 60
_GAP = 2


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn: labels by node, each node after all that it waits for, and who waits."""

    labels: Mapping[str, str]
    edges: Sequence[tuple[str, str]]

    def text(self, columns: int, *, is_ascii: bool = False) -> list[str] | None:
        """The lines; None where it is too large to be read in so many columns."""
        if len(self.labels) > _MOST_NODES:
            return None
        lines = _Layout(self).lines()
        if max(map(width, lines), default=0) > columns:
            return None
        return [line.translate(_ASCII) for line in lines] if is_ascii else lines

    def mermaid(self) -> str:
        """The graph in the language of Mermaid."""
        ids = {node: f"n{number}" for number, node in enumerate(self.labels)}
        lines = [f'  {ids[node]}["{_escaped(text)}"]' for node, text in self.labels.items()]
        lines += [f"  {ids[source]} --> {ids[target]}" for source, target in self.edges]
        return "\n".join(["graph LR", *lines])

    def dot(self) -> str:
        """The graph in the language of Graphviz."""
        lines = [f"  {_quoted(node)} [label={_quoted(text)}]" for node, text in self.labels.items()]
        lines += [f"  {_quoted(source)} -> {_quoted(target)}" for source, target in self.edges]
        return "\n".join(["digraph {", "  rankdir=LR", *lines, "}"])

    def indented(self) -> list[str]:
        """A line for each node, deeper than all that it waits for, with their names."""
        depth = self.depths()
        before = _sources(self.edges)
        return [
            plain("  " * depth[node] + text)
            + (f"  after {', '.join(before[node])}" if before.get(node) else "")
            for node, text in self.labels.items()
        ]

    def depths(self) -> dict[str, int]:
        """How many nodes stand before each one, at most."""
        before = _sources(self.edges)
        depth: dict[str, int] = {}
        for node in self.labels:
            depth[node] = 1 + max((depth[up] for up in before.get(node, ())), default=-1)
        return depth


@dataclass(slots=True)
class _Place:
    """A node in its column, or the place through which an edge passes."""

    label: str
    is_node: bool
    row: int = 0
    targets: list[_Place] = field(default_factory=list)


class _Layout:
    """Places in columns, and the lines between them."""

    def __init__(self, drawing: Drawing) -> None:
        depth = drawing.depths()
        self._columns: list[list[_Place]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
        places = {}
        for node, label in drawing.labels.items():
            places[node] = _Place(plain(label), is_node=True)
            self._columns[depth[node]].append(places[node])
        for source, target in drawing.edges:
            end = places[source]
            for column in range(depth[source] + 1, depth[target]):
                passage = next(
                    (p for p in end.targets if not p.is_node and p.label == source), None
                )
                if passage is None:
                    passage = _Place(source, is_node=False)
                    self._columns[column].append(passage)
                    end.targets.append(passage)
                end = passage
            end.targets.append(places[target])
        self._set_rows()

    def lines(self) -> list[str]:
        """The text, without blanks at the ends of lines."""
        height = 1 + max((p.row for column in self._columns for p in column), default=-1)
        rows = [""] * height
        for number, column in enumerate(self._columns):
            is_last = number == len(self._columns) - 1
            self._write_labels(rows, column, is_last=is_last)
            if not is_last:
                self._write_edges(rows, column)
        return [line.rstrip() for line in rows]

    def _set_rows(self) -> None:
        """Keeps a node in the row of the first that it waits for, or as near as there is room."""
        for number, column in enumerate(self._columns):
            wanted: dict[int, int] = {}
            for before in self._columns[number - 1] if number else []:
                for target in before.targets:
                    wanted.setdefault(id(target), before.row)
            column.sort(key=lambda place: wanted.get(id(place), 0))
            free = 0
            for place in column:
                place.row = max(free, wanted.get(id(place), 0))
                free = place.row + 1

    @staticmethod
    def _write_labels(rows: list[str], column: list[_Place], *, is_last: bool) -> None:
        by_row = {place.row: place for place in column}
        room = max((width(place.label) for place in column if place.is_node), default=0)
        for row in range(len(rows)):
            place = by_row.get(row)
            if place is None:
                rows[row] += " " * (room + 1)
            elif not place.is_node:
                rows[row] += "─" * (room + 1)
            else:
                fill = "─" if place.targets and not is_last else " "
                rows[row] += f"{place.label} " + fill * (room - width(place.label))

    @staticmethod
    def _write_edges(rows: list[str], column: list[_Place]) -> None:
        """Draws from a column to the next: a vertical line for each place that needs one."""
        sources = [place for place in column if place.targets]
        bent = [p for p in sources if any(target.row != p.row for target in p.targets)]
        # The lines of those further down lie further left, so that fewer of them cross.
        lanes = {id(place): _GAP + 2 * n for n, place in enumerate(reversed(bent))}
        room = 3 + 2 * len(bent)
        grid = [[0] * room for _ in rows]
        for place in sources:
            _draw(grid, place, lanes.get(id(place), room - 1))
        heads = {target.row for place in sources for target in place.targets if target.is_node}
        for row, cells in enumerate(grid):
            line = "".join(_BOXES.get(cell, " ") for cell in cells)
            rows[row] += f"{line[:-1]}► " if row in heads else f"{line}{line[-1]}"


def _draw(grid: list[list[int]], place: _Place, lane: int) -> None:
    """Adds the lines from a place to its targets to the cells of a gap."""
    last = len(grid[0]) - 1
    targets = [target.row for target in place.targets]
    for column in range(lane + 1):
        grid[place.row][column] |= _LEFT | (_RIGHT if column < lane else 0)
    for row in targets:
        for column in range(lane, last + 1):
            grid[row][column] |= (_LEFT if column > lane else 0) | _RIGHT
    top, bottom = min(place.row, *targets), max(place.row, *targets)
    for row in range(top, bottom + 1):
        grid[row][lane] |= (_UP if row > top else 0) | (_DOWN if row < bottom else 0)


def _sources(edges: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    before: dict[str, list[str]] = {}
    for source, target in edges:
        before.setdefault(target, []).append(source)
    return before


def _escaped(text: str) -> str:
    """A label of Mermaid: entities for all that its language, or a page around it, would read."""
    return "".join(c if c.isalnum() or c in " ._-@" else f"#{ord(c)};" for c in plain(text))


def _quoted(text: str) -> str:
    escaped = plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
