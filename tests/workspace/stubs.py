"""Stubs of a workspace's services, one method for each."""

from abc import ABC, abstractmethod
from typing import Any

from weftapi.workspace.v1 import (
    alerters_pb2_grpc,
    artifacts_pb2_grpc,
    builds_pb2_grpc,
    code_repositories_pb2_grpc,
    events_pb2_grpc,
    logs_pb2_grpc,
    models_pb2_grpc,
    pipelines_pb2_grpc,
    pools_pb2_grpc,
    projects_pb2_grpc,
    reports_pb2_grpc,
    run_archives_pb2_grpc,
    runs_pb2_grpc,
    saved_views_pb2_grpc,
    schedules_pb2_grpc,
    secret_stores_pb2_grpc,
    secrets_pb2_grpc,
    server_pb2_grpc,
    service_connectors_pb2_grpc,
    snapshots_pb2_grpc,
    stacks_pb2_grpc,
    statistics_pb2_grpc,
    step_attempts_pb2_grpc,
    steps_pb2_grpc,
    triggers_pb2_grpc,
    webhooks_pb2_grpc,
)


class Stubs(ABC):
    """Makes stubs on the edge listener; without a token it is that of an administrator."""

    @abstractmethod
    def _stub(self, cls: Any, token: str | None) -> Any:
        """A stub of this class, for whoever bears the token."""

    def projects(self, token: str | None = None) -> Any:
        return self._stub(projects_pb2_grpc.ProjectServiceStub, token)

    def pipelines(self, token: str | None = None) -> Any:
        return self._stub(pipelines_pb2_grpc.PipelineServiceStub, token)

    def snapshots(self, token: str | None = None) -> Any:
        return self._stub(snapshots_pb2_grpc.SnapshotServiceStub, token)

    def builds(self, token: str | None = None) -> Any:
        return self._stub(builds_pb2_grpc.BuildServiceStub, token)

    def code_repositories(self, token: str | None = None) -> Any:
        return self._stub(code_repositories_pb2_grpc.CodeRepositoryServiceStub, token)

    def runs(self, token: str | None = None) -> Any:
        return self._stub(runs_pb2_grpc.RunServiceStub, token)

    def saved_views(self, token: str | None = None) -> Any:
        return self._stub(saved_views_pb2_grpc.SavedViewServiceStub, token)

    def pools(self, token: str | None = None) -> Any:
        return self._stub(pools_pb2_grpc.PoolServiceStub, token)

    def stacks(self, token: str | None = None) -> Any:
        return self._stub(stacks_pb2_grpc.StackServiceStub, token)

    def archives(self, token: str | None = None) -> Any:
        return self._stub(run_archives_pb2_grpc.RunArchiveServiceStub, token)

    def statistics(self, token: str | None = None) -> Any:
        return self._stub(statistics_pb2_grpc.StatisticsServiceStub, token)

    def steps(self, token: str | None = None) -> Any:
        return self._stub(steps_pb2_grpc.StepServiceStub, token)

    def step_attempts(self, token: str | None = None) -> Any:
        return self._stub(step_attempts_pb2_grpc.StepAttemptServiceStub, token)

    def reports(self, token: str | None = None) -> Any:
        return self._stub(reports_pb2_grpc.ReportServiceStub, token)

    def schedules(self, token: str | None = None) -> Any:
        return self._stub(schedules_pb2_grpc.ScheduleServiceStub, token)

    def artifacts(self, token: str | None = None) -> Any:
        return self._stub(artifacts_pb2_grpc.ArtifactServiceStub, token)

    def models(self, token: str | None = None) -> Any:
        return self._stub(models_pb2_grpc.ModelServiceStub, token)

    def connectors(self, token: str | None = None) -> Any:
        return self._stub(service_connectors_pb2_grpc.ServiceConnectorServiceStub, token)

    def alerters(self, token: str | None = None) -> Any:
        return self._stub(alerters_pb2_grpc.AlerterServiceStub, token)

    def triggers(self, token: str | None = None) -> Any:
        return self._stub(triggers_pb2_grpc.TriggerServiceStub, token)

    def events(self, token: str | None = None) -> Any:
        return self._stub(events_pb2_grpc.EventServiceStub, token)

    def server(self, token: str | None = None) -> Any:
        return self._stub(server_pb2_grpc.ServerServiceStub, token)

    def secrets(self, token: str | None = None) -> Any:
        return self._stub(secrets_pb2_grpc.SecretServiceStub, token)

    def secret_stores(self, token: str | None = None) -> Any:
        return self._stub(secret_stores_pb2_grpc.SecretStoreServiceStub, token)

    def logs(self, token: str | None = None) -> Any:
        return self._stub(logs_pb2_grpc.LogServiceStub, token)

    def webhooks(self, token: str | None = None) -> Any:
        return self._stub(webhooks_pb2_grpc.WebhookServiceStub, token)
