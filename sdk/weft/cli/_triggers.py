"""What the commands of triggers share: what they wait for, from words and in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from weft._enums import word
from weft.cli._exit import CommandError, Exit
from weft.cli._names import short

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import trigger_types_pb2

ANY = "*"


def child(connection: Connection, collection: str, text: str) -> str:
    """A name, of an id in the context's project."""
    return text if text.startswith("projects/") else f"{connection.project}/{collection}/{text}"


def after_run(
    connection: Connection, pipeline: str, states: tuple[str, ...]
) -> trigger_types_pb2.Occurrence:
    """Runs that enter a state."""
    from weftapi.workspace.v1 import run_types_pb2, trigger_types_pb2

    known = run_types_pb2.RunState
    chosen = [known.Value(f"RUN_STATE_{s.upper()}") for s in states or ("succeeded",)]
    run = trigger_types_pb2.RunOccurrence(states=chosen)
    if pipeline != ANY:
        run.pipeline = child(connection, "pipelines", pipeline)
    return trigger_types_pb2.Occurrence(run=run)


def after_model(
    connection: Connection, model: str, stages: tuple[str, ...]
) -> trigger_types_pb2.Occurrence:
    """Versions of a model that are made, or enter a stage."""
    from weftapi.workspace.v1 import model_types_pb2, trigger_types_pb2

    known = model_types_pb2.ModelStage
    wanted = trigger_types_pb2.ModelOccurrence(
        model=child(connection, "models", model),
        stages=[known.Value(f"MODEL_STAGE_{s.upper()}") for s in stages],
    )
    return trigger_types_pb2.Occurrence(model=wanted)


def after_artifact(connection: Connection, artifact: str) -> trigger_types_pb2.Occurrence:
    """Versions of an artifact that are made."""
    from weftapi.workspace.v1 import trigger_types_pb2

    name = child(connection, "artifacts", artifact)
    wanted = trigger_types_pb2.ArtifactOccurrence(artifact=name)
    return trigger_types_pb2.Occurrence(artifact=wanted)


def on_webhook(
    connection: Connection, webhook: str, events: tuple[str, ...], where: str
) -> trigger_types_pb2.Occurrence:
    """Messages of a webhook."""
    from weftapi.workspace.v1 import trigger_types_pb2

    wanted = trigger_types_pb2.WebhookOccurrence(
        webhook=child(connection, "webhooks", webhook), event_types=events, filter=where
    )
    return trigger_types_pb2.Occurrence(webhook=wanted)


def parameters(settings: tuple[str, ...]) -> dict[str, Any]:
    """Values by name: JSON where it is JSON, and else the text itself."""
    values = {}
    for setting in settings:
        name, is_given, text = setting.partition("=")
        if not is_given:
            raise CommandError(f"--set {setting}: write PARAMETER=VALUE", Exit.USAGE)
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values


def words(occurrence: trigger_types_pb2.Occurrence) -> str:
    """What it waits for: "run of train SUCCEEDED", "model fraud PRODUCTION", "artifact scores"."""
    from weftapi.workspace.v1 import model_types_pb2, run_types_pb2

    kind = occurrence.WhichOneof("kind")
    if kind == "run":
        of = f"run of {short(occurrence.run.pipeline)}" if occurrence.run.pipeline else "any run"
        states = [word(run_types_pb2.RunState, state) for state in occurrence.run.states]
        return f"{of} {'|'.join(states)}"
    if kind == "model":
        stages = [word(model_types_pb2.ModelStage, stage) for stage in occurrence.model.stages]
        return f"model {short(occurrence.model.model)} {'|'.join(stages) or 'new version'}"
    if kind == "webhook":
        told = occurrence.webhook
        where = f" where {told.filter}" if told.filter else ""
        return f"webhook {short(told.webhook)} {'|'.join(told.event_types) or 'message'}{where}"
    return f"artifact {short(occurrence.artifact.artifact)} new version"


def state(number: int) -> str:
    """A state by its short name."""
    from weftapi.workspace.v1 import trigger_types_pb2

    return word(trigger_types_pb2.FiringState, number)
