"""What schedules and triggers run: a snapshot, or whatever is published under a name by then."""

from collections.abc import Mapping
from typing import Any

from meshkit.session import Session
from workspace import names
from workspace.operations.refusals import absent, invalid
from workspace.store import snapshots as store
from workspace.store.schema_snapshots import Snapshot

# The fields of which one says what is run.
FIELDS = frozenset({"snapshot", "template"})


def chosen(given: Mapping[str, Any], path: str) -> dict[str, str]:
    """Which of the two is given, the other one empty; InvalidArgument unless it is just one."""
    found = {field: given.get(field, "") for field in sorted(FIELDS)}
    if bool(found["snapshot"]) == bool(found["template"]):
        raise invalid(f"{path}.snapshot", "or a template is required, and not both")
    return found


def name_of(session: Session, project: str, snapshot: str, template: str) -> str:
    """The name of the snapshot that is run now; NotFound where nothing is published."""
    if template:
        found = store.of_template(session, project, template)
        if found is None:
            raise absent(f"{names.project(project)}: template {template}")
        snapshot = found
    return names.child(names.project(project), "snapshots", snapshot)


def hold(session: Session, project: str, snapshot: str, template: str) -> Snapshot:
    """What is to be run, held until the commit, so that nobody takes it away unseen; NotFound."""
    if not template:
        row = store.lock(session, project, snapshot)
        if row is None:
            raise absent(names.child(names.project(project), "snapshots", snapshot))
        return row
    # Whoever waited for the name to move was told of its old holder: the second look finds it.
    for _ in range(2):
        row = store.lock_template(session, project, template)
        if row:
            return row
    raise absent(f"{names.project(project)}: template {template}")
