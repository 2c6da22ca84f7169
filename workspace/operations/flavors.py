"""What writes of flavors mean; those that come with Weft never change."""

from dataclasses import dataclass, field
from typing import Any

from meshkit.errors import FailedPrecondition, ResourceExhausted
from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace import names, schemas_json
from workspace.operations.refusals import (
    MOST_USERS,
    absent,
    changed,
    in_use,
    invalid,
    taken,
)
from workspace.stacks.flavors import BUILT_IN
from workspace.store import flavors as store
from workspace.store.base import insert
from workspace.store.schema_stacks import Flavor


@dataclass(frozen=True, slots=True)
class NewFlavor:
    """A flavor to create."""

    id: str
    type: str
    config_schema: dict[str, Any]
    creator: str
    display_name: str = ""
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)


def create(session: Session, new: NewFlavor) -> Flavor:
    """Creates a flavor; AlreadyExists, InvalidArgument, ResourceExhausted beyond `store.MOST`."""
    if not new.type:
        raise invalid("flavor.type", "must be set")
    schema = new.config_schema or {"type": "object"}
    schemas_json.check_schema(schema, "flavor.config_schema")
    if new.id in BUILT_IN or store.get(session, new.id):
        raise taken(f"flavors/{new.id}")
    if store.count(session) >= store.MOST:
        raise ResourceExhausted(
            "QUOTA_EXCEEDED",
            f"The workspace has {store.MOST} flavors of its own, and takes no more.",
            metadata={"limit": str(store.MOST)},
        )
    row = Flavor(
        uid=new_uid(),
        id=new.id,
        display_name=new.display_name,
        description=new.description,
        labels=new.labels,
        type=new.type,
        config_schema=schema,
        creator=new.creator,
        create_time=session.now,
    )
    insert(session, [row])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def delete(session: Session, flavor: str, *, etag: str) -> None:
    """Deletes a flavor that no component has."""
    name = f"flavors/{flavor}"
    if flavor in BUILT_IN:
        raise FailedPrecondition(
            "BUILT_IN_FLAVOR",
            f"{name} comes with Weft: it cannot be deleted.",
            metadata={"resource": name},
        )
    row = store.lock(session, flavor)
    if row is None:
        raise absent(name)
    current = names.etag(row.uid, 1)
    if etag and etag != current:
        raise changed(current)
    users = store.users(session, flavor, MOST_USERS + 1)
    if users:
        raise in_use(name, users)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=name)


def held(session: Session, flavor: str) -> Flavor:
    """A flavor that nobody deletes before the commit; NotFound."""
    built_in = BUILT_IN.get(flavor)
    row = built_in.flavor if built_in else store.hold(session, flavor)
    if row is None:
        raise absent(f"flavors/{flavor}")
    return row
