"""How an RPC begins an operation, and answers it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from google.longrunning import operations_pb2 as longrunning
from google.protobuf.message import Message

from controlplane import names
from controlplane.operations import fleet
from controlplane.operations.fleet import Wanted
from controlplane.operations.workspaces import NewWorkspace
from controlplane.provisioners import Provisioner
from controlplane.servicers.operations import metadata_to_proto
from controlplane.store.schema_fleet import Operation
from meshkit.caller import current_call
from meshkit.database import Database
from meshkit.errors import FailedPrecondition
from meshkit.idempotency import Repeatable, once


class NamesWorkspace(Repeatable, Protocol):
    """Requests to change a workspace that exists."""

    name: str


class Beginning:
    """Begins operations; `provisioner` is None where the control plane runs no workspaces."""

    def __init__(
        self, database: Database, provisioner: Provisioner | None, *, patience: timedelta
    ) -> None:
        self._database = database
        self._provisioner = provisioner
        self._patience = patience

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions that workspaces can have here, the newest last."""
        return self._provisioner.versions if self._provisioner else ()

    async def create(
        self, organization: str, new: NewWorkspace, request: Repeatable
    ) -> longrunning.Operation:
        """Begins a creation; FailedPrecondition where nothing can be created."""
        if not self.versions:
            raise FailedPrecondition(
                "NO_PROVISIONER",
                "This control plane runs no workspaces: register one (RegisterWorkspace), and "
                "start its server elsewhere; or configure a provisioner.",
            )
        return await self._write(
            request,
            fleet.create,
            organization,
            new,
            offered=self.versions,
        )

    async def begin(self, wanted: Wanted, request: NamesWorkspace) -> longrunning.Operation:
        """Begins an operation on a workspace that exists."""
        organization, workspace = names.place_of(request.name)
        return await self._write(request, fleet.begin, organization, workspace, wanted)

    async def _write(
        self, request: Repeatable, operation: Callable[..., Operation], *arguments: Any, **more: Any
    ) -> longrunning.Operation:
        return await self._database.write(
            operation,
            *arguments,
            **more,
            creator=current_call.get().caller.subject,
            patience=self._patience,
            once=once(request, longrunning.Operation),
            reply=_begun,
        )


def _begun(row: Operation) -> longrunning.Operation:
    answer = longrunning.Operation(name=row.name)
    message: Message = metadata_to_proto(row)
    answer.metadata.Pack(message)
    return answer
