"""What a run's token gets of connectors: what the components of its stack take."""

from google.protobuf.message import Message

from meshkit.caller import Caller, CallerKind
from meshkit.database import Database
from meshkit.errors import PermissionDenied
from meshkit.scopes import ExtraCheck
from meshkit.session import Session
from workspace import names
from workspace.access import Policies
from workspace.connectors.configs import is_within, plain
from workspace.store import runs as run_store
from workspace.store import stacks as stack_store

_PERMISSION = "connectors.issue"


def connector_of_own_stack(database: Database, policies: Policies) -> ExtraCheck:
    """An extra check: a run gets the credentials of its stack, if who started it might."""

    async def check(caller: Caller, request: Message) -> None:
        if caller.kind is not CallerKind.RUN:
            return
        project, run, _attempt = names.ids(caller.subject)
        creator, resources = await database.read(
            _resources_of,
            project,
            run,
            names.last(request.name),  # type: ignore[attr-defined]
        )
        wanted = plain(request.resource_id)  # type: ignore[attr-defined]
        # A component that names no resource takes whatever the connector offers.
        if not any(not own or is_within(wanted, own) for own in resources):
            raise PermissionDenied(
                "NOT_PERMITTED",
                "A run gets credentials of the connectors that components of its stack name, for "
                "the resources that stand there, and of no others.",
            )
        if not policies.grants.allows(creator, _PERMISSION, ""):
            raise PermissionDenied(
                "NOT_PERMITTED",
                "Who started this run may not have credentials issued.",
                metadata={"permission": _PERMISSION},
            )

    return check


def _resources_of(
    session: Session, project: str, run: str, connector: str
) -> tuple[str, list[str]]:
    """Who started a run, and the resources of a connector that its stack names."""
    row = run_store.get(session, project, run)
    if row is None or not row.stack:
        return "", []
    stack = stack_store.resolved(session, row.stack)
    components = stack.components if stack else []
    return row.creator, [
        plain(each.connector_resource) for each in components if each.connector == connector
    ]
