"""Users beside the administrator: made, granted and signed in through the control plane."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.system.mesh import Mesh
from tests.system.project import Project
from weft._connection import Connection
from weft._contexts import MemorySecrets, SignIn
from weftapi.controlplane.v1 import (
    access_pb2,
    access_pb2_grpc,
    auth_pb2,
    auth_pb2_grpc,
    users_pb2,
    users_pb2_grpc,
)

ORGANIZATION = "organizations/default"
WORKSPACE = f"{ORGANIZATION}/workspaces/default"
PASSWORD = "correct horse battery staple"


class Person:
    """A user with an account of their own."""

    def __init__(self, mesh: Mesh, name: str) -> None:
        self._mesh = mesh
        self._admin = mesh.connect("default")
        self.email = f"{name}-{uuid.uuid4().hex[:8]}@example.com"
        self.user = self._create()

    def grant(self, role: str, project: str = "") -> None:
        """Gives a role on the workspace, or on one project of it."""
        self.grant_on(f"{WORKSPACE}/projects/{project}" if project else WORKSPACE, role)

    def grant_on(self, resource: str, role: str) -> None:
        """Gives a role on anything: on the organization, say."""
        request = access_pb2.CreateRoleBindingRequest(parent=ORGANIZATION)
        request.role_binding.subject = self.user
        request.role_binding.role = f"{ORGANIZATION}/roles/{role}"
        request.role_binding.resource = resource
        stub = self._admin.control_plane.stub(access_pb2_grpc.AccessServiceStub)
        self._admin.control_plane.call(stub.CreateRoleBinding, request)

    def sign_in(self, project: str) -> Project:
        """A project, as this user sees it; by their password."""
        stub = self._admin.anonymous.stub(auth_pb2_grpc.AuthServiceStub)
        request = auth_pb2.SignInRequest(email=self.email, password=PASSWORD)
        answer = self._admin.anonymous.call(stub.SignIn, request)
        return self._project(project, SignIn(refresh_token=answer.refresh_token))

    def with_token(self, project: str, token: str) -> Project:
        """A project, as a script with a personal access token of this user sees it."""
        return self._project(project, SignIn(personal_access_token=token))

    def _project(self, project: str, secrets: SignIn) -> Project:
        context = replace(self._mesh.context, project=project)
        return Project(self._mesh, project, Connection(context, MemorySecrets(secrets)))

    def _create(self) -> str:
        endpoint, anonymous = self._admin.control_plane, self._admin.anonymous
        request = users_pb2.CreateUserRequest(organization=ORGANIZATION)
        request.user.email = self.email
        created = endpoint.call(endpoint.stub(users_pb2_grpc.UserServiceStub).CreateUser, request)
        password = users_pb2.SetPasswordRequest(
            email=self.email, password_token=created.password_token, new_password=PASSWORD
        )
        anonymous.call(anonymous.stub(users_pb2_grpc.UserServiceStub).SetPassword, password)
        name: str = created.user.name
        return name


def make_token(project: Project) -> users_pb2.CreatePersonalAccessTokenResponse:
    """A personal access token of whoever is signed in to the project."""
    endpoint = project.connection.control_plane
    request = users_pb2.CreatePersonalAccessTokenRequest(parent="users/me")
    request.personal_access_token.display_name = "a test"
    request.personal_access_token.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    stub = endpoint.stub(users_pb2_grpc.UserServiceStub)
    return endpoint.call(stub.CreatePersonalAccessToken, request)


def revoke_token(project: Project, name: str) -> None:
    endpoint = project.connection.control_plane
    stub = endpoint.stub(users_pb2_grpc.UserServiceStub)
    endpoint.call(
        stub.DeletePersonalAccessToken, users_pb2.DeletePersonalAccessTokenRequest(name=name)
    )
