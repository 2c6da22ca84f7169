"""`weft.toml` beside a pipeline: what its code does not say of images."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from weft._graph import Graph, Node
from weft._image import Image
from weft.errors import ImageError

FILE = "weft.toml"


def image_of(folder: Path) -> Image | None:
    """Give what `[image]` says.

    Raises:
        ImageError: The file cannot be read, or an image in it is none.
    """
    told = _read(folder)
    return _image(told["image"], "[image]") if "image" in told else None


def with_step_images(graph: Graph, folder: Path) -> Graph:
    """Give the graph in which steps without an image have that of `[steps.NAME.image]`.

    As with the decorator, such a step is a workload of its own. The runner reads the same file,
    which travels with the code.

    Raises:
        ImageError: As for `image_of`, or no such step is called.
    """
    tables = _read(folder).get("steps", {})
    if not isinstance(tables, dict):
        raise ImageError(f"{FILE}: steps is a table: write [steps.NAME.image]")
    images = {id_: _image_of_step(id_, table) for id_, table in tables.items()}
    unknown = [] if graph.opened else [id_ for id_ in images if id_ not in graph.nodes]
    if unknown:
        names = ", ".join(graph.nodes)
        raise ImageError(f"{FILE}: [steps.{unknown[0]}]: there is no such step; there are {names}")
    return graph.changed(lambda node: _dressed(node, images.get(node.id))) if images else graph


def _dressed(node: Node, image: Image | None) -> Node:
    if image is None or node.step.image is not None:
        return node
    return replace(node, step=replace(node.step, image=image, isolation="workload"))


def _image_of_step(id_: str, table: Any) -> Image:
    if not isinstance(table, dict) or list(table) != ["image"]:
        raise ImageError(
            f"{FILE}: [steps.{id_}] holds an image; anything else is for `weft run --config`"
        )
    return _image(table["image"], f"[steps.{id_}.image]")


def _image(table: Any, where: str) -> Image:
    try:
        return Image.of(table)
    except ValueError as error:
        raise ImageError(f"{FILE}: {where}: {error}") from error


def _read(folder: Path) -> dict[str, Any]:
    file = folder / FILE
    if not file.is_file():
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ImageError(f"{FILE}: {error}") from error
