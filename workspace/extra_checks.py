"""The checks that methods name in their options: what only the data of a request can say."""

from meshkit.scopes import ExtraCheck
from workspace.access import own_run_only
from workspace.connectors.runs import connector_of_own_stack
from workspace.servicers.artifacts import producers_of
from workspace.servicers.code_repositories import may_fetch_code
from workspace.servicers.logs import log_stream_of_own_run
from workspace.servicers.models import (
    approval_rule,
    linking_own_model_version,
    run_of_new_version,
)
from workspace.servicers.projects import quota_rule
from workspace.servicers.schedules import may_run_snapshot
from workspace.servicers.secrets import giving_rule
from workspace.servicers.step_attempts import launching_rule
from workspace.servicers.triggers import triggered_snapshot
from workspace.services import Parts


def extra_checks(parts: Parts) -> dict[str, ExtraCheck]:
    """The checks that methods name in their options."""
    return {
        "producers_of_own_run": own_run_only(producers_of),
        "model_version_of_own_run": own_run_only(run_of_new_version),
        "linking_own_model_version": linking_own_model_version(parts.database),
        "may_run_snapshot": may_run_snapshot(parts.database, parts.policies.refusal),
        "approval_rule": approval_rule(parts.access),
        "quota_rule": quota_rule(parts.access),
        "giving_rule": giving_rule(parts.access),
        "launching_rule": launching_rule(parts.access),
        "code_of_repository": may_fetch_code(parts.access),
        "triggered_snapshot": triggered_snapshot(parts.database, parts.access),
        "log_stream_of_own_run": log_stream_of_own_run(parts.logs),
        "secrets_of_own_snapshot": parts.readers.check_own_snapshot,
        "connector_of_own_stack": connector_of_own_stack(parts.database, parts.policies),
        # Lineage crosses pipelines: one shared run or artifact is no door to all of them.
        "lineage_of_whole_project": parts.access.require_project("artifacts.get"),
    }
