"""How events show each kind of resource."""

from collections.abc import Mapping

from workspace.encoding import Shown
from workspace.servicers.alerter_messages import alerter_to_proto
from workspace.servicers.artifact_messages import artifact_to_proto, version_to_proto
from workspace.servicers.builds import build_to_proto
from workspace.servicers.code_repositories import code_repository_to_proto
from workspace.servicers.components import component_to_proto
from workspace.servicers.conditions import condition_to_proto
from workspace.servicers.flavors import flavor_to_proto
from workspace.servicers.logs import log_stream_to_proto
from workspace.servicers.model_messages import model_to_proto, request_to_proto
from workspace.servicers.model_messages import version_to_proto as model_version_to_proto
from workspace.servicers.pipelines import pipeline_to_proto
from workspace.servicers.projects import project_to_proto
from workspace.servicers.runs import run_to_proto
from workspace.servicers.saved_views import saved_view_to_proto
from workspace.servicers.schedule_messages import schedule_to_proto
from workspace.servicers.secrets import secret_to_proto
from workspace.servicers.service_connector_messages import connector_to_proto
from workspace.servicers.snapshots import snapshot_to_proto
from workspace.servicers.stacks import stack_to_proto
from workspace.servicers.steps import step_to_proto
from workspace.servicers.triggers import trigger_to_proto
from workspace.servicers.webhooks import webhook_to_proto
from workspace.store import (
    schema,
    schema_alerters,
    schema_artifacts,
    schema_code_repositories,
    schema_conditions,
    schema_connectors,
    schema_logs,
    schema_models,
    schema_saved_views,
    schema_schedules,
    schema_secrets,
    schema_snapshots,
    schema_stacks,
    schema_triggers,
    schema_webhooks,
)
from workspace.store.base import Row

SHOWN: Mapping[type[Row], Shown] = {
    schema.Project: Shown("project_resource", project_to_proto),
    schema_snapshots.Pipeline: Shown("pipeline", pipeline_to_proto),
    schema_snapshots.Snapshot: Shown("snapshot", snapshot_to_proto),
    schema_snapshots.Build: Shown("build", build_to_proto),
    schema_conditions.RunCondition: Shown("run_condition", condition_to_proto),
    schema.Run: Shown("run", run_to_proto),
    schema.Step: Shown("step", step_to_proto),
    schema_stacks.Stack: Shown("stack", stack_to_proto),
    schema_stacks.Component: Shown("component", component_to_proto),
    schema_stacks.Flavor: Shown("flavor", flavor_to_proto),
    schema_artifacts.Artifact: Shown("artifact", artifact_to_proto),
    schema_artifacts.ArtifactVersion: Shown("artifact_version", version_to_proto),
    schema_logs.LogStream: Shown("log_stream", log_stream_to_proto),
    schema_triggers.Trigger: Shown("trigger", trigger_to_proto),
    schema_alerters.Alerter: Shown("alerter", alerter_to_proto),
    schema_models.Model: Shown("model", model_to_proto),
    schema_models.ModelVersion: Shown("model_version", model_version_to_proto),
    schema_models.StageRequest: Shown("stage_request", request_to_proto),
    schema_connectors.ServiceConnector: Shown("service_connector", connector_to_proto),
    schema_secrets.Secret: Shown("secret", secret_to_proto),
    schema_code_repositories.CodeRepository: Shown("code_repository", code_repository_to_proto),
    schema_saved_views.SavedView: Shown("saved_view", saved_view_to_proto),
    schema_schedules.Schedule: Shown("schedule", schedule_to_proto),
    schema_webhooks.Webhook: Shown("webhook", webhook_to_proto),
}
