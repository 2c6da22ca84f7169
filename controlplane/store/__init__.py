"""The control plane's SQL: `store.<noun>.<query>(session, scope, ...)`."""

from controlplane.store import (
    bindings,
    devices,
    enrollments,
    keys,
    organizations,
    personal_tokens,
    sessions,
    users,
    workspaces,
)

__all__ = [
    "bindings",
    "devices",
    "enrollments",
    "keys",
    "organizations",
    "personal_tokens",
    "sessions",
    "users",
    "workspaces",
]
