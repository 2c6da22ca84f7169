"""`weft image`: what the containers of a pipeline are made of, built with podman or docker."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._output import note, output_option, print_document, print_table
from weft.cli._run_options import chosen_stack, stack_option
from weft.cli._schedules import parameters_of

if TYPE_CHECKING:
    from weft._images import Images, Plan

F = TypeVar("F", bound=Callable[..., Any])
_KEY_DIGITS = 12


def _common(command: F) -> F:
    """What all commands take: a pipeline, its parameters, a stack."""
    for option in (
        stack_option,
        click.option(
            "-p",
            "--parameter",
            "parameters",
            multiple=True,
            metavar="NAME=VALUE",
            help="A parameter of the pipeline, where it has no default.",
        ),
        click.argument("target", metavar="FILE[::PIPELINE]"),
    ):
        command = option(command)
    return command


_tool_option = click.option(
    "--with",
    "tool",
    type=click.Choice(["podman", "docker"]),
    help="What builds; podman by default, else docker.",
)


@click.group()
def image() -> None:
    """Show, build and push the images that a pipeline asks for.

    `weft run` does it by itself where the stack has an image builder.
    """


@image.command()
@_common
@click.option("--step", default="", help="Of this step's own image.")
def dockerfile(*, target: str, parameters: tuple[str, ...], stack: str | None, step: str) -> None:
    """Print the Dockerfile of an image, on the very base that it is built on."""
    _, plan = _planned(target, parameters, stack)
    if step not in plan.recipes:
        asked = ", ".join(each or "the pipeline" for each in plan.recipes)
        raise CommandError(
            f"{step or 'the pipeline'} asks for no image; these do: {asked}", Exit.NOT_FOUND
        )
    click.echo(plan.recipes[step].dockerfile, nl=False)


@image.command()
@_common
@output_option
def show(*, target: str, parameters: tuple[str, ...], stack: str | None, output: str) -> None:
    """Show the images of a pipeline as it is now, and whether they are built already."""
    from weft._images import told

    images, plan = _planned(target, parameters, stack)
    found = images.find(plan)
    rows = [
        (step or "(pipeline)", recipe.key, str(plan.reference(recipe)))
        for step, recipe in sorted(plan.recipes.items())
    ]
    if output == "table":
        print_table(("OF", "KEY", "IMAGE"), [(a, b[:_KEY_DIGITS], c) for a, b, c in rows])
        note(told(found).removeprefix("image ") if found else "not built yet")
        return
    document = {
        "build": found.name if found else "",
        "images": [{"of": a, "key": b, "image": c} for a, b, c in rows],
    }
    if output == "name":
        click.echo("\n".join(c for _, _, c in rows))
    else:
        print_document(document, output)


@image.command()
@_common
@_tool_option
def build(*, target: str, parameters: tuple[str, ...], stack: str | None, tool: str | None) -> None:
    """Build the images of a pipeline on this machine, and leave them there."""
    images, plan = _planned(target, parameters, stack, tool)
    images.build(plan)


@image.command()
@_common
@_tool_option
@click.option("--force", is_flag=True, help="Build again what the registry has.")
def push(
    *, target: str, parameters: tuple[str, ...], stack: str | None, tool: str | None, force: bool
) -> None:
    """Build and push what the stack's registry does not have, and take it down as a build."""
    from weft._images import told

    images, plan = _planned(target, parameters, stack, tool)
    found = None if force else images.find(plan)
    if found:
        note(told(found))
    made = found or images.make(plan, is_forced=force)
    click.echo(made.name)


def _planned(
    target: str, parameters: tuple[str, ...], stack: str | None, tool: str | None = None
) -> tuple[Images, Plan]:
    from weft._connection import Connection
    from weft._image_stack import StackParts
    from weft._images import Images, images_of
    from weft._submit import draw, load_code

    code = load_code(target)
    graph = draw(code, code.pipeline.parameters.parse(parameters_of(parameters)))
    wanted = images_of(graph, code.pipeline.image, code.folder)
    if not wanted:
        raise CommandError(
            f"{code.pipeline.name} asks for no image: write @pipeline(image=Image(...)), or "
            "[image] or [steps.NAME.image] in weft.toml",
            Exit.NOT_FOUND,
        )
    connection = Connection.current()
    images = Images(
        connection, StackParts(connection, chosen_stack(connection, stack)), note, tool or ""
    )
    return images, images.plan(graph.pipeline, wanted, code.folder)
