"""What a stack says of images: who builds them, from what, and where they go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from weft import _secrets
from weft._image_registry import HUB, Login
from weft.errors import ImageError

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import components_pb2

# What connectors call the resources that registries are.
_RESOURCE = "docker-registry"
_IN_CLUSTER = "flavors/in-cluster-image-builder"


@dataclass(frozen=True, slots=True)
class Registry:
    """A place that images are pushed to.

    `login` is asked for whenever one is needed: tokens of registries may live for five minutes,
    and builds take longer.
    """

    host: str
    repository: str
    login: Callable[[], Login]


class StackParts:
    """The components of one stack, read when they are asked for."""

    def __init__(self, connection: Connection, stack: str) -> None:
        self._connection = connection
        self._stack = stack or _default(connection)

    @property
    def has_builder(self) -> bool:
        """Whether it says who builds images."""
        return "image_builder" in self._components

    @property
    def builds_in_cluster(self) -> bool:
        """Whether workloads build its images, and not whoever submits."""
        component = self._config("image_builder")
        return component is not None and component.flavor == _IN_CLUSTER

    @property
    def name(self) -> str:
        """The stack's name; empty where there is none."""
        return self._stack

    @property
    def needs_images(self) -> bool:
        """Whether its runs are executed in containers."""
        orchestrator = self._config("orchestrator")
        return orchestrator is not None and orchestrator.flavor.startswith("flavors/kubernetes-")

    @property
    def base_image(self) -> str:
        """The image that others begin with; empty where nobody said."""
        return str(self._builder.get("base_image", ""))

    @property
    def build_arguments(self) -> Mapping[str, str]:
        """Arguments of every build."""
        return dict(self._builder.get("build_arguments", {}))

    def registry(self) -> Registry:
        """Where images go, with a login to write there.

        Raises:
            ImageError: The stack has no container registry.
        """
        if self.registry_or_none is None:
            name = self._stack or "the workspace's own stack"
            raise ImageError(
                f"{name} has no container registry: `weft components create`, and `weft stacks "
                "update` with it"
            )
        return self.registry_or_none

    @cached_property
    def registry_or_none(self) -> Registry | None:
        """As `registry`, where there is one."""
        component = self._config("container_registry")
        if component is None:
            return None
        config = _document(component)
        host, repository = str(config.get("registry", HUB)), str(config["repository"])
        login = partial(self._issue, component, config) if component.connector else _own(config)
        return Registry(host, repository, login)

    def _issue(self, component: components_pb2.Component, config: Mapping[str, Any]) -> Login:
        from weftapi.workspace.v1 import service_connectors_pb2 as pb
        from weftapi.workspace.v1 import service_connectors_pb2_grpc

        request = pb.IssueCredentialsRequest(
            name=component.connector,
            resource_type=_RESOURCE,
            resource_id=component.connector_resource or str(config["repository"]),
            access=pb.CREDENTIAL_ACCESS_WRITE,
        )
        endpoint = self._connection.workspace
        stub = endpoint.stub(service_connectors_pb2_grpc.ServiceConnectorServiceStub)
        issued = endpoint.call(stub.IssueCredentials, request)
        if issued.WhichOneof("credentials") != "registry":
            raise ImageError(f"{component.connector} issues no logins to registries")
        login = issued.registry
        return Login(login.username, login.password, login.bearer_token)

    @cached_property
    def _builder(self) -> Mapping[str, Any]:
        component = self._config("image_builder")
        return _document(component) if component else {}

    @cached_property
    def _components(self) -> Mapping[str, str]:
        if not self._stack:
            return {}
        from weftapi.workspace.v1 import stacks_pb2, stacks_pb2_grpc

        stub = self._connection.workspace.stub(stacks_pb2_grpc.StackServiceStub)
        request = stacks_pb2.GetStackRequest(name=self._stack)
        return dict(self._connection.workspace.call(stub.GetStack, request).components)

    def _config(self, type_: str) -> components_pb2.Component | None:
        if type_ not in self._components:
            return None
        from weftapi.workspace.v1 import components_pb2, stacks_pb2_grpc

        stub = self._connection.workspace.stub(stacks_pb2_grpc.StackServiceStub)
        request = components_pb2.GetComponentRequest(name=self._components[type_])
        return self._connection.workspace.call(stub.GetComponent, request)


def _own(config: Mapping[str, Any]) -> Callable[[], Login]:
    """The login that a configuration names; its secrets are read once."""

    @cache
    def login() -> Login:
        own = _secrets.filled({k: config.get(k, "") for k in ("username", "password")})
        return Login(own["username"], own["password"])

    return login


def _document(component: components_pb2.Component) -> dict[str, Any]:
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(component.config)


def _default(connection: Connection) -> str:
    """The stack of runs for which nobody chose one; "" where there is none."""
    from weftapi.workspace.v1 import projects_pb2, projects_pb2_grpc, stacks_pb2, stacks_pb2_grpc

    endpoint = connection.workspace
    projects = endpoint.stub(projects_pb2_grpc.ProjectServiceStub)
    project = endpoint.call(
        projects.GetProject, projects_pb2.GetProjectRequest(name=connection.project)
    )
    if project.default_stack:
        return project.default_stack
    stacks = endpoint.stub(stacks_pb2_grpc.StackServiceStub)
    request = stacks_pb2.ListStacksRequest(page_size=1, filter="workspace_default = true")
    found = endpoint.call(stacks.ListStacks, request).stacks
    return found[0].name if found else ""
