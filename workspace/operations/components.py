"""What writes of components mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace.operations import changes, flavors
from workspace.operations.refusals import MOST_USERS, absent, in_use, invalid, taken
from workspace.stacks import configs
from workspace.store import components as store
from workspace.store import service_connectors as connector_store
from workspace.store.base import insert
from workspace.store.schema_stacks import Component


@dataclass(frozen=True, slots=True)
class NewComponent:
    """A component to create; `flavor` and `connector` are ids."""

    id: str
    flavor: str
    config: dict[str, Any]
    creator: str
    connector: str = ""
    connector_resource: str = ""
    display_name: str = ""
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)


def create(session: Session, new: NewComponent) -> Component:
    """Creates a component; InvalidArgument where its configuration does not fit the flavor."""
    if not new.flavor:
        raise invalid("component.flavor", "must be set")
    flavor = flavors.held(session, new.flavor)
    configs.check(flavor.config_schema, new.config)
    if store.get(session, new.id):
        raise taken(f"components/{new.id}")
    row = Component(
        uid=new_uid(),
        id=new.id,
        display_name=new.display_name,
        description=new.description,
        labels=new.labels,
        type=flavor.type,
        flavor=new.flavor,
        config=new.config,
        connector=new.connector,
        connector_resource=new.connector_resource,
        creator=new.creator,
        create_time=session.now,
        update_time=session.now,
    )
    _check_connector(session, row)
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def change(session: Session, component: str, values: Mapping[str, Any], *, etag: str) -> Component:
    """Gives fields new values; NotFound, InvalidArgument, Aborted where the etag is another one."""
    row = _locked(session, component, etag)
    changed = replace(row, **values)
    if changed.config != row.config:
        configs.check(flavors.held(session, row.flavor).config_schema, changed.config)
    _check_connector(session, changed)
    changes.apply(session, row, values)
    return row


def delete(session: Session, component: str, *, etag: str) -> None:
    """Deletes a component that is in no stack."""
    row = _locked(session, component, etag)
    users = store.users(session, row, MOST_USERS + 1)
    if users:
        raise in_use(row.name, users)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def _check_connector(session: Session, row: Component) -> None:
    if row.connector_resource and not row.connector:
        raise invalid("component.connector_resource", "means nothing without a connector")
    if row.connector and connector_store.lock(session, row.connector) is None:
        raise absent(f"serviceConnectors/{row.connector}")


def _locked(session: Session, component: str, etag: str) -> Component:
    row = store.lock(session, component)
    if row is None:
        raise absent(f"components/{component}")
    changes.check_etag(row, etag)
    return row
