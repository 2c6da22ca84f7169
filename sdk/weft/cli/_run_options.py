"""What commands share that say how runs are executed: the stack, and settings of steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from weft.cli._exit import CommandError, Exit

if TYPE_CHECKING:
    from weft._connection import Connection

F = TypeVar("F", bound=Callable[..., Any])

stack_option = click.option(
    "--stack",
    "--on",
    "stack",
    help="The stack to run on; the one of `weft stacks use` by default; `-` is none.",
)
tag_option = click.option(
    "--tag",
    "--label",
    "tags",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="A label of the run, to find it by: -q 'labels:NAME', -q 'labels.NAME = VALUE'.",
)
settings_option = click.option(
    "--step-settings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="How steps run, as YAML: `train: {timeout: 600s, environment: {SEED: '1'}}`.",
)


def config_options(command: F) -> F:
    """Adds --config and --set."""
    command = click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="PATH=VALUE",
        help="One setting over those of --config: steps.train.retries=3.",
    )(command)
    return click.option(
        "--config",
        "files",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Parameters and settings of steps, as YAML or TOML; `weft schema` describes it. "
        "A later file holds over an earlier one.",
    )(command)


def chosen_stack(connection: Connection, given: str | None) -> str:
    """The name of the stack that somebody chose, here or for this context; "" is none."""
    stack = connection.context.stack if given is None else given.removeprefix("stacks/")
    return f"stacks/{stack}" if stack not in {"", "-"} else ""


def labels_of(tags: tuple[str, ...]) -> dict[str, str]:
    """Reads NAME=VALUE; a NAME alone has no value. Raises UsageError for what has no name."""
    found = {}
    for text in tags:
        name, _, value = text.partition("=")
        if not name:
            raise click.UsageError(f"{text!r} has no name: write --tag NAME or --tag NAME=VALUE")
        found[name] = value
    return found


def set_step_settings(settings: Any, file: Path) -> None:
    """Reads a file into a map of StepSettings by step."""
    import yaml
    from google.protobuf import json_format

    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise CommandError(f"{file} holds no settings by step", Exit.USAGE)
    for step, own in found.items():
        try:
            json_format.ParseDict(own, settings[str(step)])
        except json_format.ParseError as error:
            raise CommandError(f"{file}: {step}: {error}", Exit.USAGE) from error
