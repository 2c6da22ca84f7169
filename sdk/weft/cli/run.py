"""`weft run`: a pipeline from a file, on the mesh."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli._exit import Exit
from weft.cli._names import short
from weft.cli._output import note, output_option
from weft.cli._run_options import (
    chosen_stack,
    config_options,
    labels_of,
    stack_option,
    tag_option,
)
from weft.cli._text import plain

if TYPE_CHECKING:
    from weft._parameters import Parameters
    from weft._pipeline import Pipeline


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=False,
)
@click.argument("target", metavar="FILE[::PIPELINE]", required=False)
@click.option("--detach", is_flag=True, help="Print the run's name and do not watch it.")
@stack_option
@tag_option
@click.option(
    "--code",
    "source",
    type=click.Choice(["auto", "upload", "repository"]),
    default="auto",
    show_default=True,
    help="Have a commit of a code repository fetched, or upload the folder; auto does the first "
    "where it can.",
)
@click.option("--no-cache", is_flag=True, help="Take no step's result from an earlier run.")
@config_options
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print every setting and the place that says it, and run nothing.",
)
@click.option(
    "-h",
    "--help",
    "wants_help",
    is_flag=True,
    help="Show this, and the parameters of the pipeline where a file is given.",
)
@output_option
@click.pass_context
def run(
    ctx: click.Context,
    *,
    target: str | None,
    detach: bool,
    stack: str | None,
    tags: tuple[str, ...],
    source: str,
    no_cache: bool,
    files: tuple[Path, ...],
    assignments: tuple[str, ...],
    dry_run: bool,
    wants_help: bool,
    output: str,
) -> int:
    """Run a pipeline from FILE on the mesh, and watch it.

    The pipeline's parameters are options: --test-share 0.3; those that are named like an option
    of this command come after --. They hold over --set, that over --config, that over the code.
    The code of FILE's folder travels with it, or is fetched by
    the workspace where a code repository has its commit. Ctrl-C stops watching; the run goes on.
    """
    if target is None:
        click.echo(ctx.get_help(), err=not wants_help)
        return Exit.DONE if wants_help else Exit.USAGE
    if target.startswith("-"):
        raise click.UsageError("the file comes first: weft run FILE --parameter value")
    from weft._code_source import CodeSource
    from weft._config import RunConfig
    from weft._connection import Connection
    from weft._submit import load_code, submit

    code = load_code(target)
    if wants_help:
        click.echo(ctx.get_help())
        _show_parameters(code.pipeline)
        return 0
    config = RunConfig.of(files, assignments)
    options = parameters_of(ctx.args, code.pipeline.parameters)
    values = config.bind(code.pipeline.parameters, options)
    if dry_run:
        from weft.cli._run_config import print_settings

        print_settings(code, config, values, options, output)
        return Exit.DONE
    stack = config.value("stack", None) if stack is None else stack
    labels = {**config.table("labels"), **labels_of(tags)}
    connection = Connection.current()
    try:
        made = submit(
            connection,
            code,
            values,
            config=config,
            cache=config.value("cache", default=True) and not no_cache,
            stack=chosen_stack(connection, stack),
            labels=labels,
            source=CodeSource(source),
            listener=note,
        )
    except KeyboardInterrupt:
        note("interrupted: `weft runs list` shows whether the run was made")
        return Exit.INTERRUPTED
    note(f"run {short(made.name)} of {code.pipeline.name}")
    from weft.cli.runs import note_page, present

    note_page(connection, made)
    return present(connection, made, output, detach=detach)


def parameters_of(arguments: list[str], parameters: Parameters) -> dict[str, str]:
    """Reads `--name value`, `--name=value` and bare flags."""
    found: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise click.UsageError(f"{word!r} is not an option: parameters are --name value")
        name, given, value = word[2:].partition("=")
        name = name.replace("-", "_")
        is_flag = name in parameters.all and parameters.all[name].type.name == "bool"
        if not given and is_flag and (not rest or rest[0].startswith("--")):
            value = "true"
        elif not given:
            if not rest or rest[0].startswith("--"):
                raise click.UsageError(f"--{name} needs a value")
            value = rest.pop(0)
        found[name] = value
    return found


def _show_parameters(pipeline: Pipeline[..., Any]) -> None:
    import inspect

    click.echo(f"\nParameters of {pipeline.name}:")
    if said := inspect.getdoc(pipeline.function):
        click.echo(f"  {plain(said.splitlines()[0])}\n")
    for parameter in pipeline.parameters.all.values():
        default: Any = "required" if parameter.is_required else f"default {parameter.default!r}"
        click.echo(f"  --{parameter.name.replace('_', '-'):<24} {parameter.type.name}, {default}")
