"""`weft dag`: the graph of a pipeline, before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft.cli._dag import ascii_option, drawing_option, print_drawing
from weft.cli._exit import Exit
from weft.cli._output import note

if TYPE_CHECKING:
    from weft._definition import StepDefinition
    from weft._graph import Graph
    from weft.cli._drawing import Drawing


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("target", metavar="FILE[::PIPELINE]")
@ascii_option
@drawing_option
@click.pass_context
def dag(ctx: click.Context, *, target: str, is_ascii: bool, output: str) -> int:
    """Draw the graph of a pipeline in FILE; nothing is run, and no mesh is asked.

    Parameters that the graph depends on are options, as of `weft run`: --rows 10.
    """
    from weft._submit import load_code
    from weft.cli.run import parameters_of

    pipeline = load_code(target).pipeline
    graph = pipeline.trace(pipeline.parameters.parse(parameters_of(ctx.args, pipeline.parameters)))
    if graph.opened:
        note(f"drawn up to where {graph.opened}; the rest is decided while it runs")
    print_drawing(_drawing(graph), output, lambda: _document(graph), is_ascii=is_ascii)
    if output == "table":
        for node in graph.in_order():
            if limits := _limits(node.step):
                click.echo(f"  {node.id}: {', '.join(words for _, words in limits.values())}")
    return Exit.DONE


def _drawing(graph: Graph) -> Drawing:
    from weft.cli._drawing import Drawing

    nodes = graph.in_order()
    labels = {node.id: f"{node.id}[]" if node.fan_out else node.id for node in nodes}
    return Drawing(labels, [(up, node.id) for node in nodes for up in node.upstream])


def _limits(step: StepDefinition) -> dict[str, tuple[int | str, str]]:
    """What bounds a step: as the document has it, and in words."""
    limits: dict[str, tuple[int | str, str]] = {}
    if step.retry.max:
        limits["retries"] = step.retry.max, f"{step.retry.max + 1} attempts at most"
    for name, seconds, words in (
        ("timeout", step.timeout_s, "{:g} s an attempt"),
        ("queueTimeout", step.queue_timeout_s, "{:g} s until it begins"),
        ("deadline", step.deadline_s, "{:g} s altogether"),
    ):
        if seconds is not None:
            limits[name] = f"{seconds:g}s", words.format(seconds)
    return limits


def _document(graph: Graph) -> dict[str, Any]:
    steps = [
        {
            "id": node.id,
            "upstream": list(node.upstream),
            "mapOver": list(node.fan_out.over) if node.fan_out else [],
            "callSite": node.call_site,
            **{name: value for name, (value, _) in _limits(node.step).items()},
        }
        for node in graph.in_order()
    ]
    return {"pipeline": graph.pipeline, "parameters": dict(graph.parameters), "steps": steps}
