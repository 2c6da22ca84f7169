"""Who reads secrets: people for themselves, runs for whoever started them.

A run reads what its snapshot and its stack name, and nothing that its creator could not read:
naming a secret in a pipeline is no way around the permission to read it. Whoever keeps secrets may
let the runs of a project read one: then its creator's permission in the project is enough.
"""

import json
import re
from typing import Any

from google.protobuf.message import Message

from meshkit.caller import Caller, CallerKind
from meshkit.database import Database
from meshkit.errors import PermissionDenied
from meshkit.resources import ID_PATTERN
from workspace import names
from workspace.access import Policies
from workspace.store import runs as run_store
from workspace.store import secrets as secret_store
from workspace.store import snapshots as snapshot_store
from workspace.store import stacks as stack_store
from workspace.store.schema import Run
from workspace.store.schema_snapshots import Snapshot

PERMISSION = "secrets.access"
# As it stands in graphs and defaults: `{{secrets.<id>.<key>}}`, with blanks inside the braces.
_REFERENCE = re.compile(rf"\{{\{{\s*secrets\.({ID_PATTERN})\.[A-Za-z0-9_-]{{1,128}}\s*\}}\}}")


class Readers:
    """Decides on behalf of whom secrets are read."""

    def __init__(self, database: Database, policies: Policies) -> None:
        self._database = database
        self._policies = policies

    async def subject_of(self, caller: Caller) -> str:
        """Whose private secrets the caller may know of."""
        if caller.kind is not CallerKind.RUN:
            return caller.subject
        run = await self._run_of(caller)
        return run.creator if run else caller.subject

    async def check_own_snapshot(self, caller: Caller, request: Message) -> None:
        """An extra check: a run's token reads the secrets that its snapshot and stack name."""
        if caller.kind is not CallerKind.RUN:
            return
        secret = names.last(request.name)  # type: ignore[attr-defined]
        run = await self._run_of(caller)
        if run is None or secret not in await self._named_by(run):
            raise PermissionDenied(
                "NOT_PERMITTED",
                "A run reads the secrets that its snapshot names, and no others: name them in "
                "the steps, `@step(secrets=[...])`.",
            )
        if not await self._may_read(run, secret):
            raise PermissionDenied(
                "NOT_PERMITTED",
                "Who started this run may not read this secret: that takes the permission in the "
                "workspace, or in the project where the secret is for its runs.",
                metadata={"permission": PERMISSION},
            )

    async def _may_read(self, run: Run, secret: str) -> bool:
        """Whether a run's creator may read what it names, or may in a project that it is for."""
        grants = self._policies.grants
        if grants.allows(run.creator, PERMISSION, ""):
            return True
        if not grants.allows(run.creator, PERMISSION, names.project(run.project)):
            return False
        row = await self._database.read(secret_store.get, secret)
        return row is not None and run.project in row.projects

    async def _run_of(self, caller: Caller) -> Run | None:
        project, run, _attempt = names.ids(caller.subject)
        return await self._database.read(run_store.get, project, run)

    async def _named_by(self, run: Run) -> set[str]:
        """What its snapshot names, and the components of the stack that it runs on."""
        found: set[str] = set()
        if run.snapshot:
            row = await self._database.read(snapshot_store.get, run.project, run.snapshot)
            found |= named_in(row) if row else set()
        if run.stack:
            stack = await self._database.read(stack_store.resolved, run.stack)
            parts = stack.components if stack else []
            found |= references([part.config for part in parts])
        return found


def named_in(snapshot: Snapshot) -> set[str]:
    """Ids of the secrets that a snapshot names: in lists of its steps, and in references."""
    steps: list[dict[str, Any]] = snapshot.spec.get("steps", [])
    listed = {secret for step in steps for secret in step.get("secrets", [])}
    return listed | references(snapshot.spec) | references(snapshot.parameters_schema)


def references(document: Any) -> set[str]:
    """Ids of the secrets that texts anywhere in a document refer to."""
    return set(_REFERENCE.findall(json.dumps(document)))
