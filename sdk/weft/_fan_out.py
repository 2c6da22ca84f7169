"""Makes the calls of a fan-out out of lists that are known only at run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weft import _json
from weft._arguments import Argument, Group, Stored, load
from weft._graph import Constant, Node
from weft._records import ArtifactVersion
from weft._types import describe
from weft.errors import ArgumentError

Expansion = list[dict[str, Argument]]


def expand(
    node: Node,
    arguments: Mapping[str, Argument],
    read: Callable[[ArtifactVersion], Any],
) -> Expansion:
    """Give the arguments of every call.

    Raises:
        ArgumentError: An argument to be mapped over is no list, or the lists differ in length.
    """
    assert node.fan_out is not None
    over = {name: _items(name, arguments[name], read) for name in node.fan_out.over}
    lengths = {name: len(items) for name, items in over.items()}
    if len(set(lengths.values())) > 1:
        raise ArgumentError(f"{node.id}: map() needs lists of one length, got {lengths}")
    shared = {name: item for name, item in arguments.items() if name not in over}
    calls = zip(*over.values(), strict=True)
    return [shared | dict(zip(over, items, strict=True)) for items in calls]


def _items(
    name: str, argument: Argument, read: Callable[[ArtifactVersion], Any]
) -> Sequence[Argument]:
    if isinstance(argument, Group) and argument.kind in {"list", "tuple"}:
        return [item for _, item in argument.items]
    value = load(argument, read)
    if not isinstance(value, list | tuple | range):
        raise ArgumentError(f"map() over {name!r} needs a list, got {describe(value)}")
    return [_item(item, argument, index) for index, item in enumerate(value)]


def _item(value: Any, argument: Argument, index: int) -> Argument:
    """Give plain items by value; of others each call reads its own out of the stored list."""
    try:
        return Constant(_json.encode(value))
    except _json.NotPlainError:
        assert isinstance(argument, Stored)
        return Stored(argument.version, index)
