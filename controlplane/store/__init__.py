"""The control plane's SQL: `store.<noun>.<query>(session, scope, ...)`."""

from controlplane.store import (
    audit,
    bindings,
    devices,
    enrollments,
    identities,
    identity_providers,
    keys,
    links,
    members,
    operations,
    organizations,
    personal_tokens,
    roles,
    roots,
    service_accounts,
    sessions,
    subjects,
    teams,
    trusted_domains,
    unique,
    users,
    workspaces,
)

# Its tables join the schema when they are imported.
from controlplane.store import schema_audit as _schema_audit  # noqa: F401

__all__ = [
    "audit",
    "bindings",
    "devices",
    "enrollments",
    "identities",
    "identity_providers",
    "keys",
    "links",
    "members",
    "operations",
    "organizations",
    "personal_tokens",
    "roles",
    "roots",
    "service_accounts",
    "sessions",
    "subjects",
    "teams",
    "trusted_domains",
    "unique",
    "users",
    "workspaces",
]
