"""Graphs as inline SVG: from left to right, each node behind all that it waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean

from weft._html import sign_of, text

_MOST_NODES = 300
_LONGEST = 28
_LETTER, _HEIGHT, _ROW, _GAP, _EDGE = 7.3, 30, 44, 46, 6
_PASSES = 4


@dataclass(frozen=True, slots=True)
class Shown:
    """A node: its label, the state of its step where there is one, and what it waits for."""

    label: str
    upstream: Sequence[str] = ()
    state: str = ""


@dataclass(slots=True, eq=False)
class _Place:
    """A node in its column, or the place through which an edge passes."""

    node: str
    is_node: bool
    column: int
    row: float = 0.0
    before: list[_Place] = field(default_factory=list)
    after: list[_Place] = field(default_factory=list)


def svg(nodes: Mapping[str, Shown]) -> str:
    """Draw a graph; "" where it is too large to be looked at.

    Args:
        nodes: By id, each after all that it waits for.
    """
    if not 0 < len(nodes) <= _MOST_NODES:
        return ""
    columns = _columns(nodes)
    widths = [_width(column, nodes) for column in columns]
    lefts = [sum(widths[:i]) + i * _GAP + 1 for i in range(len(columns))]
    places = [place for column in columns for place in column]
    height = max(place.row for place in places) * _ROW + _HEIGHT + 2
    width = lefts[-1] + widths[-1] + 1
    edges = [_edge(place, target, lefts, widths) for place in places for target in place.after]
    boxes = [
        _box(nodes[p.node], lefts[p.column], p.row * _ROW + 1, widths[p.column])
        for p in places
        if p.is_node
    ]
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    label = text(f"graph of {len(nodes)} steps: {', '.join(nodes)}", 400)
    style = "max-width:100%;height:auto;display:block;margin:4px 0"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" {size} '
        f'style="{style}" font-family="ui-monospace,Menlo,Consolas,monospace" font-size="12">'
        f"{''.join(edges)}{''.join(boxes)}</svg>"
    )


def _columns(nodes: Mapping[str, Shown]) -> list[list[_Place]]:
    depth: dict[str, int] = {}
    places: dict[str, _Place] = {}
    columns: list[list[_Place]] = []
    for id_, node in nodes.items():
        known = [up for up in node.upstream if up in depth]
        depth[id_] = 1 + max((depth[up] for up in known), default=-1)
        places[id_] = _put(columns, _Place(id_, is_node=True, column=depth[id_]))
    for id_, node in nodes.items():
        for up in node.upstream:
            if up in places:
                _join(columns, places[up], places[id_])
    _set_rows(columns)
    return columns


def _put(columns: list[list[_Place]], place: _Place) -> _Place:
    while len(columns) <= place.column:
        columns.append([])
    columns[place.column].append(place)
    return place


def _join(columns: list[list[_Place]], source: _Place, target: _Place) -> None:
    """Lead an edge through each column between; those of one node share their way."""
    end = source
    for column in range(source.column + 1, target.column):
        way = next((p for p in end.after if not p.is_node and p.node == source.node), None)
        if way is None:
            way = _put(columns, _Place(source.node, is_node=False, column=column))
            _link(end, way)
        end = way
    _link(end, target)


def _link(source: _Place, target: _Place) -> None:
    source.after.append(target)
    target.before.append(source)


def _set_rows(columns: list[list[_Place]]) -> None:
    """Put each place beside its neighbours, as far as the others let it."""
    for column in columns:
        for row, place in enumerate(column):
            place.row = row
    for number in range(_PASSES):
        for column in columns if number % 2 == 0 else reversed(columns):
            column.sort(key=lambda place: mean([p.row for p in place.before + place.after] or [0]))
            for row, place in enumerate(column):
                place.row = row
    most = max(map(len, columns))
    for column in columns:
        for place in column:
            place.row += (most - len(column)) / 2


def _width(column: Sequence[_Place], nodes: Mapping[str, Shown]) -> float:
    letters = [len(_label(nodes[place.node])) for place in column if place.is_node]
    return max(letters, default=0) * _LETTER + 20


def _label(node: Shown) -> str:
    label = node.label if len(node.label) <= _LONGEST else f"{node.label[: _LONGEST - 1]}…"
    return f"{sign_of(node.state)[0]} {label}" if node.state else label


def _box(node: Shown, x: float, y: float, width: float) -> str:
    colour = sign_of(node.state)[1]
    told = text(f"{node.label}: {node.state}" if node.state else node.label)
    return (
        f"<g><title>{told}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_HEIGHT}" rx="6" '
        f'fill="{colour}" fill-opacity=".14" stroke="{colour}" stroke-width="1.5"/>'
        f'<text x="{x + width / 2:.1f}" y="{y + 19.5:.1f}" text-anchor="middle" '
        f'fill="currentColor">{text(_label(node))}</text></g>'
    )


def _edge(source: _Place, target: _Place, lefts: list[float], widths: list[float]) -> str:
    start = lefts[source.column] + (widths[source.column] if source.is_node else 0)
    end = lefts[target.column]
    y1, y2 = (place.row * _ROW + 1 + _HEIGHT / 2 for place in (source, target))
    across = "" if source.is_node else f"H{lefts[source.column] + widths[source.column]:.1f}"
    begin = lefts[source.column] + widths[source.column]
    middle = (begin + end) / 2
    tip = end - _EDGE if target.is_node else end
    line = f"M{start:.1f} {y1:.1f}{across}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} "
    drawn = f'<path d="{line}{tip:.1f} {y2:.1f}" fill="none" stroke="#858c94" stroke-width="1.4"/>'
    if not target.is_node:
        return drawn
    head = f"M{end:.1f} {y2:.1f}l-{_EDGE + 1} -3.5v7z"
    return f'{drawn}<path d="{head}" fill="#858c94"/>'
