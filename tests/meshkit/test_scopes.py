"""Every outcome of security.md, sections 2 and 3, that the interceptor owes, over real TLS."""

from datetime import timedelta

import grpc
import pytest

from meshkit import status
from meshkit.caller import CallerKind
from meshkit.certificates import read_peer
from meshkit.spiffe import Role
from meshkit.tokens import UNAUTHENTICATED_MESSAGE
from tests.meshkit import toy
from tests.meshkit.toy import code_of, refused

Code = grpc.StatusCode


@pytest.fixture
async def mesh(tmp_path):
    async with toy.running(tmp_path) as running:
        yield running


@pytest.fixture
async def edge(mesh):
    async with mesh.edge() as channel:
        yield channel


TOY = toy.Request(name="toys/1", text="hi")
GARBAGE = b"\xff\xff\xff"


class TestCredential:
    async def test_a_token_makes_the_caller(self, mesh, edge):
        answer = await toy.unary(edge, "Echo")(TOY, metadata=mesh.bearer())
        assert answer.text == "hi|user|users/alice|-"

    @pytest.mark.parametrize(
        "metadata",
        [
            [],
            [("authorization", "")],
            [("authorization", "Bearer")],
            [("authorization", "Bearer ")],
            [("authorization", "Bearer x.y.z")],
            [("authorization", "Basic YWxpY2U6aHVudGVyMg==")],
            [("authorization", "Bearer " + "a" * 9000)],
            [("x-forwarded-user", "users/alice"), ("x-weft-client-address", "1.2.3.4")],
        ],
        ids=repr,
    )
    async def test_no_credential_and_a_wrong_one_get_the_same_answer(self, mesh, edge, metadata):
        error = await refused(toy.unary(edge, "Echo")(TOY, metadata=metadata))
        assert (error.code(), error.details()) == (Code.UNAUTHENTICATED, UNAUTHENTICATED_MESSAGE)
        assert status.from_rpc_error(error).reason == "INVALID_CREDENTIAL"
        assert mesh.toy.reached == []

    async def test_two_credentials_are_none(self, mesh, edge):
        call = toy.unary(edge, "Echo")(TOY, metadata=mesh.bearer() * 2)
        assert await code_of(call) is Code.UNAUTHENTICATED

    async def test_a_token_for_somebody_else_is_refused(self, mesh, edge):
        token = mesh.signer.sign(
            CallerKind.USER, "users/alice", audience="workspaces/b", lifetime=timedelta(hours=1)
        )
        call = toy.unary(edge, "Echo")(TOY, metadata=[("authorization", f"Bearer {token}")])
        assert await code_of(call) is Code.UNAUTHENTICATED

    async def test_a_token_expires_though_it_was_verified_before(self, mesh, edge):
        bearer = mesh.bearer()
        await toy.unary(edge, "Echo")(TOY, metadata=bearer)
        mesh.clock.advance(minutes=11)
        assert await code_of(toy.unary(edge, "Echo")(TOY, metadata=bearer)) is Code.UNAUTHENTICATED

    async def test_a_bad_credential_is_refused_by_public_methods_too(self, mesh, edge):
        assert (await toy.unary(edge, "Ping")(TOY)).text == "hi|anonymous||-"
        call = toy.unary(edge, "Ping")(TOY, metadata=[("authorization", "Bearer x")])
        assert await code_of(call) is Code.UNAUTHENTICATED


class TestMeshListener:
    async def test_a_gateway_forwards_a_person(self, mesh):
        async with mesh.peer(Role.GATEWAY) as channel:
            answer = await toy.unary(channel, "Echo")(TOY, metadata=mesh.bearer())
        assert answer.text == "hi|user|users/alice|gateway"

    @pytest.mark.parametrize("role", [Role.WORKLOAD_MANAGER, Role.WORKSPACE, Role.CONTROL_PLANE])
    async def test_nobody_else_does(self, mesh, role):
        async with mesh.peer(role) as channel:
            call = toy.unary(channel, "Echo")(TOY, metadata=mesh.bearer())
            assert await code_of(call) is Code.UNAUTHENTICATED

    async def test_a_gateway_that_forwards_nobody_is_nobody(self, mesh):
        async with mesh.peer(Role.GATEWAY) as channel:
            assert await code_of(toy.unary(channel, "Echo")(TOY)) is Code.UNAUTHENTICATED

    async def test_a_peer_has_its_methods_and_not_those_of_another_role(self, mesh):
        async with mesh.peer(Role.GATEWAY) as gateway, mesh.peer(Role.WORKSPACE) as workspace:
            await toy.unary(gateway, "Gateways")(TOY)
            await toy.unary(workspace, "Peers")(TOY)
            assert await code_of(toy.unary(workspace, "Gateways")(TOY)) is Code.PERMISSION_DENIED

    async def test_a_forwarded_person_is_no_peer(self, mesh):
        async with mesh.peer(Role.GATEWAY) as channel:
            call = toy.unary(channel, "Gateways")(TOY, metadata=mesh.bearer())
            assert await code_of(call) is Code.PERMISSION_DENIED

    async def test_an_expired_certificate_ends_an_open_connection(self, mesh):
        async with mesh.peer(Role.GATEWAY, lifetime=timedelta(minutes=5)) as channel:
            stream = toy.bidi(channel, "PeerChat")()
            await stream.write(toy.Request(text="hi"))
            assert (await stream.read()).text == "hi"
            await toy.unary(channel, "Peers")(TOY)
            mesh.clock.advance(minutes=6)
            assert await code_of(toy.unary(channel, "Peers")(TOY)) is Code.UNAUTHENTICATED
            assert await stream.code() is Code.UNAUTHENTICATED

    async def test_a_denied_serial_ends_an_open_connection(self, mesh):
        pair = toy.issue(mesh.authority, toy.identity(Role.GATEWAY))
        async with mesh.mesh(pair) as channel, mesh.peer(Role.GATEWAY) as other:
            stream = toy.bidi(channel, "PeerChat")()
            await stream.write(toy.Request(text="hi"))
            assert (await stream.read()).text == "hi"
            mesh.denied_serials.replace([read_peer(pair.chain).serial])
            assert await code_of(toy.unary(channel, "Peers")(TOY)) is Code.UNAUTHENTICATED
            assert await stream.code() is Code.UNAUTHENTICATED
            await toy.unary(other, "Peers")(TOY)


class TestMethodPolicy:
    async def test_a_method_of_the_other_listener_does_not_exist(self, mesh, edge):
        for method in ("Gateways", "Peers"):
            call = toy.unary(edge, method)(TOY, metadata=mesh.bearer())
            assert await code_of(call) is Code.UNIMPLEMENTED
        async with mesh.peer(Role.GATEWAY) as channel:
            call = toy.unary(channel, "Edge")(TOY, metadata=mesh.bearer())
            assert await code_of(call) is Code.UNIMPLEMENTED
        assert (await toy.unary(edge, "Edge")(TOY, metadata=mesh.bearer())).text

    async def test_a_kind_of_principal_that_may_not_call(self, mesh, edge):
        run = mesh.bearer("projects/p/runs/r", kind=CallerKind.RUN)
        assert (await toy.unary(edge, "Runs")(TOY, metadata=run)).text
        assert await code_of(toy.unary(edge, "Echo")(TOY, metadata=run)) is Code.PERMISSION_DENIED
        call = toy.unary(edge, "Runs")(TOY, metadata=mesh.bearer())
        assert await code_of(call) is Code.PERMISSION_DENIED

    @pytest.mark.parametrize(
        "path",
        [
            f"//{toy.SERVICE}/Echo",
            f"/{toy.SERVICE}/Echo/",
            f"/{toy.SERVICE}//Echo",
            f"/{toy.SERVICE}/echo",
            f"/{toy.SERVICE.upper()}/Echo",
            f"/{toy.SERVICE}/%45cho",
            f"/{toy.SERVICE}/Ping/../Echo",
            f"/{toy.SERVICE}/Echo?x=1",
            f"/{toy.SERVICE}/",
            f"/grpc.health.v1.Health/Check/{toy.SERVICE}/Echo",
            "/",
        ],
    )
    async def test_another_spelling_of_a_path_reaches_nothing(self, mesh, edge, path):
        for metadata in ([], mesh.bearer()):
            call = toy.raw_unary(edge, path)(TOY.SerializeToString(), metadata=metadata)
            assert await code_of(call) is Code.UNIMPLEMENTED
        assert mesh.toy.reached == []


class TestRequest:
    @pytest.mark.parametrize("raw", [GARBAGE, b"\x0a\x02\xff\xfe", b"\x1a\x80\x01" * 40])
    async def test_bytes_that_are_no_message(self, mesh, edge, raw):
        call = toy.raw_unary(edge, toy.path("Echo"))
        error = await refused(call(raw, metadata=mesh.bearer()))
        assert error.code() is Code.INVALID_ARGUMENT
        assert status.from_rpc_error(error).reason == "MALFORMED_MESSAGE"
        assert await code_of(call(raw)) is Code.UNAUTHENTICATED

    async def test_a_nesting_bomb(self, mesh, edge):
        bomb = b""
        for _ in range(5000):
            bomb = b"\x1a" + _varint(len(bomb)) + bomb
        call = toy.raw_unary(edge, toy.path("Echo"))(bomb, metadata=mesh.bearer())
        assert await code_of(call) is Code.INVALID_ARGUMENT

    async def test_garbage_in_every_kind_of_call(self, mesh, edge):
        bearer = mesh.bearer()
        watch = edge.unary_stream(toy.path("Watch"))(GARBAGE, metadata=bearer)
        collect = edge.stream_unary(toy.path("Collect"))(iter([GARBAGE]), metadata=bearer)
        chat = edge.stream_stream(toy.path("Chat"))(iter([GARBAGE]), metadata=bearer)
        later = iter([TOY.SerializeToString(), GARBAGE])
        chat_later = edge.stream_stream(toy.path("Chat"))(later, metadata=bearer)
        assert await code_of(watch.read()) is Code.INVALID_ARGUMENT
        assert await code_of(collect) is Code.INVALID_ARGUMENT
        assert await code_of(chat.read()) is Code.INVALID_ARGUMENT
        await chat_later.read()
        assert await code_of(chat_later.read()) is Code.INVALID_ARGUMENT
        anonymous = edge.stream_stream(toy.path("Chat"))(iter([GARBAGE]))
        assert await anonymous.code() is Code.UNAUTHENTICATED

    async def test_too_large_a_message(self, mesh, edge):
        big = toy.Request(name="toys/1", text="x" * (5 << 20))
        call = toy.unary(edge, "Echo")(big, metadata=mesh.bearer())
        assert await code_of(call) is Code.RESOURCE_EXHAUSTED
        assert mesh.toy.reached == []

    async def test_a_gzip_bomb(self, mesh, edge):
        big = toy.Request(name="toys/1", text="x" * (100 << 20))
        call = toy.unary(edge, "Echo")(
            big, metadata=mesh.bearer(), compression=grpc.Compression.Gzip
        )
        assert await code_of(call) is Code.RESOURCE_EXHAUSTED
        assert mesh.toy.reached == []

    async def test_too_large_metadata(self, mesh, edge):
        metadata = [*mesh.bearer(), ("x-big", "x" * 20_000)]
        call = toy.unary(edge, "Echo")(TOY, metadata=metadata)
        assert await code_of(call) is Code.RESOURCE_EXHAUSTED
        assert mesh.toy.reached == []

    async def test_field_rules_are_checked_after_authorization(self, mesh, edge):
        long = "x" * 1_000_001
        bearer = mesh.bearer()
        allowed = toy.unary(edge, "Echo")(toy.Request(name="toys/1", text=long), metadata=bearer)
        error = await refused(allowed)
        assert error.code() is Code.INVALID_ARGUMENT
        found = status.from_rpc_error(error)
        assert [v.field for v in found.violations] == ["text"]
        denied = toy.unary(edge, "Echo")(toy.Request(name="cats/1", text=long), metadata=bearer)
        assert await code_of(denied) is Code.PERMISSION_DENIED

    async def test_an_extra_check_comes_last(self, mesh, edge):
        check = toy.unary(edge, "Checked")
        bearer = mesh.bearer()
        assert (await check(TOY, metadata=bearer)).text
        long = toy.Request(name="toys/1", text="too long")
        assert await code_of(check(long, metadata=bearer)) is Code.PERMISSION_DENIED
        bad = toy.Request(name="toys/1", text="x" * 1_000_001)
        assert await code_of(check(bad, metadata=bearer)) is Code.INVALID_ARGUMENT


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


class TestAuthorization:
    async def test_the_resource_that_the_request_names_decides(self, mesh, edge):
        call = toy.unary(edge, "Echo")(toy.Request(name="cats/1"), metadata=mesh.bearer())
        error = await refused(call)
        assert error.code() is Code.PERMISSION_DENIED
        assert status.from_rpc_error(error).metadata == {"permission": "toys.get"}
        assert mesh.toy.reached == []

    async def test_a_caller_without_a_grant_is_denied_even_with_garbage(self, mesh, edge):
        bob = mesh.bearer("users/bob")
        assert await code_of(toy.unary(edge, "Echo")(TOY, metadata=bob)) is Code.PERMISSION_DENIED

    async def test_denials_reach_the_audit_hook_and_successes_do_not(self, mesh, edge):
        await toy.unary(edge, "Echo")(TOY, metadata=mesh.bearer())
        await code_of(toy.unary(edge, "Write")(TOY, metadata=mesh.bearer("users/bob")))
        await code_of(toy.unary(edge, "Echo")(TOY))
        found = [
            (call.method, call.caller.subject, call.audit_resource, error.code)
            for call, error in mesh.denials
        ]
        assert found == [
            (toy.path("Write"), "users/bob", "toys/1", 7),
            (toy.path("Echo"), "", "", 16),
        ]

    @pytest.mark.parametrize("method", ["Watch", "Chat", "Collect"])
    async def test_streams_are_authorized_by_the_name_too(self, mesh, edge, method):
        cats = toy.Request(name="cats/1")
        if method == "Watch":
            call = toy.server_stream(edge, method)(cats, metadata=mesh.bearer())
        else:
            raw = iter([cats.SerializeToString()])
            kind = edge.stream_unary if method == "Collect" else edge.stream_stream
            call = kind(toy.path(method))(raw, metadata=mesh.bearer())
        assert await call.code() is Code.PERMISSION_DENIED

    async def test_a_stream_that_names_nothing_is_malformed(self, mesh, edge):
        call = edge.stream_unary(toy.path("Collect"))(iter([]), metadata=mesh.bearer())
        assert await code_of(call) is Code.INVALID_ARGUMENT

    async def test_a_stream_that_says_nothing_is_ended(self, tmp_path):
        async with toy.running(tmp_path, first_message_s=0.05) as mesh, mesh.edge() as channel:
            stream = toy.bidi(channel, "Chat")(metadata=mesh.bearer())
            assert await stream.code() is Code.DEADLINE_EXCEEDED

    async def test_the_first_message_is_still_there_for_the_servicer(self, mesh, edge):
        texts = [toy.Request(name="toys/1", text=text).SerializeToString() for text in "abc"]
        call = edge.stream_unary(toy.path("Collect"))(iter(texts), metadata=mesh.bearer())
        assert toy.Response.FromString(await call).text == "a,b,c"

    async def test_a_later_message_may_name_another_resource(self, mesh, edge):
        stream = toy.bidi(edge, "Chat")(metadata=mesh.bearer())
        for name in ("toys/1", "toys/2"):
            await stream.write(toy.Request(name=name, text=name))
            assert (await stream.read()).text == name
        await stream.write(toy.Request(name="cats/1"))
        assert await stream.code() is Code.PERMISSION_DENIED


class TestAnswer:
    async def test_a_write_answers_its_revision_and_its_audit_names(self, mesh, edge):
        call = toy.unary(edge, "Write")(TOY, metadata=mesh.bearer())
        assert (await call).text == "ToyService.Write toys/1"
        assert dict(await call.trailing_metadata())["x-weft-revision"] == "7"

    async def test_the_request_id_is_echoed_or_made(self, mesh, edge):
        own = [*mesh.bearer(), ("x-request-id", "req-1")]
        call = toy.unary(edge, "Echo")(TOY, metadata=own)
        await call
        assert dict(await call.trailing_metadata())["x-request-id"] == "req-1"
        bad = [*mesh.bearer(), ("x-request-id", "a b;" * 100)]
        call = toy.unary(edge, "Echo")(TOY, metadata=bad)
        await call
        assert len(dict(await call.trailing_metadata())["x-request-id"]) == 16

    async def test_a_refusal_carries_the_request_id_and_its_reason(self, mesh, edge):
        request = toy.Request(text="state")
        error = await refused(toy.unary(edge, "Fail")(request, metadata=mesh.bearer()))
        found = status.from_rpc_error(error)
        assert error.code() is Code.FAILED_PRECONDITION
        assert (found.reason, found.message) == ("ILLEGAL_TRANSITION", "Not now.")
        assert found.metadata == {"from": "DONE"}
        assert dict(error.trailing_metadata())["x-request-id"]

    async def test_a_bug_shows_nothing_but_the_request_id(self, mesh, edge):
        metadata = [*mesh.bearer(), ("x-request-id", "req-2")]
        error = await refused(toy.unary(edge, "Fail")(toy.Request(), metadata=metadata))
        assert (error.code(), error.details()) == (Code.INTERNAL, "internal error")
        assert status.from_rpc_error(error).metadata == {"requestId": "req-2"}
        assert "hunter2" not in repr(error.trailing_metadata())

    async def test_a_call_that_takes_too_long_is_ended(self, tmp_path):
        async with (
            toy.running(tmp_path, unary_deadline_s=0.05) as mesh,
            mesh.edge() as channel,
        ):
            call = toy.unary(channel, "Hang")(TOY, metadata=mesh.bearer())
            assert await code_of(call) is Code.DEADLINE_EXCEEDED
            assert mesh.toy.cleaned_up.is_set()

    async def test_a_callers_deadline_cancels_the_work(self, mesh, edge):
        call = toy.unary(edge, "Hang")(TOY, metadata=mesh.bearer(), timeout=0.2)
        assert await code_of(call) is Code.DEADLINE_EXCEEDED
        await mesh.toy.cleaned_up.wait()
