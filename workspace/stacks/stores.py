"""Where an artifact store is, by its configuration."""

from typing import Any
from urllib.parse import quote

from workspace.stacks.flavors import BUILT_IN
from workspace.store.schema_stacks import Component
from workspace.store.stacks import Resolved

# The scheme of addresses in a store, and the field that names what they begin with.
_ROOTS = {"s3": "bucket", "gs": "bucket", "az": "container"}
_SCHEMES = {"s3": "s3", "gcs": "gs", "azure": "az"}


def kind_of(component: Component) -> str:
    """What a store is: "local", "s3", "gcs" or "azure", as its flavor begins."""
    return component.flavor.partition("-")[0]


def uri_of(component: Component) -> str:
    """The address below which a store of a built-in flavor keeps things, without a slash after."""
    config: dict[str, Any] = component.config
    kind = kind_of(component)
    if kind == "local":
        return "file://" + quote(str(config["path"]).rstrip("/"))
    scheme = _SCHEMES[kind]
    root = f"{scheme}://{config[_ROOTS[scheme]]}"
    return f"{root}/{config['prefix']}" if config.get("prefix") else root


# What connectors call the resources that components are.
_RESOURCES = {"s3": "s3-bucket", "gcs": "gcs-bucket", "azure": "blob-container"}


def resource_of(component: Component) -> tuple[str, str]:
    """What a component needs credentials for: the type of resource, and the resource."""
    config: dict[str, Any] = component.config
    if component.type == "container_registry":
        return "docker-registry", component.connector_resource or str(config["repository"])
    named = uri_of(component).partition("://")[2]
    return _RESOURCES[kind_of(component)], component.connector_resource or named


def root_of(stack: Resolved | None, default: str) -> str:
    """Where runs with a stack keep their artifacts; `default` where it has no store of its own."""
    component = stack.default("artifact_store") if stack else None
    is_known = component is not None and component.flavor in BUILT_IN
    return uri_of(component) if component and is_known else default
