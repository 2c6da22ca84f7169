"""What an event means to people outside: one of a few types, and the little that is told. Pure.

Values of parameters, metadata, addresses of data and tracebacks are never part of it: any of
them may hold what outsiders must not see.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from meshkit.filters import Choices, Field, Fields, Kind
from weftapi.workspace.v1 import events_pb2, model_types_pb2, run_types_pb2, schedule_types_pb2
from workspace import names
from workspace.store.schema import Run
from workspace.store.schema_artifacts import ArtifactVersion
from workspace.store.schema_conditions import RunCondition
from workspace.store.schema_models import ModelVersion
from workspace.store.schema_schedules import Schedule

RUN_ALERT = "run.alert"
_CREATED = events_pb2.EVENT_TYPE_CREATED
_UPDATED = events_pb2.EVENT_TYPE_UPDATED
_RUN_FACTS = ("name", "uid", "display_name", "pipeline", "creator", "start_time", "end_time")
_FAILURE_FACTS = ("code", "message", "step")
_VERSION_FACTS = ("name", "uid", "version_id", "number", "version", "alias", "run", "producer_step")


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that alerters can tell; `resource` is what is told of what it happened to.

    The attributes up to `labels` are what filters look at; None where they mean nothing.
    """

    type: str
    cause: str
    time: datetime
    actor: str
    reason: str = ""
    pipeline: str | None = None
    run: str | None = None
    model: str | None = None
    artifact: str | None = None
    schedule: str | None = None
    state: str | None = None
    stage: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=dict)
    # Its event does not say of which pipeline its run is: the run itself does.
    lacks_run: bool = False

    def about(self, run: Run) -> "Notice":
        """The same, with what only the run says."""
        known = {"pipeline": names.child(names.project(run.project), "pipelines", run.pipeline)}
        return replace(
            self,
            pipeline=run.pipeline,
            labels=run.labels,
            resource={**self.resource, **known, "labels": dict(run.labels)},
            lacks_run=False,
        )


FIELDS = Fields(
    *(
        Field(name, Kind.STRING)
        for name in ("type", "pipeline", "run", "model", "artifact", "schedule", "actor")
    ),
    Field("state", Kind.ENUM, choices=Choices.of(run_types_pb2.RunState.DESCRIPTOR)),
    Field("stage", Kind.ENUM, choices=Choices.of(model_types_pb2.ModelStage.DESCRIPTOR)),
    Field("labels", Kind.MAP),
)


@lru_cache(maxsize=1024)
def predicate(text: str) -> Callable[[Notice], bool]:
    """A filter over notices, compiled once; InvalidArgument for what is none."""
    if not text:
        return lambda _notice: True
    return FIELDS.parse(text, now=datetime.now(UTC)).predicate()


def notice_of(event: events_pb2.Event) -> Notice | None:
    """What an event tells; None where it is none of anybody's business."""
    return _KINDS[event.resource_type](event)


def alert_of(run: Run, text: str, *, time: datetime, actor: str, step: str) -> Notice:
    """What a run says itself."""
    told = {
        "name": run.name,
        "uid": str(run.uid),
        "display_name": run.display_name,
        "state": run.state,
        "step": names.child(run.name, "steps", step),
    }
    facts = {name: value for name, value in told.items() if value}
    notice = Notice(
        RUN_ALERT, run.name, time, actor, text, run=run.id, state=run.state, resource=facts
    )
    return notice.about(run)


def _run(event: events_pb2.Event) -> Notice | None:
    run, to = event.run, event.transition.to
    if not to and not _fell_silent(event):
        return None
    # What a large event leaves out, its transition still says.
    state = to or run_types_pb2.RunState.Name(run.state).removeprefix("RUN_STATE_")
    told = {"name": event.name, "uid": event.uid, **_facts(run, _RUN_FACTS), "state": state}
    if run.HasField("failure"):
        told["failure"] = _facts(run.failure, _FAILURE_FACTS)
    reason = event.transition.reason or run.failure.message
    return Notice(
        type=f"run.{to.lower()}" if to else "run.unresponsive",
        cause=event.name,
        time=_time(event),
        actor=event.actor,
        reason=reason if to else "Its runner has fallen silent.",
        pipeline=names.last(run.pipeline),
        run=names.last(event.name),
        state=state,
        labels=dict(run.labels),
        resource={**told, "labels": dict(run.labels)},
        lacks_run=event.truncated,
    )


def _fell_silent(event: events_pb2.Event) -> bool:
    return "unresponsive" in event.changed_fields and event.run.HasField("unresponsive")


def _condition(event: events_pb2.Event) -> Notice | None:
    asked = event.run_condition
    if event.type != _CREATED:
        return None
    run = event.name.partition("/conditions/")[0]
    told = {
        "name": run,
        "condition": event.name,
        "step": names.child(run, "steps", asked.step_id),
        **_facts(asked, ("question", "expire_time")),
    }
    return Notice(
        type="run.waiting",
        cause=run,
        time=_time(event),
        actor=event.actor,
        reason=asked.question,
        run=names.last(run),
        resource={name: value for name, value in told.items() if value},
        lacks_run=True,
    )


def _model_version(event: events_pb2.Event) -> Notice | None:
    version = event.model_version
    if event.type != _CREATED and not event.transition.to:
        return None
    stage = event.transition.to or _stage(version.stage)
    told = {"name": event.name, "uid": event.uid, **_facts(version, _VERSION_FACTS)}
    return Notice(
        type="model_version.created" if event.type == _CREATED else "model_version.moved",
        cause=event.name,
        time=_time(event),
        actor=event.actor,
        reason=event.transition.reason,
        model=event.name.split("/")[3],
        run=names.last(version.run) or None,
        stage=stage,
        labels=dict(version.labels),
        resource={**told, "stage": stage, "labels": dict(version.labels)},
    )


def _artifact_version(event: events_pb2.Event) -> Notice | None:
    version = event.artifact_version
    if event.type != _CREATED:
        return None
    told = {"name": event.name, "uid": event.uid, **_facts(version, _VERSION_FACTS)}
    producer = version.producer_step.split("/")
    return Notice(
        type="artifact_version.created",
        cause=event.name,
        time=_time(event),
        actor=event.actor,
        artifact=event.name.split("/")[3],
        run=producer[3] if len(producer) > 3 else None,  # noqa: PLR2004 - projects/p/runs/r
        labels=dict(version.labels),
        resource={**told, "labels": dict(version.labels)},
    )


def _schedule(event: events_pb2.Event) -> Notice | None:
    schedule = event.schedule
    is_news = event.type == _UPDATED and "last_outcome" in event.changed_fields
    if not is_news or schedule.last_outcome != schedule_types_pb2.FIRING_OUTCOME_FAILED:
        return None
    told = {"name": event.name, "uid": event.uid}
    told |= _facts(schedule, ("display_name", "snapshot", "last_fire_time"))
    return Notice(
        type="schedule.failed",
        cause=event.name,
        time=_time(event),
        actor=event.actor,
        reason=schedule.last_message,
        schedule=names.last(event.name),
        labels=dict(schedule.labels),
        resource={**told, "labels": dict(schedule.labels)},
    )


def _time(event: events_pb2.Event) -> datetime:
    return event.event_time.ToDatetime(tzinfo=UTC)


def _stage(number: int) -> str:
    return model_types_pb2.ModelStage.Name(number).removeprefix("MODEL_STAGE_")  # type: ignore[arg-type]


def _facts(message: Message, wanted: tuple[str, ...]) -> dict[str, Any]:
    """Those of the fields that are set, as JSON has them."""
    found = {field.name: value for field, value in message.ListFields() if field.name in wanted}
    return {name: _plain(value) for name, value in found.items()}


def _plain(value: Any) -> Any:
    return value.ToJsonString() if isinstance(value, Timestamp) else value


_KINDS: dict[str, Callable[[events_pb2.Event], Notice | None]] = {
    Run.resource_type: _run,
    RunCondition.resource_type: _condition,
    ModelVersion.resource_type: _model_version,
    ArtifactVersion.resource_type: _artifact_version,
    Schedule.resource_type: _schedule,
}
# Of other events nobody is told.
WATCHED = frozenset(_KINDS)
