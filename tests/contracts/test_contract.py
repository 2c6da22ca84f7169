"""What holds for every RPC of the contract, whoever wrote it."""

import re

import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2

from tests.contracts.descriptors import comments, file_protos, uncommented
from weftapi.common.v1 import errors_pb2
from weftapi.options.v1 import options_pb2

_PREFIX = {
    "weftapi.controlplane.v1": "/api/controlplane/v1/",
    "weftapi.workspace.v1": "/api/workspace/v1/",
}
_SERVICES = [
    pytest.param(file, service, id=service.name)
    for file in file_protos()
    for service in file.service
]


def each_method(check):
    """A test for each service, which names all of its methods that fail the check."""

    @pytest.mark.parametrize(("file", "service"), _SERVICES)
    def test(file, service):
        broken = {}
        for method in service.method:
            try:
                check(file, service, method)
            except AssertionError as error:
                broken[method.name] = str(error)
        assert not broken

    test.__name__ = check.__name__
    return test


@each_method
def test_says_who_may_call(file, service, method):
    auth = method.options.Extensions[options_pb2.auth]
    assert auth.WhichOneof("kind"), "no `auth` option"
    is_peer = auth.WhichOneof("kind") == "peer"
    assert not (is_peer and options_pb2.LISTENER_EDGE in auth.listeners)


@each_method
def test_says_what_is_audited(file, service, method):
    mode = method.options.Extensions[options_pb2.audit].mode
    is_read = method.options.idempotency_level == method.options.NO_SIDE_EFFECTS
    policy = options_pb2.AuditPolicy
    if is_read:
        assert mode in {policy.MODE_NONE, policy.MODE_READ_SENSITIVE}
    else:
        # Every change is audited, save those of machines, whose history is their record.
        assert mode in {policy.MODE_WRITE, policy.MODE_MACHINE, policy.MODE_READ_SENSITIVE}


@each_method
def test_request_is_named_after_the_method(file, service, method):
    assert method.input_type.rsplit(".", 1)[-1] == f"{method.name}Request"


@each_method
def test_has_an_http_route_unless_only_machines_call_it(file, service, method):
    auth = method.options.Extensions[options_pb2.auth]
    rule = method.options.Extensions[annotations_pb2.http]
    is_for_machines = auth.WhichOneof("kind") == "peer" or method.client_streaming
    pattern = rule.WhichOneof("pattern")
    assert bool(pattern) != is_for_machines
    if pattern:
        assert getattr(rule, pattern).startswith(_PREFIX[file.package])


@each_method
def test_reads_are_gets_and_changes_are_not(file, service, method):
    rule = method.options.Extensions[annotations_pb2.http]
    pattern = rule.WhichOneof("pattern")
    is_read = method.options.idempotency_level == method.options.NO_SIDE_EFFECTS
    # What they ask about does not fit into a URL.
    if pattern and method.name not in {"PreviewSchedule", "TestPermissions", "ValidateSnapshotRun"}:
        assert (pattern == "get") == is_read


@each_method
def test_server_streams_say_how_they_resume(file, service, method):
    is_plain_stream = method.server_streaming and not method.client_streaming
    has_policy = method.options.HasExtension(options_pb2.stream)
    is_download = method.output_type == ".google.api.HttpBody"
    assert has_policy == (is_plain_stream and not is_download)


@each_method
def test_a_client_stream_has_a_unary_twin(file, service, method):
    twins = {
        "StreamReports": "BatchReport",
        "AppendLogs": "WriteLogs",
        # Services alone call it, and never through HTTP.
        "Link": "RenewCertificate",
    }
    if method.client_streaming:
        assert twins[method.name] in {other.name for other in service.method}


@pytest.mark.parametrize("file", file_protos(), ids=lambda file: file.name)
def test_everything_is_explained(file):
    assert list(uncommented(file)) == []


@pytest.mark.parametrize("file", file_protos(), ids=lambda file: file.name)
def test_every_field_says_whether_it_is_required(file):
    said = comments(file)
    unsaid = [
        f"{message.name}.{field.name}"
        for m, message in enumerate(file.message_type)
        for f, field in enumerate(message.field)
        if file.package.split(".")[1] in {"controlplane", "workspace", "workloads"}
        and not field.HasField("oneof_index")
        and not re.match(r"(Required|Optional|Output only)", said.get((4, m, 2, f), ""))
    ]
    assert unsaid == []


def test_nothing_but_identities_health_and_policy_passes_the_link():
    """Ruling 6: what a workspace and the control plane say to each other holds no free data."""
    file = next(f for f in file_protos() if f.name.endswith("controlplane/v1/enrollment.proto"))
    known = {f".{f.package}.{m.name}": m for f in file_protos() for m in f.message_type}
    refused = {".google.protobuf.Struct", ".google.protobuf.Value", ".google.protobuf.Any"}
    waiting, seen = list(file.message_type), set()
    while waiting:
        for field in waiting.pop().field:
            assert field.type != descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
            assert field.type_name not in refused
            # Also what stands in them, wherever it is defined.
            if field.type_name in known and field.type_name not in seen:
                seen.add(field.type_name)
                waiting.append(known[field.type_name])
    assert ".weftapi.controlplane.v1.WorkspaceUsage" in seen


def test_secrets_are_marked():
    """A field whose name says secret is marked sensitive, so that no log or audit row holds it."""
    pattern = re.compile(r"(password|secret|token|_code)$")
    harmless = {"next_page_token", "page_token", "user_code", "prefix"}
    unmarked = [
        f"{message.name}.{field.name}"
        for file in file_protos()
        for message in file.message_type
        for field in message.field
        if field.type == descriptor_pb2.FieldDescriptorProto.TYPE_STRING
        and pattern.search(field.name)
        and field.name not in harmless
        and not field.options.Extensions[options_pb2.field].sensitive
    ]
    assert unmarked == []


def test_reasons_are_numbered_once_and_explained():
    names = errors_pb2.ErrorReason.keys()
    assert len(set(names)) == len(names)
    assert all(name.startswith("ERROR_REASON_") for name in names)
