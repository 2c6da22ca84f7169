"""What notebooks show of runs, steps, artifacts, models and pipelines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from weft import _html
from weft._html_graph import Shown, svg

if TYPE_CHECKING:
    from weft._artifact import Artifact
    from weft._graph import Graph
    from weft._models import ModelVersion
    from weft._pipeline import Pipeline
    from weft._records import Failure
    from weft._run import Run, StepRun
    from weft._step import Step

_MOST_ROWS = 200


def of_run(run: Run[Any]) -> str:
    """The graph with states, the steps, and why it failed."""
    nodes = {
        id_: Shown(_counted(step), run.upstream.get(id_, ()), step.state)
        for id_, step in run.steps.items()
    }
    return _html.box(
        _html.heading("run", run.name, _html.state(run.state)),
        svg(nodes),
        _failure(run.failure) if run.failure else "",
        _html.folded(f"{len(run.steps)} steps", _steps(run.steps)),
    )


def of_step_run(step: StepRun) -> str:
    """Its state, inputs, outputs, and why it was cached or failed."""
    outputs = ", ".join(map(_short, step.outputs.values()))
    inputs = ", ".join(f"{_html.code(n)} = {_html.text(v)}" for n, v in step.inputs.items())
    cache = _html.block(step.cache.explain()) if step.cache else ""
    known = {
        "attempts": str(step.attempts) if step.attempts else "",
        "inputs": inputs,
        "outputs": outputs,
        "items": str(len(step.items)) if step.items else "",
    }
    return _html.box(
        _html.heading("step", step.id, _html.state(step.state)),
        _html.facts(known),
        _failure(step.failure) if step.failure else "",
        _html.folded("cache", cache) if cache else "",
    )


def of_artifact(artifact: Artifact[Any]) -> str:
    """What it is and where, without reading it."""
    v = artifact.version
    known = {
        "type": _html.code(v.data_type),
        "format": _html.text(v.format) + (" (reading it runs code)" if v.is_pickled else ""),
        "size": _html.size(v.size_bytes),
        "schema": _plain(v.schema),
        "statistics": _plain(v.statistics),
        "made by": _html.code(f"{v.producer_run}/{v.producer_step}") if v.producer_run else "",
        "hash": _html.code(f"sha256:{v.content_hash[:16]}"),
        "files": _html.code(v.uri),
    }
    return _html.box(_html.heading("artifact", v.name), _html.facts(known))


def of_model_version(version: ModelVersion) -> str:
    """Its stage and what is known of it, without asking the workspace again."""
    known = {"stage": _html.text(version.stage)}
    known |= {str(name): _html.text(value) for name, value in version.metadata.items()}
    return _html.box(_html.heading("model version", version.name), _html.facts(known))


def of_graph(graph: Graph) -> str:
    """The graph as it is drawn before anything runs."""
    nodes = {
        node.id: Shown(node.id + (" \u00d7n" if node.fan_out else ""), node.upstream)
        for node in graph.in_order()
    }
    opened = f"drawn up to where {graph.opened}" if graph.opened else ""
    drawn = svg(nodes) or f"<div>{len(nodes)} steps</div>"
    return _html.box(_html.heading("pipeline", graph.pipeline, _html.text(opened)), drawn)


def of_pipeline(pipeline: Pipeline[..., Any]) -> str:
    """Its graph; its parameters alone where it cannot be drawn without values for them."""
    from weft.errors import WeftError

    schema = pipeline.parameters_schema.get("properties", {})
    known = {name: _parameter(about) for name, about in schema.items()}
    try:
        drawn = of_graph(pipeline.trace())
    except WeftError as error:
        drawn = _html.heading("pipeline", pipeline.name, _html.text(error))
    return _html.box(drawn, _html.facts(known))


def of_step(step: Step[..., Any]) -> str:
    """Its signature and policies."""
    about = step.definition
    known = {
        "function": _html.code(f"{about.function.__name__}{about.signature}"),
        "retries": str(about.retry.max) if about.retry.max else "",
        "timeout": f"{about.timeout_s:g} s" if about.timeout_s else "",
        "queue timeout": f"{about.queue_timeout_s:g} s" if about.queue_timeout_s else "",
        "deadline": f"{about.deadline_s:g} s" if about.deadline_s else "",
        "secrets": _html.text(", ".join(about.secrets)),
        "at": _html.code(about.location),
    }
    return _html.box(_html.heading("step", step.name), _html.facts(known))


def _parameter(about: Mapping[str, Any]) -> str:
    kind = _html.text(about.get("type", ""))
    default = f" = {_html.text(json.dumps(about['default']))}" if "default" in about else ""
    return f"{kind}{default}"


def _steps(steps: Mapping[str, StepRun]) -> str:
    rows = list(_rows(steps))
    more = len(rows) - _MOST_ROWS
    shown = _html.table(["step", "state", "attempts", "outputs", ""], rows[:_MOST_ROWS])
    return shown + (f"<div>and {more} more</div>" if more > 0 else "")


def _rows(steps: Mapping[str, StepRun]) -> Iterator[list[str]]:
    for id_, step in steps.items():
        outputs = ", ".join(map(_short, step.outputs.values()))
        why = step.failure.message if step.failure else step.cache.reason if step.cache else ""
        attempts = str(step.attempts or "")
        yield [_html.code(id_), _html.state(step.state), attempts, outputs, _html.text(why, 90)]


def _short(artifact: Artifact[Any]) -> str:
    v = artifact.version
    return f"{_html.code(v.name)} {_html.text(v.format)} {_html.size(v.size_bytes)}"


def _counted(step: StepRun) -> str:
    return f"{step.id} \u00d7{len(step.items)}" if step.items else step.id


def _failure(failure: Failure) -> str:
    what = f"{failure.exception}: {failure.message}" if failure.exception else failure.message
    where = f"{_html.code(failure.step)}: " if failure.step else ""
    at = f" at {_html.code(failure.location)}" if failure.location else ""
    more = _html.folded("traceback", _html.block(failure.traceback)) if failure.traceback else ""
    told = f'<div style="border-left:3px solid {_html.RED};padding-left:8px">{where}'
    excerpt = _html.block(failure.excerpt) if failure.excerpt else ""
    return f"{told}{_html.text(what, 600)}{at}{excerpt}{more}</div>"


def _plain(facts: Mapping[str, Any]) -> str:
    return _html.text(json.dumps(facts, ensure_ascii=False)) if facts else ""
