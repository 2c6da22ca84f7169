"""Roles and permissions: one table from every permission of the contract to the built-in roles.

Pure: no database, no protobuf. A contract test holds the catalogue against the verbs of all
service definitions, so that a new RPC cannot be forgotten here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

ADMIN = "admin"
EDITOR = "editor"
VIEWER = "viewer"

_VIEWER = frozenset(
    {
        "alerters.get",
        "alerters.list",
        "artifacts.get",
        "artifacts.list",
        "builds.get",
        "builds.list",
        "codeRepositories.get",
        "codeRepositories.list",
        "connectors.get",
        "connectors.list",
        "components.get",
        "components.list",
        "events.list",
        "flavors.get",
        "flavors.list",
        "logs.read",
        # Colleagues know each other by name; addresses stay within the organization.
        "members.get",
        "members.list",
        "models.get",
        "models.list",
        "operations.get",
        "operations.list",
        "organizations.get",
        "pipelines.get",
        "pipelines.list",
        "pools.get",
        "pools.list",
        "projects.get",
        "projects.list",
        "roles.get",
        "roles.list",
        "runs.get",
        "runs.list",
        # Views of one's own: they are looks at lists, and others see the shared ones alone.
        "savedViews.create",
        "savedViews.delete",
        "savedViews.get",
        "savedViews.list",
        "savedViews.update",
        "secretStores.get",
        "secrets.get",
        "secrets.list",
        "schedules.get",
        "schedules.list",
        "serviceAccounts.get",
        "serviceAccounts.list",
        "snapshots.get",
        "snapshots.list",
        "stacks.get",
        "stacks.list",
        "statistics.get",
        "teamMembers.list",
        "teams.get",
        "teams.list",
        "triggers.get",
        "triggers.list",
        "usage.get",
        "webhooks.get",
        "webhooks.list",
        "workspaces.get",
        "workspaces.list",
        "workspaces.use",
    }
)
_EDITOR = _VIEWER | {
    "alerters.create",
    "alerters.delete",
    "alerters.redeliver",
    "alerters.rotate",
    "alerters.test",
    "alerters.update",
    "artifacts.create",
    "builds.cancel",
    "builds.create",
    "builds.delete",
    "codeRepositories.create",
    "codeRepositories.delete",
    "codeRepositories.resolve",
    "codeRepositories.update",
    "components.validate",
    "connectors.issue",
    "connectors.verify",
    "artifacts.download",
    "artifacts.update",
    "logs.append",
    "models.create",
    "models.link",
    "models.promote",
    "models.update",
    "pipelines.delete",
    "pipelines.update",
    "projects.create",
    "projects.update",
    "runs.alert",
    "runs.approve",
    "runs.create",
    "runs.pause",
    "runs.report",
    "runs.retry",
    "runs.stop",
    "runs.update",
    "savedViews.share",
    "secrets.access",
    "secrets.create",
    "secrets.delete",
    "secrets.update",
    "schedules.create",
    "schedules.delete",
    "schedules.trigger",
    "schedules.update",
    "snapshots.create",
    "stacks.validate",
    "snapshots.delete",
    "snapshots.publish",
    "snapshots.run",
    "snapshots.update",
    "triggers.create",
    "triggers.delete",
    "triggers.update",
    "webhooks.create",
    "webhooks.delete",
    "webhooks.redeliver",
    "webhooks.rotate",
    "webhooks.update",
}
_ADMIN = _EDITOR | {
    "apiKeys.create",
    "apiKeys.delete",
    "apiKeys.get",
    "apiKeys.list",
    "apiKeys.rotate",
    "apiKeys.update",
    "artifacts.delete",
    "auditEvents.export",
    "auditEvents.get",
    "auditEvents.list",
    "auditEvents.verify",
    "auditKeys.rotate",
    "connectors.create",
    "connectors.delete",
    "connectors.update",
    "certificateAuthority.get",
    "certificateAuthority.roll",
    "components.create",
    "components.delete",
    "components.update",
    "enrollments.create",
    "enrollments.list",
    "enrollments.revoke",
    "enrollments.update",
    "flavors.create",
    "flavors.delete",
    "invitations.create",
    "invitations.get",
    "invitations.list",
    "invitations.resend",
    "invitations.revoke",
    "federatedCredentials.create",
    "federatedCredentials.delete",
    "federatedCredentials.get",
    "federatedCredentials.list",
    "federatedCredentials.update",
    "members.deactivate",
    "members.erase",
    "members.reactivate",
    "members.recover",
    "members.remove",
    "models.approve",
    "models.delete",
    "identityProviders.create",
    "identityProviders.delete",
    "identityProviders.get",
    "identityProviders.list",
    "identityProviders.test",
    "identityProviders.update",
    "operations.cancel",
    "organizations.create",
    "organizations.delete",
    "organizations.update",
    "personalAccessTokens.list",
    "personalAccessTokens.revoke",
    "pools.cordon",
    "projects.delete",
    "roleBindings.create",
    "roleBindings.delete",
    "roleBindings.get",
    "roleBindings.list",
    "roles.create",
    "roles.delete",
    "roles.update",
    "runs.delete",
    "secretStores.migrate",
    "secretStores.rotateKey",
    "secretStores.update",
    "serviceAccounts.create",
    "serviceAccounts.delete",
    "serviceAccounts.disable",
    "serviceAccounts.enable",
    "serviceAccounts.update",
    "signingKeys.rotate",
    "stacks.create",
    "stacks.delete",
    "stacks.update",
    "teamMembers.add",
    "teamMembers.remove",
    "teams.create",
    "teams.delete",
    "teams.update",
    "trustedDomains.add",
    "trustedDomains.list",
    "trustedDomains.remove",
    "trustedDomains.verify",
    "users.create",
    "workspaces.create",
    "workspaces.delete",
    "workspaces.deregister",
    "workspaces.register",
    "workspaces.resume",
    "workspaces.suspend",
    "workspaces.update",
    "workspaces.upgrade",
}

CATALOGUE = _ADMIN

# What can be shared one by one, by the collections in their names: what there are permissions for.
COLLECTIONS = frozenset(permission.partition(".")[0] for permission in CATALOGUE) | {
    "archivedRuns",
    "logStreams",
}

# Whoever has any role on a resource may know of, and enter, what holds it: these are held on
# a workspace or an organization by a role on anything inside it.
FROM_BELOW = frozenset(
    {"organizations.get", "roles.get", "roles.list", "workspaces.get", "workspaces.use"}
)


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions, built in or made by an organization."""

    id: str
    display_name: str
    description: str
    permissions: frozenset[str]


ROLES: dict[str, Role] = {
    role.id: role
    for role in (
        Role(ADMIN, "Admin", "Does everything, and says who else may.", _ADMIN),
        Role(EDITOR, "Editor", "Works: creates, runs and changes what is in projects.", _EDITOR),
        Role(VIEWER, "Viewer", "Sees everything and changes nothing that others see.", _VIEWER),
    )
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a role or a permission is held.

    An organization, a workspace in it, a project there, or one resource of the project with all
    below it ("runs/first"). Ids as they stand in names; empty means the whole of what is above.
    """

    organization: str
    workspace: str = ""
    project: str = ""
    item: str = ""

    def holds(self, other: "Scope") -> bool:
        """Whether `other` is this scope or lies inside it."""
        return (
            self.organization == other.organization
            and self.workspace in ("", other.workspace)
            and self.project in ("", other.project)
            and (not self.item or f"{other.item}/".startswith(f"{self.item}/"))
        )

    @property
    def name(self) -> str:
        """The resource name, "organizations/o/workspaces/w/projects/p/runs/r"."""
        name = f"organizations/{self.organization}"
        if self.workspace:
            name += f"/workspaces/{self.workspace}"
        if self.project:
            name += f"/projects/{self.project}"
        if self.item:
            name += f"/{self.item}"
        return name


@dataclass(frozen=True, slots=True)
class Grant:
    """Permissions held on a scope; until a time, where it has an end."""

    permissions: frozenset[str]
    scope: Scope
    expire_time: datetime | None = None

    def outlasts(self, time: datetime | None) -> bool:
        """Whether it still counts just before a time; None is for ever."""
        return self.expire_time is None or (time is not None and time <= self.expire_time)


def held_on(grants: Iterable[Grant], scope: Scope) -> frozenset[str]:
    """All permissions that the grants give on a scope."""
    held: set[str] = set()
    for grant in grants:
        held |= given_on(grant, scope)
    return frozenset(held)


def given_on(grant: Grant, scope: Scope) -> frozenset[str]:
    """What one grant gives on a scope: all of it from above, a little from below."""
    if grant.scope.holds(scope):
        return grant.permissions
    if scope.holds(grant.scope):
        return grant.permissions & FROM_BELOW
    return frozenset()


def may_see_below(grants: Iterable[Grant], permission: str, scope: Scope) -> bool:
    """Whether the grants give a permission on the scope or on anything inside it."""
    return any(
        permission in grant.permissions
        for grant in grants
        if grant.scope.holds(scope) or scope.holds(grant.scope)
    )
