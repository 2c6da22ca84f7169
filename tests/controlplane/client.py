"""Stubs of a control plane's services over one channel."""

from typing import Any

import grpc

from weftapi.controlplane.v1 import (
    access_pb2_grpc,
    audit_pb2_grpc,
    auth_pb2,
    auth_pb2_grpc,
    enrollment_pb2_grpc,
    federated_credentials_pb2_grpc,
    identity_providers_pb2_grpc,
    invitations_pb2_grpc,
    members_pb2_grpc,
    operations_pb2_grpc,
    organizations_pb2_grpc,
    service_accounts_pb2_grpc,
    sessions_pb2_grpc,
    system_pb2_grpc,
    teams_pb2_grpc,
    users_pb2_grpc,
    workspaces_pb2_grpc,
)


class Bearer(
    grpc.aio.UnaryUnaryClientInterceptor,
):
    """Adds a bearer token, where there is one, to every unary call."""

    def __init__(self, token: str) -> None:
        self.token = token

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        if self.token:
            metadata.add("authorization", f"Bearer {self.token}")
        return await continuation(details._replace(metadata=metadata), request)


class Client:
    """Stubs of every service over one channel, as one caller."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.auth = auth_pb2_grpc.AuthServiceStub(channel)
        self.users = users_pb2_grpc.UserServiceStub(channel)
        self.providers = identity_providers_pb2_grpc.IdentityProviderServiceStub(channel)
        self.organizations = organizations_pb2_grpc.OrganizationServiceStub(channel)
        self.invitations = invitations_pb2_grpc.InvitationServiceStub(channel)
        self.members = members_pb2_grpc.MemberServiceStub(channel)
        self.sessions = sessions_pb2_grpc.SessionServiceStub(channel)
        self.audit = audit_pb2_grpc.AuditServiceStub(channel)
        self.access = access_pb2_grpc.AccessServiceStub(channel)
        self.teams = teams_pb2_grpc.TeamServiceStub(channel)
        self.service_accounts = service_accounts_pb2_grpc.ServiceAccountServiceStub(channel)
        self.federation = federated_credentials_pb2_grpc.FederatedCredentialServiceStub(channel)
        self.workspaces = workspaces_pb2_grpc.WorkspaceServiceStub(channel)
        self.operations = operations_pb2_grpc.OperationsServiceStub(channel)
        self.enrollment = enrollment_pb2_grpc.EnrollmentServiceStub(channel)
        self.system = system_pb2_grpc.SystemServiceStub(channel)
        self.tokens = auth_pb2.TokenSet()
        self.bearer = Bearer("")

    @property
    def subject(self) -> str:
        return self.tokens.subject
