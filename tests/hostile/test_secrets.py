"""What the contract marks as sensitive stands in no log, error, row or file."""

import logging
from collections.abc import Iterator
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from structlog.testing import capture_logs

from tests.controlplane.harness import ADMIN_EMAIL, ORGANIZATION, PASSWORD, WORKSPACE
from tests.hostile.calls import Method, Outcome, methods
from tests.hostile.messages import Messages, rules_of
from tests.hostile.world import CONTROL_PLANE, World
from weftapi.controlplane.v1 import (
    auth_pb2,
    enrollments_pb2,
    invitations_pb2,
    members_pb2,
    service_accounts_pb2,
    users_pb2,
)
from weftapi.workloads.v1 import workloads_pb2

_TRIES = 12
# Files whose purpose is to hold a secret, readable by their owner alone.
_KEEPERS = ("signing-keys", "credentials", "ca-key", "workloads", "setup-token", ".key")


def _reaches_secret(descriptor: Descriptor, seen: frozenset[Descriptor] = frozenset()) -> bool:
    """Whether a message of the type can hold something sensitive."""
    if descriptor in seen:
        return False
    return any(
        rules_of(field).sensitive
        or (field.message_type and _reaches_secret(field.message_type, seen | {descriptor}))
        for field in descriptor.fields
    )


SENDING = [method for method in methods() if _reaches_secret(method.descriptor.input_type)]
ANSWERING = [method for method in methods() if _reaches_secret(method.descriptor.output_type)]


def secrets_in(message: Message) -> Iterator[str]:
    """Every sensitive text in a message."""
    for field, value in message.ListFields():
        items = value if field.is_repeated else [value]
        if rules_of(field).sensitive:
            yield from (str(item) for item in items)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for item in items:
                yield from secrets_in(item)


def _files_with(directory: Path, secret: str) -> list[str]:
    """Files of the servers that hold the secret, but for those that are made to."""
    return [
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and secret.encode() in path.read_bytes() and not _may_keep(path)
    ]


def _may_keep(path: Path) -> bool:
    is_private = path.stat().st_mode & 0o077 == 0
    return is_private and any(keeper in str(path) for keeper in _KEEPERS)


@pytest.mark.parametrize("method", SENDING, ids=str)
def test_a_secret_that_is_sent(
    hosts: World, method: Method, caplog: pytest.LogCaptureFixture
) -> None:
    """Sent well and badly, by everybody: it comes up nowhere."""
    secret = f"canary-{uuid4().hex}"
    site, random = hosts.of(method), Random(str(method))
    make = Messages(site.names, secret=secret).make
    seen: list[Outcome] = []
    with capture_logs() as lines, caplog.at_level(logging.DEBUG):
        for _ in range(_TRIES):
            request = make(method.descriptor.input_type, random, depth=0).SerializeToString()
            seen += [site.as_admin(method, request), site.as_nobody(method, request)]
            seen.append(site.edge.call(method, request))
            # Cut in the middle of whatever it is.
            seen.append(site.as_admin(method, request[: len(request) // 2]))
    assert secret not in str(lines)
    assert secret not in caplog.text
    assert not any(secret.encode() in found.everything() for found in seen)
    assert _files_with(hosts.directory, secret) == []


def _call(hosts: World, name: str, request: Message, **options: str) -> Message:
    method = next(method for method in methods() if str(method) == name)
    found = hosts.of(method).as_admin(method, request.SerializeToString(), **options)
    assert found.code == "OK", (name, found.message)
    return method.answer.FromString(found.answers[0])


def _issue_everything(hosts: World, password: str) -> list[Message]:
    """One answer of every method that answers a secret, with ids that make repeating safe."""
    sign_in = auth_pb2.SignInRequest(email=ADMIN_EMAIL, password=PASSWORD)
    tokens = _call(hosts, "controlplane.AuthService/SignIn", sign_in)
    personal = _call(
        hosts,
        "controlplane.UserService/CreatePersonalAccessToken",
        users_pb2.CreatePersonalAccessTokenRequest(
            parent="users/me", personal_access_token=users_pb2.PersonalAccessToken(display_name="x")
        ),
    )
    created = _call(
        hosts,
        "controlplane.UserService/CreateUser",
        users_pb2.CreateUserRequest(
            organization=ORGANIZATION,
            user=users_pb2.User(email=f"{uuid4().hex}@example.com"),
            request_id=str(uuid4()),
        ),
    )
    _call(
        hosts,
        "controlplane.UserService/SetPassword",
        users_pb2.SetPasswordRequest(
            email=created.user.email, password_token=created.password_token, new_password=password
        ),
    )
    invited = _call(
        hosts,
        "controlplane.InvitationService/CreateInvitation",
        invitations_pb2.CreateInvitationRequest(
            parent=ORGANIZATION,
            invitation=invitations_pb2.Invitation(email=f"{uuid4().hex}@example.com"),
            request_id=str(uuid4()),
        ),
    )
    member = created.user.name.replace("users/", f"{ORGANIZATION}/members/")
    account = hosts.sites[CONTROL_PLANE].names["weft.dev/ServiceAccount"]
    key = _call(
        hosts,
        "controlplane.ServiceAccountService/CreateApiKey",
        service_accounts_pb2.CreateApiKeyRequest(parent=account),
    )
    own = auth_pb2.SignInRequest(email=created.user.email, password=password)
    return [
        tokens,
        personal,
        created,
        invited,
        _call(
            hosts,
            "controlplane.InvitationService/ResendInvitation",
            invitations_pb2.ResendInvitationRequest(name=invited.invitation.name),
        ),
        _call(
            hosts,
            "controlplane.MemberService/CreateRecoveryToken",
            members_pb2.CreateRecoveryTokenRequest(name=member),
        ),
        key,
        _call(
            hosts,
            "controlplane.ServiceAccountService/RotateApiKey",
            service_accounts_pb2.RotateApiKeyRequest(name=key.api_key.name),
        ),
        _call(hosts, "controlplane.AuthService/SignIn", own),
        _call(
            hosts,
            "controlplane.AuthService/ExchangeToken",
            auth_pb2.ExchangeTokenRequest(refresh_token=tokens.refresh_token),
        ),
        _call(
            hosts,
            "controlplane.AuthService/StartDeviceAuthorization",
            auth_pb2.StartDeviceAuthorizationRequest(),
        ),
        _call(
            hosts,
            "controlplane.AuthService/CreateSignInLink",
            auth_pb2.CreateSignInLinkRequest(),
        ),
        _call(
            hosts,
            "controlplane.AuthService/MintWorkspaceToken",
            auth_pb2.MintWorkspaceTokenRequest(workspace=f"{ORGANIZATION}/workspaces/lab"),
        ),
        _call(
            hosts,
            "controlplane.WorkspaceService/CreateEnrollment",
            enrollments_pb2.CreateEnrollmentRequest(
                parent=ORGANIZATION,
                enrollment=enrollments_pb2.Enrollment(
                    role=WORKSPACE, workspaces=[f"{ORGANIZATION}/workspaces/lab"]
                ),
            ),
        ),
    ]


def test_secrets_that_are_answered(hosts: World, caplog: pytest.LogCaptureFixture) -> None:
    """Tokens and codes are in the answer, and nowhere else; a repeated request has no copy."""
    password = f"pass-{uuid4().hex}"
    with capture_logs() as lines, caplog.at_level(logging.DEBUG):
        answers = _issue_everything(hosts, password)
    secrets = {password, *(secret for answer in answers for secret in secrets_in(answer))}
    assert len(secrets) >= 15
    for secret in secrets:
        assert secret not in str(lines)
        assert secret not in caplog.text
        assert _files_with(hosts.directory, secret) == []


def test_every_answer_with_a_secret_was_looked_at() -> None:
    """A new method that answers a secret shows here, and belongs in the test above."""
    assert {str(method) for method in ANSWERING} == {
        "controlplane.AuthService/CreateFirstAdministrator",
        "controlplane.AuthService/SignIn",
        # Those of single sign-on: tests/controlplane/test_sign_on_secrets.py.
        "controlplane.AuthService/BeginOidcLogin",
        "controlplane.AuthService/CompleteOidcLogin",
        "controlplane.IdentityProviderService/GetIdentityProvider",
        "controlplane.IdentityProviderService/ListIdentityProviders",
        "controlplane.IdentityProviderService/CreateIdentityProvider",
        "controlplane.IdentityProviderService/UpdateIdentityProvider",
        "controlplane.AuthService/StartDeviceAuthorization",
        "controlplane.AuthService/GetDeviceAuthorization",
        "controlplane.AuthService/ApproveDevice",
        "controlplane.AuthService/DenyDevice",
        "controlplane.AuthService/ExchangeToken",
        "controlplane.AuthService/CreateSignInLink",
        "controlplane.AuthService/MintWorkspaceToken",
        "controlplane.InvitationService/CreateInvitation",
        "controlplane.InvitationService/ResendInvitation",
        "controlplane.MemberService/CreateRecoveryToken",
        "controlplane.ServiceAccountService/CreateApiKey",
        "controlplane.ServiceAccountService/RotateApiKey",
        "controlplane.UserService/CreateUser",
        "controlplane.UserService/CreatePersonalAccessToken",
        "controlplane.WorkspaceService/CreateEnrollment",
        # Those of webhooks and alerters: tests/workspace/test_webhooks.py, test_alerting.py.
        "workspace.AlerterService/CreateAlerter",
        "workspace.AlerterService/GetAlerter",
        "workspace.AlerterService/ListAlerters",
        "workspace.AlerterService/RotateAlerterSecret",
        "workspace.AlerterService/UpdateAlerter",
        "workspace.WebhookService/CreateWebhook",
        "workspace.WebhookService/GetWebhook",
        "workspace.WebhookService/ListWebhooks",
        "workspace.WebhookService/RotateWebhookSecret",
        "workspace.WebhookService/UpdateWebhook",
        # What images are made of is never answered: tests/workspace/test_build_workloads.py.
        "workspace.BuildService/CancelBuild",
        "workspace.BuildService/CreateBuild",
        "workspace.BuildService/GetBuild",
        "workspace.BuildService/ListBuilds",
        # Its links open one file each, for minutes: tests/workspace/test_artifact_content.py.
        "workspace.ArtifactService/CreateDownloadUrl",
        "workspace.ReportService/Heartbeat",
        # That of a step's own workload: tests/workspace/test_step_attempts.py.
        "workspace.StepAttemptService/HeartbeatStepAttempt",
        # Those of connectors: tests/workspace/test_connectors.py, test_connectors_aws.py.
        "workspace.EventService/ListEvents",
        "workspace.EventService/WatchEvents",
        "workspace.RunService/WatchRun",
        "workspace.RunService/WatchRuns",
        "workspace.ServiceConnectorService/CreateServiceConnector",
        "workspace.ServiceConnectorService/GetServiceConnector",
        "workspace.ServiceConnectorService/IssueCredentials",
        "workspace.ServiceConnectorService/ListServiceConnectors",
        "workspace.ServiceConnectorService/UpdateServiceConnector",
        # Those of secrets: tests/workspace/test_secrets.py, test_secret_migration.py.
        "workspace.SecretService/AccessSecret",
        "workspace.SecretService/BatchAccessSecrets",
        "workspace.SecretService/CreateSecret",
        "workspace.SecretService/GetSecret",
        "workspace.SecretService/ListSecrets",
        "workspace.SecretService/UpdateSecret",
        "workspace.SecretStoreService/GetSecretStore",
        "workspace.SecretStoreService/MigrateSecretStore",
        "workspace.SecretStoreService/RotateSecretKey",
        "workspace.SecretStoreService/UpdateSecretStore",
        # Those of alerters and webhooks: tests/workspace/test_alerters.py, test_webhooks.py.
        "workloads.WorkloadService/SubmitWorkload",
        "workloads.WorkloadService/GetWorkload",
        "workloads.WorkloadService/ListWorkloads",
        "workloads.WorkloadService/CancelWorkload",
        "workloads.WorkloadService/WatchWorkloads",
    }


def test_a_workload_never_shows_its_secret_files(hosts: World) -> None:
    secret = f"canary-{uuid4().hex}"
    submitted = _call(
        hosts,
        "workloads.WorkloadService/SubmitWorkload",
        workloads_pb2.SubmitWorkloadRequest(
            workload_id="keeper",
            workload=workloads_pb2.Workload(
                kind=workloads_pb2.WORKLOAD_KIND_RUNNER,
                args=["-c", "import time; time.sleep(60)"],
                secret_files={"token": secret},
            ),
        ),
    )
    get = workloads_pb2.GetWorkloadRequest(name=submitted.name)
    listed = _call(
        hosts, "workloads.WorkloadService/ListWorkloads", workloads_pb2.ListWorkloadsRequest()
    )
    found = _call(hosts, "workloads.WorkloadService/GetWorkload", get)
    assert secret not in f"{submitted}{listed}{found}"
    assert _files_with(hosts.directory, secret) == []
    _call(
        hosts,
        "workloads.WorkloadService/CancelWorkload",
        workloads_pb2.CancelWorkloadRequest(name=submitted.name),
    )
