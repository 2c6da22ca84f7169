"""Lineage as a picture: trees of what a version was made of, and of what was made of it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import click

from weft.cli._artifacts import label
from weft.cli._names import short
from weft.cli._output import note
from weft.cli._pages import paged
from weft.cli._text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weft._connection import Connection
    from weftapi.workspace.v1 import artifacts_pb2, artifacts_pb2_grpc

_DIRECTIONS = {"up": 1, "down": 2, "both": 3}


def ask(
    connection: Connection,
    stub: artifacts_pb2_grpc.ArtifactServiceStub,
    name: str,
    direction: str,
    depth: int,
) -> artifacts_pb2.Lineage:
    """The lineage of a version, all its pages in one."""
    from weftapi.workspace.v1 import artifacts_pb2

    request = artifacts_pb2.GetLineageRequest(name=name, depth=depth)
    request.direction = artifacts_pb2.LineageDirection.ValueType(_DIRECTIONS[direction])
    whole = artifacts_pb2.Lineage()
    for page in paged(lambda r: connection.workspace.call(stub.GetLineage, r), request):
        whole.MergeFrom(page)
    whole.next_page_token = ""
    return whole


def draw_lineage(
    connection: Connection,
    stub: artifacts_pb2_grpc.ArtifactServiceStub,
    name: str,
    direction: str,
    depth: int,
) -> None:
    """Prints the trees that there are."""
    lineage = ask(connection, stub, name, direction, depth)
    maker = {edge.artifact_version: edge.step for edge in lineage.edges if edge.output}
    taken: dict[str, set[str]] = defaultdict(set)
    made: dict[str, set[str]] = defaultdict(set)
    for edge in lineage.edges:
        (made if edge.output else taken)[edge.step].add(edge.artifact_version)
    if direction != "down":
        sources = {version: taken[step] for version, step in maker.items() if taken[step]}
        _draw("made of", name, sources, maker)
    if direction != "up":
        results: dict[str, set[str]] = defaultdict(set)
        for step, versions in taken.items():
            for version in versions:
                results[version] |= made[step]
        _draw("used for", name, results, maker)
    if lineage.truncated:
        note("there is more than 10,000 versions: start further along")


def _draw(title: str, root: str, nearest: Mapping[str, set[str]], maker: Mapping[str, str]) -> None:
    if not nearest.get(root):
        return
    click.echo(title)
    drawn: set[str] = set()

    def branch(version: str, depth: int) -> None:
        for other in sorted(nearest.get(version, ())):
            by = short(maker.get(other, "")) or "elsewhere"
            more = "  …" if other in drawn and nearest.get(other) else ""
            click.echo(plain(f"{'  ' * depth}└─ {label(other)}  by {by}{more}"))
            if other not in drawn:
                drawn.add(other)
                branch(other, depth + 1)

    branch(root, 1)
