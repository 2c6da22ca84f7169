"""A pipeline with parameters of every kind, for forms that ask for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from weft import pipeline, step

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


class Optimizer(Enum):
    SGD = "sgd"
    ADAM = "adam"


@dataclass
class Model:
    depth: int
    layers: list[int] = field(default_factory=list)


@step(cache=False)
def told(rate: float, model: Model) -> str:
    return f"{rate} {model.depth} {model.layers}"


@pipeline
def asking(  # noqa: PLR0917 - a parameter of every kind
    rate: float,
    model: Model,
    optimizer: Optimizer = Optimizer.ADAM,
    device: Literal["cpu", "gpu"] = "cpu",
    limit: int | None = None,
    tags: list[str] = ["a", "b"],  # noqa: B006 - a default that the form shows
    shuffle: bool = True,  # noqa: FBT001, FBT002 - one of them
    title: str = HOSTILE,
) -> None:
    told(rate, model)
