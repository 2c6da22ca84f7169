"""The resources of a workspace, and their standard methods by name: Get, List, Create and so on."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor

    from weft._connection import Connection

_PAGE = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """A noun of the contract: the file of its service, where its names lie, who offers it.

    `offered_by` is the noun of its service, where that is another one.
    """

    file: str
    noun: str
    collection: str
    is_of_workspace: bool = False
    offered_by: str = ""

    @property
    def field(self) -> str:
        """Its name in requests: "service_connector"."""
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in self.noun).lstrip("_")

    def name_of(self, text: str, project: str) -> str:
        """The resource name of what people write: an id, or the name itself."""
        if "/" in text:
            return text
        above = "" if self.is_of_workspace else f"{project}/"
        return f"{above}{self.collection}/{text}"

    def method(self, verb: str) -> MethodDescriptor:
        """A standard method."""
        service = _module(self.file).DESCRIPTOR.services_by_name[
            f"{self.offered_by or self.noun}Service"
        ]
        plural = f"{self.noun[:-1]}ies" if self.noun.endswith("y") else f"{self.noun}s"
        found: MethodDescriptor = service.methods_by_name[
            f"{verb}{plural if verb == 'List' else self.noun}"
        ]
        return found

    def request(self, verb: str, **fields: Any) -> Any:
        """A request of a standard method."""
        from google.protobuf import message_factory

        return message_factory.GetMessageClass(self.method(verb).input_type)(**fields)

    def call(self, connection: Connection, verb: str, request: Any, timeout_s: float = 60) -> Any:
        """Calls a standard method; raises ApiError."""
        method = self.method(verb)
        services = importlib.import_module(f"weftapi.workspace.v1.{self.file}_pb2_grpc")
        stub = connection.workspace.stub(getattr(services, f"{method.containing_service.name}Stub"))
        return connection.workspace.call(getattr(stub, method.name), request, timeout_s=timeout_s)

    def first_page(self, connection: Connection, timeout_s: float = 60) -> Any:
        """The newest ones."""
        return self.call(connection, "List", self._list(connection), timeout_s)

    def all(self, connection: Connection) -> Iterator[Any]:
        """All of them, of the project in use where they are of projects."""
        from weft.cli._pages import paged

        for page in paged(lambda r: self.call(connection, "List", r), self._list(connection)):
            yield from items_of(page)

    def _list(self, connection: Connection) -> Any:
        above = {} if self.is_of_workspace else {"parent": connection.project}
        return self.request("List", page_size=_PAGE, **above)


def items_of(page: Any) -> Iterator[Any]:
    """The resources on a page of a list."""
    for field, value in page.ListFields():
        if field.message_type:
            yield from value


def _module(file: str) -> Any:
    return importlib.import_module(f"weftapi.workspace.v1.{file}_pb2")


# As arguments and options of commands name them.
KINDS = {
    "run": Kind("runs", "Run", "runs"),
    "alerter": Kind("alerters", "Alerter", "alerters"),
    "artifact": Kind("artifacts", "Artifact", "artifacts"),
    "build": Kind("builds", "Build", "builds"),
    "component": Kind(
        "stacks", "Component", "components", is_of_workspace=True, offered_by="Stack"
    ),
    "connector": Kind(
        "service_connectors", "ServiceConnector", "serviceConnectors", is_of_workspace=True
    ),
    "model": Kind("models", "Model", "models"),
    "pipeline": Kind("pipelines", "Pipeline", "pipelines"),
    "project": Kind("projects", "Project", "projects", is_of_workspace=True),
    "repository": Kind("code_repositories", "CodeRepository", "codeRepositories"),
    "schedule": Kind("schedules", "Schedule", "schedules"),
    "secret": Kind("secrets", "Secret", "secrets", is_of_workspace=True),
    "snapshot": Kind("snapshots", "Snapshot", "snapshots"),
    "stack": Kind("stacks", "Stack", "stacks", is_of_workspace=True),
    "trigger": Kind("triggers", "Trigger", "triggers"),
    "view": Kind("saved_views", "SavedView", "savedViews"),
    "webhook": Kind("webhooks", "Webhook", "webhooks"),
}
