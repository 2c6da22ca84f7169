"""What the decorator knows of a step."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from weft._caching import Cache
from weft._hooks import Hooks
from weft._image import Image
from weft._outputs import Outputs
from weft._pod import Pod
from weft._policies import Resources, Retry

Isolation = Literal["thread", "process", "workload"]


@dataclass(frozen=True)
class StepDefinition:
    """A step function and its policies; nothing here knows a run."""

    function: Callable[..., Any]
    name: str
    outputs: Outputs
    retry: Retry = field(default_factory=lambda: Retry(max=0))
    timeout_s: float | None = None
    cache: Cache = field(default_factory=Cache)
    resources: Resources = field(default_factory=Resources)
    environment: Mapping[str, str] = field(default_factory=dict)
    # None leaves it to the pipeline and to the stack.
    isolation: Isolation | None = None
    secrets: tuple[str, ...] = ()
    image: Image | None = None
    hooks: Hooks = field(default_factory=Hooks)
    pod: Pod = field(default_factory=Pod)
    queue_timeout_s: float | None = None
    deadline_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("timeout_s", "queue_timeout_s", "deadline_s"):
            limit = getattr(self, name)
            # Of a NaN nothing holds.
            if limit is not None and not 0 < limit < math.inf:
                raise ValueError(f"step {self.name}: {name} must be more than 0 seconds")

    def isolated(self, default: Isolation | None = None) -> Isolation:
        """What executes its attempts, where whoever executes the run prefers a `default`."""
        if self.isolation or default == "workload":
            return self.isolation or "workload"
        # Variables of its own mean a process of its own.
        return "process" if self.environment else default or "thread"

    @cached_property
    def signature(self) -> inspect.Signature:
        """The function's signature."""
        return inspect.signature(self.function)

    @property
    def is_async(self) -> bool:
        """Whether the function is a coroutine function."""
        return inspect.iscoroutinefunction(self.function)

    @property
    def location(self) -> str:
        """Where the function is: `file:line`."""
        code = self.function.__code__
        return f"{code.co_filename}:{code.co_firstlineno}"

    def call(self, values: Mapping[str, Any]) -> Any:
        """Call the function with values by name of parameter."""
        bound = self.signature.bind_partial()
        bound.arguments = dict(values)
        return self.function(*bound.args, **bound.kwargs)
