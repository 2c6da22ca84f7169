"""Whoever may do nothing learns nothing: not what exists, not what is wrong with the request."""

from collections.abc import Callable

import grpc
import pytest

from meshkit.access import Access, Listener
from meshkit.spiffe import Role
from tests.hostile.calls import Method, methods
from tests.hostile.messages import field_at, put, rules_of, spoil
from tests.hostile.test_credentials import ON_EDGE, PUBLIC
from tests.hostile.world import WORKSPACE, Site, World
from tests.workspace.harness import DEMO_EDITOR

# Reviewed by hand: what everybody who is signed in may call, about themselves or the service.
# An RPC that loses its permission shows here.
OPEN_TO_MEMBERS = {
    # About oneself; about others with a permission on what is asked about.
    "controlplane.AccessService/GetEffectivePermissions",
    "controlplane.AccessService/ListPermissions",
    "controlplane.AccessService/TestPermissions",
    "controlplane.AuthService/ApproveDevice",
    "controlplane.AuthService/CreateSignInLink",
    "controlplane.AuthService/DenyDevice",
    "controlplane.AuthService/GetCurrentPrincipal",
    "controlplane.AuthService/GetDeviceAuthorization",
    # Takes out nobody but the caller; to who is no member, no organization looks like another.
    "controlplane.OrganizationService/LeaveOrganization",
    # Shows the caller their own.
    "controlplane.OrganizationService/ListOrganizations",
    # Their own; others' with a permission over the whole account.
    "controlplane.SessionService/ListSessions",
    "controlplane.SessionService/RevokeAllSessions",
    "controlplane.SessionService/RevokeSession",
    "controlplane.UserService/CreatePersonalAccessToken",
    "controlplane.UserService/DeletePersonalAccessToken",
    "controlplane.UserService/GetUser",
    "controlplane.UserService/ListPersonalAccessTokens",
    "controlplane.UserService/UpdateUser",
    "workspace.EventService/GetFeedInfo",
    "workspace.ServerService/GetServerInfo",
}
FOR_SERVICES = {
    "controlplane.EnrollmentService/Link",
    "controlplane.EnrollmentService/RenewCertificate",
}
# Reviewed by hand: where the token of a run opens anything at all.
FOR_RUNS = {
    "workspace.AlerterService/SendRunAlert",
    "workspace.ArtifactService/BatchCreateArtifactVersions",
    "workspace.ArtifactService/GetArtifactVersion",
    "workspace.LogService/AppendLogs",
    "workspace.LogService/CreateLogStream",
    "workspace.LogService/SealLogStream",
    "workspace.LogService/WriteLogs",
    "workspace.ModelService/CreateModelVersion",
    "workspace.ModelService/GetModelVersion",
    "workspace.ModelService/LinkModelVersion",
    "workspace.ModelService/ListModelVersionLinks",
    "workspace.ReportService/BatchCreateSteps",
    "workspace.ReportService/BatchReport",
    "workspace.ReportService/ClaimRun",
    "workspace.ReportService/CreateRunCondition",
    "workspace.ReportService/Heartbeat",
    "workspace.ReportService/StreamReports",
    "workspace.ReportService/WriteMetadata",
    "workspace.RunService/GetRun",
    "workspace.RunService/GetRunCondition",
    "workspace.RunService/WatchRun",
    "workspace.SecretService/AccessSecret",
    "workspace.ServerService/GetServerInfo",
    "workspace.ServiceConnectorService/IssueCredentials",
    "workspace.SnapshotService/GetSnapshot",
    "workspace.StepAttemptService/ClaimStepAttempt",
    "workspace.StepAttemptService/CompleteStepAttempt",
    "workspace.StepAttemptService/HeartbeatStepAttempt",
    "workspace.StepAttemptService/LaunchStepAttempt",
    "workspace.StepService/GetStep",
    "workspace.StepService/ListSteps",
    "workspace.StepService/LookupStepCache",
}
OPEN = PUBLIC | OPEN_TO_MEMBERS | FOR_SERVICES
GRANTED = [method for method in methods() if str(method) not in OPEN]
PEOPLES = [m for m in methods() if m.policy.access in (Access.PERMISSION, Access.ANY_PRINCIPAL)]
PEERS = [method for method in methods() if method.policy.access is Access.PEER]
_NAMES = {"projects": "weft.dev/Project", "organizations": "weft.dev/Organization"}


def _message(site: Site, method: Method, *, exists: bool, valid: bool = True) -> bytes:
    """A request about something that exists, or not; `valid` tells how its other fields are."""
    request = method.request()
    if not valid:
        spoil(request)
    path = method.policy.resource_field
    if path:
        put(request, path, _name(site, method, path, exists=exists))
    return request.SerializeToString()


def _name(site: Site, method: Method, path: str, *, exists: bool) -> str:
    type_ = rules_of(field_at(method.descriptor.input_type, path)).resource_type or site.root
    name = site.names[type_]
    if exists:
        return name
    # Nothing of the name exists: neither the thing, nor what it would be in.
    collections = name.split("/")[::2]
    return "/".join(f"{collection}/absent" for collection in collections)


def test_what_every_member_may_was_reviewed() -> None:
    found = {str(m) for m in methods() if m.policy.access is Access.ANY_PRINCIPAL}
    assert found == OPEN_TO_MEMBERS


@pytest.mark.parametrize("method", GRANTED, ids=str)
def test_without_a_grant(hosts: World, method: Method) -> None:
    """The same bytes for what exists, what does not, and what makes no sense at all."""
    site = hosts.of(method)
    existing = site.as_nobody(method, _message(site, method, exists=True))
    assert existing.code == "PERMISSION_DENIED"
    assert existing.reason in {"NOT_PERMITTED", "CALLER_NOT_ALLOWED"}
    for request in (
        _message(site, method, exists=False),
        _message(site, method, exists=True, valid=False),
        _message(site, method, exists=False, valid=False),
        b"",
    ):
        if request or not method.descriptor.client_streaming:
            assert site.as_nobody(method, request) == existing


@pytest.mark.parametrize("method", [m for m in GRANTED if m.policy.resource_field], ids=str)
def test_without_a_grant_by_a_name_of_no_shape(hosts: World, method: Method) -> None:
    site = hosts.of(method)
    expected = site.as_nobody(method, _message(site, method, exists=True))
    for name in ("-", "../..", "\0", "PROJECTS/DEMO", "projects/demo/", "x" * 4000):
        request = method.request()
        put(request, method.policy.resource_field, name)
        assert site.as_nobody(method, request.SerializeToString()) == expected, name


@pytest.mark.parametrize("project", ["other", "demo2", "dem", "demo-", "-"])
def test_a_right_elsewhere_is_no_right_here(hosts: World, project: str) -> None:
    """An editor of one project reaches no other; across all, only what is filtered by grants."""
    token = hosts.workspace.token(DEMO_EDITOR)
    for method in GRANTED:
        path = method.policy.resource_field
        if not path or method.package != WORKSPACE:
            continue
        if project == "-" and method.policy.filter_results:
            continue
        site, request = hosts.of(method), method.request()
        own = _name(site, method, path, exists=True)
        put(request, path, own.replace("projects/demo", f"projects/{project}"))
        found = site.edge.call(method, request.SerializeToString(), token=token)
        assert found.code == "PERMISSION_DENIED", str(method)


@pytest.mark.parametrize("method", PEOPLES, ids=str)
def test_a_run_token_on_methods_of_people(hosts: World, method: Method) -> None:
    """A run's token opens what its table says, on its own run; the control plane knows no runs."""
    site = hosts.of(method)
    run = hosts.sites["weftapi.workspace.v1"].tokens["run"]
    found = site.edge.call(method, _message(site, method, exists=False), token=run)
    if str(method).startswith("controlplane"):
        assert found.code == "UNAUTHENTICATED"
    elif str(method) == "workspace.ServiceConnectorService/IssueCredentials":
        # Its stack says which, and that is looked up: a request must first make sense.
        assert (found.code, found.reason) == ("INVALID_ARGUMENT", "INVALID_FIELDS")
    elif str(method) in FOR_RUNS - OPEN_TO_MEMBERS:
        assert (found.code, found.reason) == ("PERMISSION_DENIED", "NOT_PERMITTED")
    elif str(method) not in FOR_RUNS:
        assert (found.code, found.reason) == ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED")
    else:
        assert found.code == "OK"


@pytest.mark.parametrize("method", PEERS, ids=str)
def test_people_on_methods_of_services(hosts: World, method: Method) -> None:
    site = hosts.of(method)
    if site.admin:
        found = site.mesh[Role.GATEWAY].call(method, token=site.admin)
        assert (found.code, found.reason) == ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED")
    assert site.edge.call(method, token=site.admin).code == "UNIMPLEMENTED"


@pytest.mark.parametrize("method", PEERS, ids=str)
def test_services_of_another_role_on_methods_of_services(hosts: World, method: Method) -> None:
    site = hosts.of(method)
    for role in site.mesh.keys() - method.policy.peers:
        found = site.mesh[role].call(method)
        assert (found.code, found.reason) == ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED")


@pytest.mark.parametrize("method", PEOPLES, ids=str)
def test_services_on_methods_of_people(hosts: World, method: Method) -> None:
    """A certificate is not a person, and only a gateway may carry a person's token."""
    site = hosts.of(method)
    request = _message(site, method, exists=True)
    refused = site.edge.call(method)
    for role, door in site.mesh.items():
        assert door.call(method, request) == refused
        if role is not Role.GATEWAY:
            assert door.call(method, request, token=site.admin) == refused


@pytest.mark.parametrize("method", methods(), ids=str)
def test_each_listener_serves_its_own(hosts: World, method: Method) -> None:
    site, policy = hosts.of(method), method.policy
    if Listener.MESH not in policy.listeners:
        assert all(door.call(method).code == "UNIMPLEMENTED" for door in site.mesh.values())
    if Listener.EDGE not in policy.listeners:
        assert site.edge.call(method, token=site.admin).code == "UNIMPLEMENTED"


_SPELLINGS: dict[str, Callable[[str], str]] = {
    "doubled slash": lambda path: f"/{path}",
    "no slash": lambda path: path[1:],
    "slash at the end": lambda path: f"{path}/",
    "lower case": lambda path: path.lower(),
    "encoded dot": lambda path: path.replace("Service/", "Service/%2e/"),
    "encoded letter": lambda path: path.replace("weftapi", "%77eftapi"),
    "query": lambda path: f"{path}?x",
    "way up": lambda path: f"/grpc.health.v1.Health/..{path}",
}


@pytest.mark.parametrize("method", ON_EDGE[::7], ids=str)
def test_no_other_spelling_of_a_path_reaches_anything(hosts: World, method: Method) -> None:
    site = hosts.of(method)
    for kind, spell in _SPELLINGS.items():
        with pytest.raises(grpc.RpcError) as refused:
            site.edge.channel.unary_unary(spell(method.path))(
                b"", metadata=[("authorization", f"Bearer {site.admin}")], timeout=10
            )
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED, kind
