"""The tables: as migrated, as mapped, and what they refuse."""

import pytest

from meshkit.migrations import drift, migrate
from weftapi.workspace.v1 import (
    alerter_types_pb2,
    artifact_types_pb2,
    model_types_pb2,
    run_types_pb2,
    schedule_types_pb2,
    webhook_types_pb2,
)
from workspace.lifecycle import RunState, StepState
from workspace.servicers.converting import numbers
from workspace.store import (
    alert_deliveries,
    alerters,
    artifacts,
    builds,
    conditions,
    model_versions,
    models,
    projects,
    runs,
    schedules,
    service_connectors,
    snapshots,
    steps,
    webhooks,
)
from workspace.store.base import metadata
from workspace.store.schema_alerters import AlerterKind, DeliveryState
from workspace.store.schema_models import ModelStage, RequestState
from workspace.store.schema_schedules import CatchUp, Outcome, Overlap, ScheduleState
from workspace.upgrade import MIGRATIONS
from workspace.webhooks.signatures import SCHEMES


@pytest.fixture
def template() -> None:
    """Nobody has migrated these databases."""


async def test_the_migrated_database_is_the_mapped_one(database_url: str) -> None:
    await migrate(database_url, MIGRATIONS, metadata)
    assert await drift(database_url, metadata) == []


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    await migrate(database_url, MIGRATIONS, metadata)
    await migrate(database_url, MIGRATIONS, metadata)
    assert await drift(database_url, metadata) == []


def test_every_filterable_field_has_an_index() -> None:
    tables = (
        projects.FIELDS,
        snapshots.FIELDS,
        runs.FIELDS,
        artifacts.FIELDS,
        artifacts.VERSION_FIELDS,
        builds.FIELDS,
        conditions.FIELDS,
        models.FIELDS,
        model_versions.FIELDS,
        model_versions.LINK_FIELDS,
        model_versions.TRANSITION_FIELDS,
        model_versions.REQUEST_FIELDS,
        service_connectors.FIELDS,
        schedules.FIELDS,
        schedules.FIRING_FIELDS,
        webhooks.FIELDS,
        webhooks.DELIVERY_FIELDS,
        alerters.FIELDS,
        alert_deliveries.FIELDS,
    )
    assert [table.unindexed() for table in tables] == [[]] * len(tables)
    # Steps are filtered within one run, which an index finds: theirs are looked through.
    assert steps.FIELDS.unindexed() == ["metadata"]


def test_names_of_states_are_those_of_the_contract_in_its_order() -> None:
    for ours, theirs in (
        (RunState, run_types_pb2.RunState),
        (StepState, run_types_pb2.StepState),
        (runs.TRIGGERS, run_types_pb2.RunTrigger),
        (artifacts.TYPES, artifact_types_pb2.ArtifactType),
        (ModelStage, model_types_pb2.ModelStage),
        (RequestState, model_types_pb2.StageRequestState),
        (ScheduleState, schedule_types_pb2.ScheduleState),
        (CatchUp, schedule_types_pb2.CatchUp),
        (Overlap, schedule_types_pb2.Overlap),
        (Outcome, schedule_types_pb2.FiringOutcome),
        (SCHEMES, webhook_types_pb2.WebhookKind),
        (AlerterKind, alerter_types_pb2.AlerterKind),
        (DeliveryState, alerter_types_pb2.AlertDeliveryState),
    ):
        assert {str(name): place for place, name in enumerate(ours, 1)} | {"": 0} == numbers(theirs)
