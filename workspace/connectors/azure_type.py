"""What people read and fill in of Azure."""

from workspace.connectors.azure import (
    CLUSTER,
    CONTAINER,
    GENERIC,
    REPOSITORY,
    SECRET,
    WORKLOAD_IDENTITY,
    AzureConnector,
)
from workspace.connectors.model import AuthMethod, ConnectorType, Property, ResourceType

_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ACCOUNT = r"[a-z0-9]{3,24}"
_PRINCIPAL = (
    Property("tenant_id", "The tenant of the service principal.", required=True, pattern=_UUID),
    Property("client_id", "The application's (client) id.", required=True, pattern=_UUID),
)
_COMMON = (
    Property("subscription_id", "The subscription of registries and clusters.", pattern=_UUID),
    Property("storage_account", "Whose containers are listed.", pattern=_ACCOUNT),
    Property(
        "endpoint_url",
        "Where all services are, in place of Azure's own addresses.",
        steers=True,
        pattern=r"https?://[^/?#@\s]+/?",
    ),
)

TYPE = ConnectorType(
    "azure",
    "Azure",
    "Microsoft Azure.",
    auth_methods=(
        AuthMethod(
            SECRET,
            "Service principal",
            "An application with a client secret; its roles are the most that is issued.",
            (
                *_PRINCIPAL,
                Property("client_secret", "The client's secret.", required=True, secret=True),
                *_COMMON,
            ),
        ),
        AuthMethod(
            WORKLOAD_IDENTITY,
            "Workload identity",
            "An application that trusts an OpenID issuer, by default the workspace's.",
            (
                *_PRINCIPAL,
                Property(
                    "federated_token",
                    "A token of the issuer; by default what the operator mounted for the server.",
                    secret=True,
                    max_length=20_000,
                ),
                *_COMMON,
            ),
        ),
    ),
    resource_types=(
        ResourceType(
            CONTAINER,
            "Blob container",
            "A signature that opens one container.",
            "account/container",
            rf"{_ACCOUNT}/[a-z0-9](-?[a-z0-9]){{2,62}}",
        ),
        ResourceType(
            REPOSITORY,
            "Container registry",
            "A bearer token of the registry for one repository: to pull, or also to push.",
            "registry.azurecr.io/repository",
            r"[a-z0-9-]{5,60}\.azurecr\.io/[a-z0-9]+([._/-]+[a-z0-9]+)*",
        ),
        ResourceType(
            CLUSTER,
            "AKS cluster",
            "A token of the cluster; its RBAC says what the service principal may do.",
            "resource-group/cluster",
            r"[A-Za-z0-9_().-]{1,90}/[A-Za-z0-9][A-Za-z0-9_-]{0,62}",
        ),
        ResourceType(
            GENERIC,
            "Anything of Azure",
            "A token of Azure's management with all roles of the service principal; WRITE alone.",
        ),
    ),
    connect=AzureConnector,
)
