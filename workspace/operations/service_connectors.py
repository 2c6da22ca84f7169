"""What writes of service connectors mean."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from meshkit.errors import FailedPrecondition
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace.connectors import configs
from workspace.connectors.configs import Filled
from workspace.operations.authors import Author, hold_secret
from workspace.operations.changes import check_etag
from workspace.operations.refusals import MOST_USERS, absent, in_use, taken
from workspace.secrets.sealer import Sealer, place
from workspace.store import components as component_store
from workspace.store import service_connectors as store
from workspace.store.base import Sealed, insert, update
from workspace.store.schema_connectors import ServiceConnector

_TABLE, _COLUMN = "service_connectors", "secrets"
_PLAIN = ("display_name", "description", "labels", "annotations", "expire_time")
_JUDGED = ("auth_method", "resource_types", "resource_id", "config")


def create(
    session: Session, sealer: Sealer, connector: str, values: Mapping[str, Any], *, author: Author
) -> ServiceConnector:
    """Creates a connector; AlreadyExists, or InvalidArgument for a config that does not fit.

    `values` are the fields by name, `secret_config` in the clear, `secret` an id.
    """
    own = {name: value for name, value in values.items() if name != "secret_config"}
    secrets = {name: value for name, value in values["secret_config"].items() if value}
    configs.check(
        Filled(secrets=secrets, **{name: own[name] for name in ("type", "secret", *_JUDGED)})
    )
    if own["secret"]:
        hold_secret(session, own["secret"], author)
    now, uid = session.now, new_uid()
    row = ServiceConnector(
        uid=uid,
        id=connector,
        creator=author.subject,
        secret_reader=author.subject,
        create_time=now,
        update_time=now,
        secrets=_sealed(sealer, uid, secrets),
        secret_fields=sorted(secrets),
        **own,
    )
    if store.get(session, connector) is not None:
        raise taken(row.name)
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def change(
    session: Session,
    sealer: Sealer,
    connector: str,
    values: Mapping[str, Any],
    *,
    etag: str,
    author: Author,
) -> ServiceConnector:
    """Gives fields new values; NotFound, Aborted, InvalidArgument or `CONNECTOR_SECRETS_NEEDED`."""
    row = _locked(session, connector, etag)
    before = secrets_of(sealer, row)
    secrets = {**_kept(row, values, before), **values.get("secret_config", {})}
    secrets = {name: value for name, value in secrets.items() if value}
    judged = {name: values.get(name, getattr(row, name)) for name in _JUDGED}
    named = values.get("secret", row.secret)
    filled = Filled(type=row.type, secrets=secrets, secret=named, **judged)
    configs.check(filled)
    is_elsewhere = _require_secrets(filled, row, values.get("secret_config", {}))
    own = {name: new for name, new in values.items() if name in (*_PLAIN, *_JUDGED, "secret")}
    if named and (is_elsewhere or named != row.secret):
        hold_secret(session, named, author)
        own["secret_reader"] = author.subject
    differing = {name: new for name, new in own.items() if getattr(row, name) != new}
    if secrets != before:
        differing["secrets"] = _sealed(sealer, row.uid, secrets)
        differing["secret_fields"] = sorted(secrets)
    return _write(session, row, differing) if differing else row


def replace_secrets(
    session: Session,
    sealer: Sealer,
    uid: UUID,
    connector: str,
    secrets: Mapping[str, str],
    *,
    used: bytes,
) -> None:
    """Keeps what the service gave in place of its own, which was `used`.

    Nothing where the connector is gone, or somebody gave it other secrets meanwhile.
    """
    row = store.lock(session, connector)
    if row is None or row.uid != uid:
        return
    bound_to = place(_TABLE, uid, _COLUMN)
    if sealer.open(row.secrets, bound_to=bound_to) != sealer.open(used, bound_to=bound_to):
        return
    row.secrets = _sealed(sealer, uid, {**secrets_of(sealer, row), **secrets})
    # No change that people made: the etag stays theirs.
    update(session, [row], ("secrets",))


def delete(session: Session, connector: str, *, etag: str) -> None:
    """Deletes a connector that no component has; NotFound or Aborted."""
    row = _locked(session, connector, etag)
    users = component_store.of_connector(session, connector, MOST_USERS + 1)
    if users:
        raise in_use(row.name, users)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def require(session: Session, connector: str, now: datetime) -> ServiceConnector:
    """A connector to work with; NotFound, or FailedPrecondition where its credentials ended."""
    row = store.get(session, connector)
    if row is None:
        raise absent(f"serviceConnectors/{connector}")
    if row.expire_time and row.expire_time <= now:
        raise FailedPrecondition(
            "CONNECTOR_EXPIRED",
            f"The credentials behind {row.name} ended at {row.expire_time.isoformat()}: replace "
            "them with `weft connectors update`.",
            metadata={"resource": row.name},
        )
    return row


def record_use(session: Session, name: str, resource_type: str) -> None:
    """Records that somebody had the connector asked for something."""
    session.audited(resource=name, fields=(resource_type,) if resource_type else ())


def secrets_of(sealer: Sealer, row: ServiceConnector) -> dict[str, str]:
    """The secrets of a connector, in the clear; FailedPrecondition where no key opens them."""
    plain = sealer.open(row.secrets, bound_to=place(_TABLE, row.uid, _COLUMN))
    secrets: dict[str, str] = json.loads(plain)
    return secrets


def _sealed(sealer: Sealer, uid: UUID, secrets: Mapping[str, str]) -> Sealed:
    return sealer.seal(json.dumps(secrets).encode(), bound_to=place(_TABLE, uid, _COLUMN))


def _kept(
    row: ServiceConnector, values: Mapping[str, Any], before: dict[str, str]
) -> dict[str, str]:
    """Secrets that stay: those of another way to sign in mean nothing."""
    is_other = values.get("auth_method", row.auth_method) != row.auth_method
    return {} if is_other else before


def _require_secrets(filled: Filled, row: ServiceConnector, given: Mapping[str, str]) -> bool:
    """Whether secrets go elsewhere now.

    Whoever says where they go knows them, or could have them sent to himself.
    """
    steered = configs.steering_changes(filled, row.config)
    kept = [name for name in filled.secrets if not given.get(name)]
    if steered and kept:
        raise FailedPrecondition(
            "CONNECTOR_SECRETS_NEEDED",
            f"{', '.join(steered)} decides where secrets go: give {', '.join(kept)} again with it.",
            metadata={"fields": ",".join(kept)},
        )
    return bool(steered)


def _write(
    session: Session, row: ServiceConnector, differing: Mapping[str, Any]
) -> ServiceConnector:
    for name, value in differing.items():
        setattr(row, name, value)
    row.changes += 1
    row.update_time = session.now
    update(session, [row], (*differing, "changes", "update_time"))
    hidden = ("secret_fields", "secret_reader")
    fields = tuple(name for name in differing if name not in hidden)
    session.emit(ChangeKind.UPDATED, row, fields=fields)
    session.audited(resource=row.name, fields=fields)
    return row


def _locked(session: Session, connector: str, etag: str) -> ServiceConnector:
    row = store.lock(session, connector)
    if row is None:
        raise absent(f"serviceConnectors/{connector}")
    check_etag(row, etag)
    return row
