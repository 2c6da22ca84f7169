"""Issued credentials as messages."""

from dataclasses import asdict

from weftapi.workspace.v1 import credential_types_pb2, service_connectors_pb2
from workspace.connectors.model import (
    AwsKeys,
    AzureAccess,
    Bearer,
    ClusterToken,
    GcpToken,
    Issued,
    RegistryLogin,
)
from workspace.servicers.converting import stamp

# The message of each kind, and its field in the answer; fields of both have the same names.
_SHOWN = {
    AwsKeys: ("aws", credential_types_pb2.AwsCredentials),
    GcpToken: ("gcp", credential_types_pb2.GcpCredentials),
    AzureAccess: ("azure", credential_types_pb2.AzureCredentials),
    ClusterToken: ("kubernetes", credential_types_pb2.KubernetesCredentials),
    RegistryLogin: ("registry", credential_types_pb2.RegistryCredentials),
    Bearer: ("bearer", credential_types_pb2.BearerCredentials),
}


def issued_to_proto(
    issued: Issued, resource_type: str
) -> service_connectors_pb2.IssueCredentialsResponse:
    field, message = _SHOWN[type(issued.credentials)]
    answer = service_connectors_pb2.IssueCredentialsResponse(
        resource_type=resource_type,
        resource_id=issued.resource_id,
        expire_time=stamp(issued.expire_time),
    )
    getattr(answer, field).CopyFrom(message(**asdict(issued.credentials)))
    return answer
