"""What is limited, in what words: the quotas of a project, and those of the workspace.

Few and coarse: each is something that grows by itself or costs something to keep.
"""

import enum
from collections.abc import Mapping

from meshkit.errors import ResourceExhausted
from workspace import names
from workspace.logs.amounts import in_bytes

# Where the workspace stands among projects, none of which has an empty id.
WORKSPACE = ""
# From this share of a limit on, people are warned.
_NEAR_PERCENT = 80


class Quota(enum.StrEnum):
    """What may be limited; the values stand in the database, on the wire and in settings."""

    RUNS = "runs"
    ARTIFACT_VERSIONS = "artifact_versions"
    ARTIFACT_BYTES = "artifact_bytes"
    LOG_BYTES = "log_bytes"
    PIPELINES = "pipelines"
    SNAPSHOTS = "snapshots"
    MODEL_VERSIONS = "model_versions"
    AUTOMATIONS = "automations"
    PROJECTS = "projects"
    INFRASTRUCTURE = "infrastructure"

    @property
    def is_bytes(self) -> bool:
        return self.endswith("_bytes")

    @property
    def column(self) -> str:
        """The field of a project, and the column of its table, that limits it."""
        return f"max_{self}"


class QuotaReachedError(ResourceExhausted):
    """There is no room, and to wait makes none: what is busy, in contrast, is tried again."""


class QuotaState(enum.StrEnum):
    """Where a use stands; the values stand, with a prefix, on the wire."""

    FREE = "FREE"
    NEAR = "NEAR"
    REACHED = "REACHED"


# By quota; 0, as absence, is no limit.
Limits = Mapping[Quota, int]

# These belong to no project.
OF_WORKSPACE = (Quota.PROJECTS, Quota.INFRASTRUCTURE)
OF_PROJECTS = tuple(quota for quota in Quota if quota not in OF_WORKSPACE)

_ROOM: Mapping[Quota, str] = {
    Quota.RUNS: "delete runs, or let retention archive old ones (weft runs archive policy)",
    Quota.ARTIFACT_VERSIONS: "prune artifacts that nothing uses (weft artifacts prune)",
    Quota.ARTIFACT_BYTES: "prune artifacts that nothing uses (weft artifacts prune)",
    Quota.LOG_BYTES: "delete runs whose logs are not needed",
    Quota.PIPELINES: "delete pipelines that are not used (weft pipelines delete)",
    Quota.SNAPSHOTS: "prune snapshots that are not used (weft snapshots prune)",
    Quota.MODEL_VERSIONS: "delete versions of models (weft models)",
    Quota.AUTOMATIONS: "delete schedules, triggers, webhooks, alerters or code repositories",
    Quota.PROJECTS: "delete projects (weft projects delete)",
    Quota.INFRASTRUCTURE: "delete stacks, components, flavors, connectors or secrets",
}


def state_of(use: int, limit: int) -> QuotaState:
    """Where a use stands to its limit; 0 is none."""
    if limit and use >= limit:
        return QuotaState.REACHED
    is_near = limit and use * 100 >= limit * _NEAR_PERCENT
    return QuotaState.NEAR if is_near else QuotaState.FREE


def scope_name(project: str) -> str:
    """Whose quota it is, by name: "workspace" for that of all projects."""
    return names.project(project) if project else "workspace"


def reached(project: str, quota: Quota, *, use: int, limit: int) -> QuotaReachedError:
    """Why there is no room, and how to make some."""
    scope = scope_name(project)
    say = in_bytes if quota.is_bytes else "{:,}".format
    raising = (
        f"raise it with `weft projects update {project} --max-{quota.replace('_', '-')}`"
        if project
        else f"whoever runs the workspace raises WEFT_WORKSPACE_QUOTA_{quota.upper()}"
    )
    return QuotaReachedError(
        "QUOTA_REACHED",
        f"The quota of {quota} of {scope} leaves no room: {say(use)} of {say(limit)} are taken. "
        f"To make room, {_ROOM[quota]}; or {raising}.",
        metadata={"quota": quota, "scope": scope, "use": str(use), "limit": str(limit)},
    )
