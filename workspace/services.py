"""The services of a workspace: one servicer for each, with what it works on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FileDescriptor

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.feed_metrics import expose_feed, expose_followers
from meshkit.server import Service
from meshkit.telemetry import Metrics
from weftapi.workspace.v1 import (
    alerters_pb2,
    alerters_pb2_grpc,
    artifacts_pb2,
    artifacts_pb2_grpc,
    builds_pb2,
    builds_pb2_grpc,
    code_repositories_pb2,
    code_repositories_pb2_grpc,
    events_pb2,
    events_pb2_grpc,
    logs_pb2,
    logs_pb2_grpc,
    models_pb2,
    models_pb2_grpc,
    pipelines_pb2,
    pipelines_pb2_grpc,
    pools_pb2,
    pools_pb2_grpc,
    projects_pb2,
    projects_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    run_archives_pb2,
    run_archives_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
    saved_views_pb2,
    saved_views_pb2_grpc,
    schedules_pb2,
    schedules_pb2_grpc,
    secret_stores_pb2,
    secret_stores_pb2_grpc,
    secrets_pb2,
    secrets_pb2_grpc,
    server_pb2,
    server_pb2_grpc,
    service_connectors_pb2,
    service_connectors_pb2_grpc,
    snapshots_pb2,
    snapshots_pb2_grpc,
    stacks_pb2,
    stacks_pb2_grpc,
    statistics_pb2,
    statistics_pb2_grpc,
    step_attempts_pb2,
    step_attempts_pb2_grpc,
    steps_pb2,
    steps_pb2_grpc,
    triggers_pb2,
    triggers_pb2_grpc,
    webhooks_pb2,
    webhooks_pb2_grpc,
)
from workspace.access import Access, Policies
from workspace.alerting.alerts import Alerts
from workspace.answers import Answers
from workspace.bells import Bells
from workspace.building.desk import BuildDesk
from workspace.config import WorkspaceSettings
from workspace.connectors.desk import ConnectorDesk
from workspace.contents import Contents
from workspace.encoding import EventEncoder
from workspace.health import HealthDesk
from workspace.heartbeats import Heartbeats
from workspace.launching.build_logs import BuildLogs
from workspace.launching.fits import Fits
from workspace.launching.pools import Pools
from workspace.launching.ports import WorkloadManagers
from workspace.launching.reconciler import Reconciler
from workspace.logs.keeper import LogKeeper
from workspace.repositories.desk import RepositoryDesk
from workspace.retention.job import RunArchive
from workspace.run_tokens import RunTokens
from workspace.secrets.backends import Backends
from workspace.secrets.keeper import SecretKeeper
from workspace.secrets.masking import Masking
from workspace.secrets.readers import Readers
from workspace.secrets.rotation import KeyRotation
from workspace.secrets.sealer import Sealer
from workspace.servicers.alerters import AlerterServicer
from workspace.servicers.artifacts import ArtifactServicer
from workspace.servicers.builds import BuildServicer
from workspace.servicers.code_repositories import CodeRepositoryServicer
from workspace.servicers.events import EventServicer
from workspace.servicers.listing import Lists
from workspace.servicers.logs import LogServicer
from workspace.servicers.models import ModelServicer
from workspace.servicers.pipelines import PipelineServicer
from workspace.servicers.pools import PoolServicer
from workspace.servicers.projects import ProjectServicer
from workspace.servicers.reports import ReportServicer
from workspace.servicers.run_archives import RunArchiveServicer
from workspace.servicers.runs import RunServicer
from workspace.servicers.saved_views import SavedViewServicer
from workspace.servicers.schedules import ScheduleServicer
from workspace.servicers.secret_stores import SecretStoreServicer
from workspace.servicers.secrets import SecretServicer
from workspace.servicers.server import ServerServicer
from workspace.servicers.service_connectors import ServiceConnectorServicer
from workspace.servicers.snapshots import SnapshotServicer
from workspace.servicers.stacks import StackServicer
from workspace.servicers.statistics import StatisticsServicer
from workspace.servicers.step_attempts import StepAttemptServicer
from workspace.servicers.steps import StepServicer
from workspace.servicers.triggers import TriggerServicer
from workspace.servicers.watches import Watches
from workspace.servicers.webhooks import WebhookServicer
from workspace.stacks.trying import Trials
from workspace.usage import UsageMeter
from workspace.webhooks.intake import Intake


@dataclass(frozen=True, slots=True)
class Parts:
    """What the servicers work on."""

    settings: WorkspaceSettings
    clock: Clock
    metrics: Metrics
    database: Database
    encoder: EventEncoder
    lists: Lists
    access: Access
    policies: Policies
    tokens: RunTokens
    sealer: Sealer
    connectors: ConnectorDesk
    repositories: RepositoryDesk
    backends: Backends
    secrets: SecretKeeper
    masking: Masking
    readers: Readers
    rotation: KeyRotation
    trials: Trials
    contents: Contents
    alerts: Alerts
    heartbeats: Heartbeats
    health: HealthDesk
    bells: Bells
    logs: LogKeeper
    run_archive: RunArchive
    managers: WorkloadManagers
    builds: BuildDesk
    reconciler: Reconciler
    is_draining: Callable[[], bool]
    # The CAs of the mesh as they are now, in PEM.
    trust: Callable[[], bytes]


def services(parts: Parts) -> list[Service]:
    """Every service of the contract."""
    database, lists, settings = parts.database, parts.lists, parts.settings
    store_uri = settings.artifact_store
    watches = Watches(
        database,
        parts.encoder,
        parts.access,
        clock=parts.clock,
        bookmark_s=settings.bookmark_s,
        is_draining=parts.is_draining,
    )
    expose_feed(parts.metrics, database.feed)
    expose_followers(parts.metrics, database.feed, watches.following, parts.clock)
    pools = Pools(database, parts.managers)
    return [
        _service(projects_pb2, projects_pb2_grpc, ProjectServicer(database, lists, parts.access)),
        _service(pipelines_pb2, pipelines_pb2_grpc, PipelineServicer(database, lists)),
        _service(
            snapshots_pb2,
            snapshots_pb2_grpc,
            SnapshotServicer(
                database,
                lists,
                parts.managers,
                parts.reconciler,
                repositories=parts.repositories,
                fits=Fits(database, parts.managers),
                clock=parts.clock,
            ),
        ),
        _service(pools_pb2, pools_pb2_grpc, PoolServicer(database, lists, pools)),
        _service(builds_pb2, builds_pb2_grpc, _builds(parts)),
        _service(stacks_pb2, stacks_pb2_grpc, StackServicer(database, lists, parts.trials)),
        _service(runs_pb2, runs_pb2_grpc, _runs(parts, watches)),
        _service(
            statistics_pb2,
            statistics_pb2_grpc,
            StatisticsServicer(database, lists, parts.access, parts.clock),
        ),
        _service(
            run_archives_pb2,
            run_archives_pb2_grpc,
            RunArchiveServicer(database, lists, parts.run_archive, parts.logs),
        ),
        _service(steps_pb2, steps_pb2_grpc, StepServicer(database, lists, parts.bells)),
        _service(reports_pb2, reports_pb2_grpc, _reports(parts)),
        _service(step_attempts_pb2, step_attempts_pb2_grpc, _step_attempts(parts)),
        _service(
            artifacts_pb2,
            artifacts_pb2_grpc,
            ArtifactServicer(database, lists, parts.contents, parts.clock),
        ),
        _service(models_pb2, models_pb2_grpc, ModelServicer(database, lists)),
        _service(
            code_repositories_pb2,
            code_repositories_pb2_grpc,
            CodeRepositoryServicer(database, lists, parts.policies, parts.repositories),
        ),
        _service(triggers_pb2, triggers_pb2_grpc, TriggerServicer(database, lists)),
        _service(webhooks_pb2, webhooks_pb2_grpc, _webhooks(parts)),
        _service(
            alerters_pb2,
            alerters_pb2_grpc,
            AlerterServicer(database, lists, parts.sealer, parts.alerts),
        ),
        _service(
            schedules_pb2,
            schedules_pb2_grpc,
            ScheduleServicer(database, lists, parts.reconciler, parts.clock),
        ),
        _service(
            saved_views_pb2,
            saved_views_pb2_grpc,
            SavedViewServicer(database, lists, parts.policies),
        ),
        _service(events_pb2, events_pb2_grpc, EventServicer(database, watches)),
        _service(logs_pb2, logs_pb2_grpc, _logs(parts)),
        _service(service_connectors_pb2, service_connectors_pb2_grpc, _connectors(parts)),
        _service(secrets_pb2, secrets_pb2_grpc, _secrets(parts)),
        _service(
            secret_stores_pb2,
            secret_stores_pb2_grpc,
            SecretStoreServicer(
                database, backends=parts.backends, sealer=parts.sealer, rotation=parts.rotation
            ),
        ),
        _service(
            server_pb2,
            server_pb2_grpc,
            ServerServicer(
                parts.policies,
                parts.managers,
                UsageMeter(database, settings.quotas),
                parts.health,
                artifact_store_uri=store_uri,
                allow_pickle=settings.allow_pickle,
            ),
        ),
    ]


def _service(messages: Any, stubs: Any, servicer: Any) -> Service:
    """The one service of a file, with the function that generated code adds it by."""
    file: FileDescriptor = messages.DESCRIPTOR
    ((name, descriptor),) = file.services_by_name.items()
    return Service(descriptor, getattr(stubs, f"add_{name}Servicer_to_server"), servicer)


def _builds(parts: Parts) -> BuildServicer:
    database = parts.database
    logs = BuildLogs(database, parts.managers, parts.is_draining)
    return BuildServicer(database, parts.lists, parts.builds, logs, parts.reconciler.wake)


def _runs(parts: Parts, watches: Watches) -> RunServicer:
    return RunServicer(
        parts.database,
        parts.lists,
        parts.access,
        watches,
        managers=parts.managers,
        reconciler=parts.reconciler,
        bells=parts.bells,
        answers=Answers(parts.database),
        logs=parts.logs,
    )


def _reports(parts: Parts) -> ReportServicer:
    return ReportServicer(
        parts.database,
        parts.heartbeats,
        parts.tokens,
        parts.bells,
        parts.masking,
        artifact_store_uri=parts.settings.artifact_store,
        allow_pickle=parts.settings.allow_pickle,
        trust=parts.trust,
    )


def _step_attempts(parts: Parts) -> StepAttemptServicer:
    return StepAttemptServicer(
        parts.database,
        parts.tokens,
        parts.masking,
        parts.managers,
        parts.reconciler,
        heartbeats=parts.heartbeats,
        artifact_store_uri=parts.settings.artifact_store,
        allow_pickle=parts.settings.allow_pickle,
        trust=parts.trust,
    )


def _secrets(parts: Parts) -> SecretServicer:
    return SecretServicer(
        parts.database,
        parts.lists,
        keeper=parts.secrets,
        readers=parts.readers,
        sealer=parts.sealer,
        masking=parts.masking,
    )


def _logs(parts: Parts) -> LogServicer:
    return LogServicer(
        parts.database,
        parts.lists,
        parts.logs,
        alive_s=parts.settings.bookmark_s,
        is_draining=parts.is_draining,
    )


def _webhooks(parts: Parts) -> WebhookServicer:
    intake = Intake(parts.database, parts.sealer, parts.clock)
    return WebhookServicer(parts.database, parts.lists, sealer=parts.sealer, intake=intake)


def _connectors(parts: Parts) -> ServiceConnectorServicer:
    return ServiceConnectorServicer(
        parts.database,
        parts.lists,
        parts.policies,
        sealer=parts.sealer,
        desk=parts.connectors,
        clock=parts.clock,
    )
