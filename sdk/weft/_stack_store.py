"""The artifact store of a run's stack: where it is, and with which credentials it is reached."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from weft import _secrets
from weft._objects import Access
from weft.errors import ArtifactStoreError

if TYPE_CHECKING:
    from weft._connection import Endpoint
    from weftapi.workspace.v1 import service_connectors_pb2, stacks_pb2

# Fields of configurations, and what obstore calls them.
_OPTIONS: Mapping[str, Mapping[str, str]] = {
    "flavors/s3-artifact-store": {
        "region": "region",
        "endpoint_url": "endpoint",
        "access_key_id": "access_key_id",
        "secret_access_key": "secret_access_key",
    },
    "flavors/gcs-artifact-store": {
        "endpoint_url": "base_url",
        "service_account_key": "service_account_key",
    },
    "flavors/azure-artifact-store": {
        "account_name": "account_name",
        "endpoint_url": "endpoint",
        "account_key": "account_key",
    },
}
_RESOURCES = {
    "flavors/s3-artifact-store": "s3-bucket",
    "flavors/gcs-artifact-store": "gcs-bucket",
    "flavors/azure-artifact-store": "blob-container",
}


def access_of(endpoint: Endpoint, stack: stacks_pb2.RunStack, root: str) -> Access | None:
    """How the artifact store of a stack is reached; None where it is a directory.

    Raises:
        ApiError: A secret that it names cannot be read.
    """
    from google.protobuf.json_format import MessageToDict

    for part in stack.components:
        if part.type == "artifact_store" and part.type_default and part.flavor in _OPTIONS:
            config = _secrets.filled(MessageToDict(part.config))
            names = _OPTIONS[part.flavor]
            options = {names[name]: str(value) for name, value in config.items() if name in names}
            issue = partial(_issue, endpoint, part, root) if part.connector else None
            return Access(options, issue)
    return None


def _issue(endpoint: Endpoint, part: stacks_pb2.RunComponent, root: str) -> Mapping[str, Any]:
    """Credentials for the store alone, as the connector gives them to this run."""
    from weftapi.workspace.v1 import service_connectors_pb2 as pb
    from weftapi.workspace.v1 import service_connectors_pb2_grpc

    stub = endpoint.stub(service_connectors_pb2_grpc.ServiceConnectorServiceStub)
    request = pb.IssueCredentialsRequest(
        name=part.connector,
        resource_type=_RESOURCES[part.flavor],
        resource_id=part.connector_resource or root.partition("://")[2],
        access=pb.CREDENTIAL_ACCESS_WRITE,
    )
    issued = endpoint.call(stub.IssueCredentials, request)
    expires = issued.expire_time.ToDatetime(dt.UTC)
    return {**_keys(issued), "expires_at": expires}


def _keys(issued: service_connectors_pb2.IssueCredentialsResponse) -> Mapping[str, Any]:
    kind = issued.WhichOneof("credentials")
    if kind == "aws":
        return {
            "access_key_id": issued.aws.access_key_id,
            "secret_access_key": issued.aws.secret_access_key,
            "token": issued.aws.session_token or None,
        }
    if kind == "gcp":
        return {"token": issued.gcp.access_token}
    if kind == "azure" and issued.azure.sas_token:
        return {"sas_token": issued.azure.sas_token}
    if kind == "azure":
        return {"token": issued.azure.access_token}
    raise ArtifactStoreError(f"the connector issued {kind} credentials, which open no store")
