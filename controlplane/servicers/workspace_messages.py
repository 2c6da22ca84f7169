"""Workspaces and enrollments as messages: what is registered, joined with how servers are."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from controlplane.fleet.situation import told
from controlplane.linking.health import LinkRegistry, Seen
from controlplane.linking.views import EnrollmentView, WorkspaceView
from controlplane.operations.refusals import etag_of
from controlplane.servicers.conversions import timestamp
from controlplane.store.schema import Enrollment
from meshkit.spiffe import Role
from weftapi.controlplane.v1 import enrollments_pb2, workspace_types_pb2
from weftapi.options.v1 import options_pb2

ROLES = {
    options_pb2.PEER_ROLE_WORKSPACE: Role.WORKSPACE,
    options_pb2.PEER_ROLE_WORKLOAD_MANAGER: Role.WORKLOAD_MANAGER,
    options_pb2.PEER_ROLE_GATEWAY: Role.GATEWAY,
}
PEER_ROLES = {role: number for number, role in ROLES.items()}


@dataclass(frozen=True, slots=True)
class WorkspaceMessages:
    """Makes messages of workspaces; `registry` knows the links that end here."""

    registry: LinkRegistry
    trust_domain: str

    def workspace(self, view: WorkspaceView) -> workspace_types_pb2.Workspace:
        row, seen = view.row, self.registry.see(view.spiffe_id, view.link)
        state = told(view, seen)
        message = workspace_types_pb2.Workspace(
            name=row.name,
            uid=str(row.uid),
            display_name=row.display_name,
            labels=row.labels,
            creator=row.creator,
            create_time=timestamp(row.create_time),
            update_time=timestamp(row.update_time),
            etag=etag_of(row),
            state=workspace_types_pb2.WorkspaceState.Value(f"WORKSPACE_STATE_{state.state}"),
            state_reason=state.reason,
            state_time=timestamp(state.since),
            deployment_mode=workspace_types_pb2.DeploymentMode.Value(f"DEPLOYMENT_MODE_{row.mode}"),
            target_version=row.target_version,
            upgrade_policy=workspace_types_pb2.UpgradePolicy.Value(
                f"UPGRADE_POLICY_{row.upgrade_policy}"
            ),
            operation=view.operation.name if view.operation else "",
        )
        if seen is not None:
            _add(message, seen)
        return message


def _add(message: workspace_types_pb2.Workspace, seen: Seen) -> None:
    """What the server of a workspace said on its link."""
    report = seen.report
    message.endpoint, message.version = seen.edge_endpoint, seen.version
    message.policy_revision = report.policy_revision
    message.drift = "; ".join(_drift(message.target_version, seen))
    message.health_checks.extend(
        workspace_types_pb2.HealthCheck(**check) for check in report.checks
    )
    if seen.last_heard:
        message.last_heartbeat_time.FromDatetime(seen.last_heard)
    if report.usage is not None:
        message.usage.CopyFrom(workspace_types_pb2.WorkspaceUsage(**report.usage))


def _drift(target_version: str, seen: Seen) -> Iterator[str]:
    if target_version and seen.version != target_version:
        yield f"runs {seen.version} where {target_version} is wanted"
    if seen.is_behind:
        decided, told = seen.report.policy_revision, seen.policy_told
        yield f"decides on policy {decided} where {told} was pushed"


def enrollment_to_proto(view: EnrollmentView, now: datetime) -> enrollments_pb2.Enrollment:
    row = view.row
    return enrollments_pb2.Enrollment(
        name=row.name,
        uid=str(row.uid),
        creator=row.creator,
        create_time=timestamp(row.create_time),
        role=PEER_ROLES[Role(row.role)],
        workspaces=[workspace.name for workspace in view.workspaces],
        host_names=row.host_names,
        state=_enrollment_state(row, now),
        expire_time=timestamp(row.expire_time),
        spiffe_id=row.spiffe_id if row.use_time else "",
        all_workspaces=row.all_workspaces,
        display_name=row.display_name,
    )


def _enrollment_state(row: Enrollment, now: datetime) -> enrollments_pb2.EnrollmentState.ValueType:
    if row.revoke_time is not None:
        return enrollments_pb2.ENROLLMENT_STATE_REVOKED
    if row.use_time is not None:
        return enrollments_pb2.ENROLLMENT_STATE_USED
    if row.expire_time <= now:
        return enrollments_pb2.ENROLLMENT_STATE_EXPIRED
    return enrollments_pb2.ENROLLMENT_STATE_PENDING
