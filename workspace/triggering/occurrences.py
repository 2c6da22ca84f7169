"""Which events are what somebody waits for, and what they say. Pure."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format

from weftapi.workspace.v1 import events_pb2
from workspace import names
from workspace.store.schema import Run
from workspace.store.schema_artifacts import ArtifactVersion
from workspace.store.schema_models import ModelVersion

# Of other events nobody can wait for any.
WATCHED = frozenset(cls.resource_type for cls in (Run, ModelVersion, ArtifactVersion))


def is_it(occurrence: Mapping[str, Any], event: events_pb2.Event) -> bool:
    """Whether an event is such an occurrence (a message as JSON, with one of its kinds set)."""
    ((kind, wanted),) = occurrence.items()
    return _KINDS[kind](wanted, event)


def _run(wanted: Mapping[str, Any], event: events_pb2.Event) -> bool:
    if event.resource_type != Run.resource_type:
        return False
    is_pipeline = wanted.get("pipeline", event.run.pipeline) == event.run.pipeline
    return is_pipeline and f"RUN_STATE_{event.transition.to}" in wanted["states"]


def _model(wanted: Mapping[str, Any], event: events_pb2.Event) -> bool:
    if event.resource_type != ModelVersion.resource_type or not _is_of(event, wanted["model"]):
        return False
    if "stages" in wanted:
        return f"MODEL_STAGE_{event.transition.to}" in wanted["stages"]
    return event.type == events_pb2.EVENT_TYPE_CREATED


def _artifact(wanted: Mapping[str, Any], event: events_pb2.Event) -> bool:
    is_new = event.type == events_pb2.EVENT_TYPE_CREATED
    is_version = event.resource_type == ArtifactVersion.resource_type
    return is_version and is_new and _is_of(event, wanted["artifact"])


_KINDS = {"run": _run, "model": _model, "artifact": _artifact}


def _is_of(event: events_pb2.Event, parent: str) -> bool:
    return event.name.startswith(f"{parent}/versions/")


def run_behind(event: events_pb2.Event) -> str:
    """The id of the run that an event is about or was made by; empty where there is none."""
    shown = event.WhichOneof("resource")
    if shown == "run":
        return names.last(event.name)
    made_by = {
        "artifact_version": event.artifact_version.producer_step,
        "model_version": event.model_version.run,
    }
    run = made_by.get(shown or "", "") or event.actor
    # Names of runs, their steps and their attempts all begin alike.
    parts = run.split("/")
    return parts[3] if parts[0] == "projects" and parts[2:3] == ["runs"] else ""


def told(event: events_pb2.Event) -> dict[str, Any]:
    """What references may point at: the event, with its resource as `resource`."""
    told = json_format.MessageToDict(event, preserving_proto_field_name=True)
    shown = event.WhichOneof("resource")
    wanted = ("type", "name", "project", "actor", "event_time", "transition")
    kept = {name: told[name] for name in wanted if name in told}
    return {**kept, "resource": told[shown]} if shown else kept
