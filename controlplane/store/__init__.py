"""The control plane's SQL: `store.<noun>.<query>(session, scope, ...)`."""

from controlplane.store import (
    bindings,
    devices,
    enrollments,
    keys,
    links,
    organizations,
    personal_tokens,
    roles,
    sessions,
    subjects,
    teams,
    unique,
    users,
    workspaces,
)

__all__ = [
    "bindings",
    "devices",
    "enrollments",
    "keys",
    "links",
    "organizations",
    "personal_tokens",
    "roles",
    "sessions",
    "subjects",
    "teams",
    "unique",
    "users",
    "workspaces",
]
