"""`weft models update`: what is said of a model or a version, and which stages are guarded."""

from __future__ import annotations

from typing import Any

import click

from weft.cli._artifacts import labels_of
from weft.cli._exit import CommandError, Exit
from weft.cli._models import (
    connect,
    draw_model,
    draw_version,
    model_name,
    request_id,
    stage_number,
    version_name,
)
from weft.cli._output import output_option, print_message


@click.command()
@click.argument("model")
@click.option("--name", help="The name of a model that people read.")
@click.option("--description", help="A model's card in Markdown; what is new in a version.")
@click.option("-l", "--label", "labels", multiple=True, help="KEY=VALUE; all labels it shall have.")
@click.option("--no-labels", is_flag=True, help="Takes all labels away.")
@click.option(
    "--approval",
    "guarded",
    multiple=True,
    type=click.Choice(["none", "staging", "production", "archived"]),
    help="The stages that versions enter by an approved request only.",
)
@click.option("--no-approval", is_flag=True, help="Every stage is entered directly.")
@output_option
def update(
    *,
    model: str,
    name: str | None,
    description: str | None,
    labels: tuple[str, ...],
    no_labels: bool,
    guarded: tuple[str, ...],
    no_approval: bool,
    output: str,
) -> None:
    """Change what is said of a model, or which stages it guards; with @, of a version."""
    fields: dict[str, Any] = {"display_name": name, "description": description}
    changed = {field: value for field, value in fields.items() if value is not None}
    if labels or no_labels:
        changed["labels"] = labels_of(labels)
    if guarded or no_approval:
        changed["approval_stages"] = [stage_number(stage) for stage in guarded]
    if not changed or (guarded and no_approval) or (labels and no_labels):
        raise CommandError(
            "say what changes, with --name, --description, --label, --no-labels, --approval or"
            " --no-approval",
            Exit.USAGE,
        )
    if "@" not in model and "/versions/" not in model:
        _update_model(model, changed, output)
    elif changed.keys() <= {"description", "labels"}:
        _update_version(model, changed, output)
    else:
        message = "a version has a description and labels; names and approval are the model's"
        raise CommandError(message, Exit.USAGE)


def _update_model(model: str, changed: dict[str, Any], output: str) -> None:
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.workspace.v1 import model_types_pb2, models_pb2

    connection, stub = connect()
    request = models_pb2.UpdateModelRequest(
        model=model_types_pb2.Model(name=model_name(connection, model), **changed),
        update_mask=FieldMask(paths=list(changed)),
        request_id=request_id(),
    )
    made = connection.workspace.call(stub.UpdateModel, request)
    print_message(made, output, lambda: draw_model(made))


def _update_version(version: str, changed: dict[str, Any], output: str) -> None:
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.workspace.v1 import model_types_pb2, models_pb2

    connection, stub = connect()
    name = version_name(connection, version)
    request = models_pb2.UpdateModelVersionRequest(
        model_version=model_types_pb2.ModelVersion(name=name, **changed),
        update_mask=FieldMask(paths=list(changed)),
        request_id=request_id(),
    )
    made = connection.workspace.call(stub.UpdateModelVersion, request)
    print_message(made, output, lambda: draw_version(connection, stub, made))
