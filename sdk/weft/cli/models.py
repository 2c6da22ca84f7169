"""`weft models`: what a team trains and uses, and who puts which version to use."""

from __future__ import annotations

from typing import Any

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._models import (
    connect,
    draw_model,
    draw_version,
    links_of,
    model_name,
    request_id,
    stage_number,
    stage_option,
    stage_word,
    version_label,
    version_name,
)
from weft.cli._names import run_name, short
from weft.cli._output import note, output_option, print_message, print_messages
from weft.cli._pages import paged
from weft.cli.model_changes import update
from weft.cli.model_requests import requests

_comment = click.option("-m", "--comment", default="", help="Why; it stays in the history.")


@click.group()
def models() -> None:
    """List models, and move their versions between stages.

    MODEL is an id. VERSION is MODEL@NUMBER, MODEL@NAME, MODEL@latest, MODEL@staging or
    MODEL@production; a MODEL alone is its newest version.
    """


models.add_command(requests)
models.add_command(update)


@models.command("list")
@click.option("-q", "--query", default="", help="Which: over create_time and display_name.")
@output_option
def list_models(*, query: str, output: str) -> None:
    """List the models of the project."""
    from weftapi.workspace.v1 import models_pb2

    connection, stub = connect()
    call = connection.workspace.call
    request = models_pb2.ListModelsRequest(parent=connection.project, filter=query)
    pages = paged(lambda r: call(stub.ListModels, r), request)
    print_messages(
        [model for page in pages for model in page.models],
        output,
        header=("MODEL", "LATEST", "STAGING", "PRODUCTION", "NAME"),
        row=lambda m: (
            short(m.name),
            str(m.latest_number or ""),
            short(m.staging_version),
            short(m.production_version),
            m.display_name,
        ),
        empty="no models yet: a pipeline that names one makes it, or `weft models create ID`",
    )


@models.command()
@click.argument("model")
@output_option
def show(*, model: str, output: str) -> None:
    """Show a model; with @, a version of it and what it consists of."""
    from weftapi.workspace.v1 import models_pb2

    connection, stub = connect()
    call = connection.workspace.call
    if "@" in model:
        request = models_pb2.GetModelVersionRequest(name=version_name(connection, model))
        version = call(stub.GetModelVersion, request)
        print_message(version, output, lambda: draw_version(connection, stub, version))
        return
    found = call(stub.GetModel, models_pb2.GetModelRequest(name=model_name(connection, model)))
    print_message(found, output, lambda: draw_model(found))


@models.command()
@click.argument("model")
@click.option("--name", default="", help="The name that people read.")
@click.option("--description", default="", help="Its card, in Markdown.")
@click.option(
    "--approval",
    "guarded",
    multiple=True,
    type=click.Choice(["none", "staging", "production", "archived"]),
    help="A stage that versions enter by an approved request only.",
)
@output_option
def create(
    *, model: str, name: str, description: str, guarded: tuple[str, ...], output: str
) -> None:
    """Make a model."""
    from weftapi.workspace.v1 import model_types_pb2, models_pb2

    connection, stub = connect()
    request = models_pb2.CreateModelRequest(
        parent=connection.project,
        model_id=model,
        model=model_types_pb2.Model(
            display_name=name,
            description=description,
            approval_stages=[stage_number(stage) for stage in guarded],
        ),
        request_id=request_id(),
    )
    made = connection.workspace.call(stub.CreateModel, request)
    print_message(made, output, lambda: draw_model(made))


@models.command()
@click.argument("model")
@click.option("-q", "--query", default="", help="Which, as in metadata.auc > 0.9.")
@output_option
def versions(*, model: str, query: str, output: str) -> None:
    """List the versions of a model, newest first; "-" lists those of all models."""
    from weftapi.workspace.v1 import models_pb2

    connection, stub = connect()
    call = connection.workspace.call
    request = models_pb2.ListModelVersionsRequest(
        parent=model_name(connection, model), filter=query
    )
    pages = paged(lambda r: call(stub.ListModelVersions, r), request)
    print_messages(
        [version for page in pages for version in page.model_versions],
        output,
        header=("VERSION", "NAME", "STAGE", "MADE BY", "MADE"),
        row=lambda v: (
            version_label(v.name),
            v.version_id,
            stage_word(v.stage),
            short(v.run or v.creator),
            v.create_time.ToJsonString(),
        ),
        empty="no versions yet",
    )


@models.command("new-version")
@click.argument("model")
@click.option("--name", default="", help="Its own name beside its number.")
@click.option("--description", default="", help="What is new in it.")
@output_option
def new_version(*, model: str, name: str, description: str, output: str) -> None:
    """Make the next version of a model by hand, to link to it what was made elsewhere."""
    from weftapi.workspace.v1 import model_types_pb2, models_pb2

    connection, stub = connect()
    request = models_pb2.CreateModelVersionRequest(
        parent=model_name(connection, model),
        version_id=name,
        model_version=model_types_pb2.ModelVersion(description=description),
        request_id=request_id(),
    )
    made = connection.workspace.call(stub.CreateModelVersion, request)
    print_message(made, output, lambda: draw_version(connection, stub, made))


@models.command()
@click.argument("version")
@stage_option
@click.option("--demote", is_flag=True, help="The version that is there gives way.")
@click.option("--ask", is_flag=True, help="Ask for it, for somebody else to approve.")
@_comment
@output_option
def promote(
    *, version: str, stage: str, demote: bool, ask: bool, comment: str, output: str
) -> None:
    """Move a version to a stage, or ask for it."""
    from weftapi.workspace.v1 import model_stages_pb2

    connection, stub = connect()
    name, number = version_name(connection, version), stage_number(stage)
    rest: dict[str, Any] = {
        "stage": number,
        "demote_existing": demote,
        "comment": comment,
        "request_id": request_id(),
    }
    call = connection.workspace.call
    if ask:
        asking = model_stages_pb2.RequestStageTransitionRequest(parent=name, **rest)
        asked = call(stub.RequestStageTransition, asking)
        print_message(asked, output, lambda: click.echo(short(asked.name)))
        note(f"waits for `weft models requests approve {short(asked.name)}` by somebody else")
        return
    moving = model_stages_pb2.TransitionModelVersionStageRequest(name=name, **rest)
    moved = call(stub.TransitionModelVersionStage, moving)
    told = f"{version_label(moved.name)} is in {stage_word(moved.stage)}"
    print_message(moved, output, lambda: click.echo(told))


@models.command()
@click.argument("model")
@output_option
def history(*, model: str, output: str) -> None:
    """Show how the versions of a model moved between stages, newest first."""
    from weftapi.workspace.v1 import model_stages_pb2

    connection, stub = connect()
    call = connection.workspace.call
    request = model_stages_pb2.ListStageTransitionsRequest(parent=model_name(connection, model))
    pages = paged(lambda r: call(stub.ListStageTransitions, r), request)
    print_messages(
        [line for page in pages for line in page.stage_transitions],
        output,
        header=("WHEN", "VERSION", "FROM", "TO", "WHO", "WHY"),
        row=lambda t: (
            t.create_time.ToJsonString(),
            version_label(t.model_version),
            stage_word(getattr(t, "from")),
            stage_word(t.to),
            t.creator,
            t.comment,
        ),
        empty="nothing has moved yet",
    )


@models.command()
@click.argument("version")
@click.argument("artifacts", nargs=-1)
@click.option("--run", "runs", multiple=True, help="A run: an id, @latest or @prev.")
def link(*, version: str, artifacts: tuple[str, ...], runs: tuple[str, ...]) -> None:
    """Link versions of artifacts (ARTIFACT@NUMBER) and runs to a version of a model."""
    from weftapi.workspace.v1 import models_pb2

    connection, stub = connect()
    request = models_pb2.LinkModelVersionRequest(
        name=version_name(connection, version), **_targets(connection, artifacts, runs)
    )
    linked = connection.workspace.call(stub.LinkModelVersion, request).links
    note(f"{version_label(linked[0].model_version)} has {len(linked)} of these links")


@models.command()
@click.argument("version")
@click.argument("artifacts", nargs=-1)
@click.option("--run", "runs", multiple=True, help="A run: an id, @latest or @prev.")
def unlink(*, version: str, artifacts: tuple[str, ...], runs: tuple[str, ...]) -> None:
    """Take links away."""
    from weftapi.workspace.v1 import models_pb2

    connection, stub = connect()
    request = models_pb2.UnlinkModelVersionRequest(
        name=version_name(connection, version), **_targets(connection, artifacts, runs)
    )
    connection.workspace.call(stub.UnlinkModelVersion, request)
    note("unlinked")


@models.command()
@click.argument("version")
@output_option
def links(*, version: str, output: str) -> None:
    """List what is linked to a version."""
    connection, stub = connect()
    print_messages(
        links_of(connection, stub, version_name(connection, version)),
        output,
        header=("LINKED", "BY"),
        row=lambda each: (each.artifact_version or each.run, each.creator),
        empty="nothing is linked: `weft models link VERSION ARTIFACT@NUMBER` does it",
    )


@models.command()
@click.argument("model")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(*, model: str, yes: bool) -> None:
    """Delete a model without versions; with @, a version that is not in use."""
    from weftapi.workspace.v1 import models_pb2

    connection, stub = connect()
    if not yes:
        click.confirm(f"Delete {model}?", abort=True, err=True)
    call = connection.workspace.call
    if "@" in model:
        name = version_name(connection, model)
        call(stub.DeleteModelVersion, models_pb2.DeleteModelVersionRequest(name=name))
    else:
        name = model_name(connection, model)
        call(stub.DeleteModel, models_pb2.DeleteModelRequest(name=name))
    note(f"{model} is deleted")


def _targets(
    connection: Any, artifacts: tuple[str, ...], runs: tuple[str, ...]
) -> dict[str, list[str]]:
    named = []
    for text in artifacts:
        artifact, _, number = text.partition("@")
        if not number:
            raise CommandError(f"say which version: {text}@NUMBER", Exit.USAGE)
        named.append(f"{connection.project}/artifacts/{artifact}/versions/{number}")
    if not named and not runs:
        raise CommandError("name what is linked: ARTIFACT@NUMBER or --run RUN", Exit.USAGE)
    return {"artifact_versions": named, "runs": [run_name(connection, run) for run in runs]}
