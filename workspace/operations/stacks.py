"""What writes of stacks mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from meshkit.feed import ChangeKind
from meshkit.ids import new_uid
from meshkit.session import Session
from workspace.operations import changes
from workspace.operations.refusals import MOST_USERS, absent, in_use, invalid, taken
from workspace.stacks.types import SEVERAL, TYPES
from workspace.store import components as component_store
from workspace.store import stacks as store
from workspace.store.base import insert
from workspace.store.schema_stacks import Component, Stack


@dataclass(frozen=True, slots=True)
class NewStack:
    """A stack to create, of ids of components."""

    id: str
    components: dict[str, str]
    additional_components: list[str]
    creator: str
    workspace_default: bool = False
    display_name: str = ""
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)


def create(session: Session, new: NewStack) -> Stack:
    """Creates a stack; NotFound for a component, InvalidArgument where one does not fit."""
    if store.get(session, new.id):
        raise taken(f"stacks/{new.id}")
    row = Stack(
        uid=new_uid(),
        id=new.id,
        display_name=new.display_name,
        description=new.description,
        labels=new.labels,
        components=new.components,
        additional_components=new.additional_components,
        workspace_default=new.workspace_default,
        creator=new.creator,
        create_time=session.now,
        update_time=session.now,
    )
    parts = _fitting(session, row)
    if row.workspace_default:
        _dethrone(session)
    insert(session, [row])
    store.replace_parts(session, row.uid, [part.uid for part in parts])
    session.emit(ChangeKind.CREATED, row)
    session.audited(resource=row.name)
    return row


def change(session: Session, stack: str, values: Mapping[str, Any], *, etag: str) -> Stack:
    """Gives fields new values; as `create`, and Aborted where the etag is another one."""
    row = _locked(session, stack, etag)
    changed = replace(row, **values)
    if changed.component_ids != row.component_ids or changed.components != row.components:
        parts = _fitting(session, changed)
        store.replace_parts(session, row.uid, [part.uid for part in parts])
    if changed.workspace_default and not row.workspace_default:
        _dethrone(session)
    changes.apply(session, row, values)
    return row


def delete(session: Session, stack: str, *, etag: str) -> None:
    """Deletes a stack that nothing names any more."""
    row = _locked(session, stack, etag)
    users = ["the workspace as its default"] if row.workspace_default else []
    users += store.users(session, stack, MOST_USERS + 1)
    if users:
        raise in_use(row.name, users)
    store.delete(session, row)
    session.emit(ChangeKind.DELETED, row)
    session.audited(resource=row.name)


def require(session: Session, stack: str) -> None:
    """NotFound where there is no such stack; what is there stays until the commit."""
    if stack and not store.hold(session, {stack}):
        raise absent(f"stacks/{stack}")


def _fitting(session: Session, row: Stack) -> list[Component]:
    """The components of a stack, each of which exists and is in a place of its type."""
    unknown = sorted(row.components.keys() - set(TYPES))
    if unknown:
        known = ", ".join(TYPES)
        raise invalid(f'stack.components["{unknown[0][:64]}"]', f"is not one of {known}")
    ids = row.component_ids
    found = component_store.hold(session, sorted(set(ids)))
    missing = next((id_ for id_ in ids if id_ not in found), None)
    if missing is not None:
        raise absent(f"components/{missing}")
    for type_, id_ in row.components.items():
        if found[id_].type != type_:
            problem = f"must be of this type: components/{id_} is of type {found[id_].type}"
            raise invalid(f'stack.components["{type_}"]', problem)
    for index, id_ in enumerate(row.additional_components):
        problem = _misfit(row, found[id_].type, ids.count(id_))
        if problem:
            raise invalid(f"stack.additional_components[{index}]", problem)
    return [found[id_] for id_ in ids]


def _misfit(row: Stack, type_: str, times: int) -> str:
    """What is wrong with a further component of a type; empty where it fits."""
    if times > 1:
        return "is in the stack more than once"
    if type_ not in SEVERAL:
        return f"is of type {type_}, of which a stack has one: put it into components"
    if type_ not in row.components:
        return f"is of type {type_}, of which none serves by default: put one into components"
    return ""


def _dethrone(session: Session) -> None:
    """The workspace's default stops being it, before another one begins."""
    former = store.lock_default(session)
    if former:
        changes.apply(session, former, {"workspace_default": False})


def _locked(session: Session, stack: str, etag: str) -> Stack:
    row = store.lock(session, stack)
    if row is None:
        raise absent(f"stacks/{stack}")
    changes.check_etag(row, etag)
    return row
