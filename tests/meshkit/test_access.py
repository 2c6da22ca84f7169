import asyncio

import pytest

from meshkit.access import Access, AccessError, Audit, Listener, compile_policies
from meshkit.caller import CallerKind
from meshkit.credentials import Credentials
from meshkit.server import MeshServer, Service
from meshkit.spiffe import Role
from meshkit.tokens import TokenVerifier
from tests.meshkit import toy
from tests.meshkit.described import (
    ANY_PEER,
    ANYONE,
    READ,
    SIGNED_IN,
    MethodSpec,
    describe,
    permission,
)
from weftapi.options.v1 import options_pb2

Auth = options_pb2.AuthPolicy
EDGE = options_pb2.LISTENER_EDGE


def policy_of(auth: Auth, **more):
    (policy,) = compile_policies(describe(MethodSpec("Do", auth, **more))).values()
    return policy


def test_a_permission_is_held_on_the_resource_that_the_request_names():
    policy = policy_of(permission("toys.get", "nested.name", principals=[2, 3]))
    assert policy.access is Access.PERMISSION
    assert policy.permission == "toys.get"
    assert policy.principals == {CallerKind.SERVICE_ACCOUNT, CallerKind.RUN}
    assert policy.listeners == {Listener.EDGE, Listener.MESH}
    request = toy.Request(nested=toy.Request(name="toys/1"))
    assert policy.resource_of(request) == "toys/1"
    assert policy.resource_of(toy.Request()) == ""


def test_principals_are_people_and_service_accounts_unless_said_otherwise():
    assert policy_of(SIGNED_IN).principals == {CallerKind.USER, CallerKind.SERVICE_ACCOUNT}
    assert policy_of(READ).principals == {CallerKind.USER, CallerKind.SERVICE_ACCOUNT}
    assert policy_of(ANYONE).principals == frozenset()


def test_peers_are_served_on_the_mesh_alone():
    policy = policy_of(Auth(peer=options_pb2.PEER_ROLE_WORKLOAD_MANAGER))
    assert (policy.access, policy.listeners) == (Access.PEER, {Listener.MESH})
    assert policy.peers == {Role.WORKLOAD_MANAGER}
    assert policy_of(ANY_PEER).peers == set(Role)


def test_a_method_is_named_and_audited_as_its_options_say():
    policy = policy_of(READ, audit=options_pb2.AuditPolicy.MODE_READ_SENSITIVE)
    assert policy.action == "ToyService.Do"
    assert (policy.audit, policy.is_audited) == (Audit.READ_SENSITIVE, True)
    assert not policy_of(READ, audit=options_pb2.AuditPolicy.MODE_MACHINE).is_audited


STREAM = options_pb2.StreamPolicy
BAD = {
    "has no `auth` option": MethodSpec("Do", None),
    "has no `audit` option": MethodSpec("Do", READ, audit=None),
    "`audit` has no mode": MethodSpec("Do", READ, audit=0),
    "`auth` says nobody may call": MethodSpec("Do", Auth()),
    "`auth.public` must be true": MethodSpec("Do", Auth(public=False)),
    "`auth.any_principal` must be true": MethodSpec("Do", Auth(any_principal=False)),
    "`auth.permission` has no verb": MethodSpec("Do", permission("", "name")),
    "`auth.peer` has no role": MethodSpec("Do", Auth(peer=0)),
    "beside `public`": MethodSpec("Do", Auth(public=True, principals=[1])),
    "unknown kind": MethodSpec("Do", Auth(any_principal=True, principals=[0])),
    "unknown listener": MethodSpec("Do", Auth(any_principal=True, listeners=[0])),
    "cannot be on the edge listener": MethodSpec("Do", Auth(peer=4, listeners=[EDGE])),
    "has no field 'nam'": MethodSpec("Do", permission("toys.get", "nam")),
    "has no message field 'name'": MethodSpec("Do", permission("toys.get", "name.name")),
    "is not a string": MethodSpec("Do", permission("toys.get", "nested")),
    "'names' is not a string": MethodSpec("Do", permission("toys.get", "names")),
    "extra_check 'owner' is not registered": MethodSpec(
        "Do", permission("toys.get", extra_check="owner")
    ),
    "`stream` is only for methods that stream": MethodSpec("Do", READ, stream=STREAM()),
    "`stream` is only for methods that stream their answers": MethodSpec(
        "Do", READ, stream=STREAM(), server_streaming=True, client_streaming=True
    ),
    "resume_field 'after' does not exist": MethodSpec(
        "Do", READ, stream=STREAM(resume_field="after"), server_streaming=True
    ),
    "cursor_field 'revision' does not exist": MethodSpec(
        "Do", READ, stream=STREAM(cursor_field="revision"), server_streaming=True
    ),
}


@pytest.mark.parametrize(("problem", "spec"), BAD.items(), ids=list(BAD))
def test_a_method_nobody_thought_through_is_refused(problem, spec):
    with pytest.raises(AccessError) as refused:
        compile_policies(describe(spec), extra_checks=["short"])
    (found,) = refused.value.problems
    assert problem in found
    assert "ToyService.Do" in found


def test_a_sound_stream_option_is_accepted():
    stream = STREAM(resume_field="text", cursor_field="text")
    policy_of(READ, stream=stream, server_streaming=True)


class Servicer:
    async def Good(self, request, context):
        return None

    def Sync(self, request, context):
        return None

    async def Watch(self, request, context):
        return None


async def test_a_server_lists_every_problem_at_once_and_does_not_start(tmp_path):
    authority = toy.certificates.make_authority("CA", now=toy.datetime.now(toy.UTC))
    toy.credentials_for(tmp_path, authority, toy.identity(Role.WORKSPACE))
    descriptor = describe(
        MethodSpec("Good", READ),
        MethodSpec("Sync", None),
        MethodSpec("Watch", READ, server_streaming=True),
    )
    clock = toy.ManualClock()
    with pytest.raises(AccessError) as refused:
        MeshServer(
            toy.ServerSettings(credentials_dir=tmp_path),
            credentials=Credentials(tmp_path),
            services=[
                Service(descriptor, lambda s, to: toy.add_to_server(s, to, descriptor), Servicer())
            ],
            verifier=TokenVerifier([], audience="a", clock=clock),
            authorizer=toy.Policy(),
            clock=clock,
        )
    problems = "\n".join(refused.value.problems)
    assert "Sync has no `auth` option" in problems
    assert "Sync is not implemented as a coroutine function" in problems
    assert "Watch is not implemented as an async generator" in problems
    assert "Good" not in problems
    await asyncio.sleep(0)
