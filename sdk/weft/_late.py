"""Tells a workload of a step that is in no drawn graph: one that was called after a look.

It travels with the arguments, under a name that no parameter of a function can have.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from weft._definition import StepDefinition
from weft._describe import entrypoint
from weft.errors import RunnerError

_KEY = "@step"


def told(step: StepDefinition) -> dict[str, Any]:
    """Give what goes with the arguments of a step."""
    return {
        _KEY: {
            "entrypoint": entrypoint(step),
            "environment": dict(step.environment),
            "secrets": list(step.secrets),
        }
    }


def take(arguments: dict[str, Any]) -> StepDefinition | None:
    """Take the step out of what came with its arguments; None where it is in the graph.

    Raises:
        RunnerError: It is not where its module says.
    """
    found = arguments.pop(_KEY, None)
    return None if found is None else _definition(found)


def _definition(found: Mapping[str, Any]) -> StepDefinition:
    module, _, qualname = found["entrypoint"].partition(":")
    step: Any = importlib.import_module(module)
    for part in qualname.split("."):
        step = getattr(step, part, None)
    definition = getattr(step, "definition", None)
    if not isinstance(definition, StepDefinition):
        raise RunnerError(
            f"{found['entrypoint']} is not a step at the top of its module, where the process that "
            "executes it could find it"
        )
    return replace(definition, environment=found["environment"], secrets=tuple(found["secrets"]))
