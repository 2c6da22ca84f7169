"""A toy service of every call kind, a toy mesh to serve it, and clients for both listeners."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from meshkit import certificates
from meshkit.access import MethodPolicy
from meshkit.authentication import DeniedSerials
from meshkit.caller import Caller, CallerKind, current_call
from meshkit.certificates import Authority
from meshkit.config import ServerSettings
from meshkit.credentials import Credentials, KeyPair, write_files
from meshkit.errors import FailedPrecondition, PermissionDenied
from meshkit.server import MeshServer, Service
from meshkit.spiffe import Role, SpiffeId
from meshkit.streams import current_stream
from meshkit.tokens import SigningKey, TokenSigner, TokenVerifier, TrustedIssuer
from tests.meshkit.described import DESCRIPTOR, SERVICE, Request, Response, add_to_server

DOMAIN = "test.mesh"
ISSUER = "https://issuer.test"
AUDIENCE = "workspaces/toy"


class Toy:
    """The servicer; it records what reached it."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.release = asyncio.Event()
        self.hanging = asyncio.Event()
        self.cleaned_up = asyncio.Event()

    async def _echo(self, request: Any, _context: Any) -> Any:
        call = current_call.get()
        self.reached.append(call.method)
        peer = call.caller.peer.role.value if call.caller.peer else "-"
        return Response(
            text=f"{request.text}|{call.caller.kind.value}|{call.caller.subject}|{peer}"
        )

    Echo = Checked = Ping = Runs = Edge = Gateways = Peers = _echo

    async def Write(self, request: Any, context: Any) -> Any:
        call = current_call.get()
        call.revision = 7
        return Response(text=f"{call.audit_action} {call.audit_resource}")

    async def Fail(self, request: Any, context: Any) -> Any:
        if request.text == "state":
            raise FailedPrecondition("ILLEGAL_TRANSITION", "Not now.", metadata={"from": "DONE"})
        raise RuntimeError("the password is hunter2")

    async def Hang(self, request: Any, context: Any) -> Any:
        self.hanging.set()
        try:
            await self.release.wait()
        finally:
            self.cleaned_up.set()
        return Response(text="released")

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        stream = current_stream.get()
        try:
            yield Response(text="open")
            yield Response(text="shared").SerializeToString()
            await stream.ending.wait()
            yield Response(text="reconnect")
        finally:
            self.cleaned_up.set()

    async def Flood(self, request: Any, context: Any) -> AsyncIterator[Any]:
        current_stream.get().cursor = "41"
        message = Response(text="x" * 1_000_000).SerializeToString()
        try:
            while True:
                yield message
        finally:
            self.cleaned_up.set()

    async def Collect(self, requests: AsyncIterator[Any], context: Any) -> Any:
        return Response(text=",".join([request.text async for request in requests]))

    async def Chat(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            if request.name:
                await current_stream.get().authorize(request.name)
            yield Response(text=request.text)

    PeerChat = Chat


class Policy:
    """An authorizer: subjects may do what `grants` says on resources below theirs."""

    def __init__(self) -> None:
        self.revision = 1
        self.grants: dict[str, str] = {"users/alice": "toys/", "projects/p/runs/r": "toys/"}

    async def authorize(
        self, caller: Caller, policy: MethodPolicy, resource: str, request: Any
    ) -> None:
        if caller.kind is CallerKind.PEER:
            return
        prefix = self.grants.get(caller.subject)
        if prefix is None or (policy.permission and not resource.startswith(prefix)):
            raise PermissionDenied(
                "NOT_PERMITTED", "Not permitted.", metadata={"permission": policy.permission}
            )

    def change(self, **grants: str) -> None:
        self.grants = {f"users/{name}": prefix for name, prefix in grants.items()}
        self.revision += 1


async def short_text(_caller: Caller, request: Any) -> None:
    """The toy's extra check."""
    if len(request.text) > 5:
        raise PermissionDenied("NOT_PERMITTED", "Too long a text for you.")


@dataclass
class ManualClock:
    """A clock that tests set; its monotonic side moves with it."""

    offset: timedelta = timedelta()
    base: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def monotonic(self) -> float:
        return self.base + self.offset.total_seconds()

    def advance(self, **span: float) -> None:
        self.offset += timedelta(**span)


def identity(role: Role, domain: str = DOMAIN) -> SpiffeId:
    return SpiffeId(domain, role, uuid4(), uuid4() if role is Role.WORKSPACE else None)


def issue(
    authority: Authority, who: SpiffeId, *, lifetime: timedelta = timedelta(days=1)
) -> KeyPair:
    key = certificates.new_key()
    chain = certificates.sign_leaf(
        authority,
        key.public_key(),
        who,
        now=datetime.now(UTC),
        lifetime=lifetime,
        extra_names=["localhost", "127.0.0.1"],
    )
    return KeyPair(certificates.key_to_pem(key), chain)


def credentials_for(directory: Path, authority: Authority, who: SpiffeId) -> Credentials:
    write_files(directory, issue(authority, who), authority.pem)
    return Credentials(directory)


@dataclass
class Mesh:
    """A started server with everything a test may turn."""

    server: MeshServer
    toy: Toy
    policy: Policy
    clock: ManualClock
    authority: Authority
    credentials: Credentials
    signer: TokenSigner
    issuer: TrustedIssuer
    denied_serials: DeniedSerials
    denials: list[tuple[Any, Any]]
    directory: Path

    def token(
        self,
        subject: str = "users/alice",
        kind: CallerKind = CallerKind.USER,
        lifetime: timedelta = timedelta(minutes=10),
    ) -> str:
        return self.signer.sign(kind, subject, audience=AUDIENCE, lifetime=lifetime)

    def bearer(self, subject: str = "users/alice", **more: Any) -> list[tuple[str, str]]:
        return [("authorization", f"Bearer {self.token(subject, **more)}")]

    def edge(self, *options: tuple[str, Any]) -> grpc.aio.Channel:
        roots = grpc.ssl_channel_credentials(self.authority.pem)
        return grpc.aio.secure_channel(
            f"localhost:{self.server.ports.edge}",
            roots,
            [("grpc.use_local_subchannel_pool", 1), *options],
        )

    def mesh(
        self, pair: KeyPair | None, *, target: SpiffeId | None = None, trust: bytes | None = None
    ) -> grpc.aio.Channel:
        key, chain = (pair.key, pair.chain) if pair else (None, None)
        name = (target or self.credentials.identity).dns_name
        return grpc.aio.secure_channel(
            f"127.0.0.1:{self.server.ports.mesh}",
            grpc.ssl_channel_credentials(trust or self.authority.pem, key, chain),
            [("grpc.ssl_target_name_override", name), ("grpc.use_local_subchannel_pool", 1)],
        )

    @asynccontextmanager
    async def peer(self, role: Role, **how: Any) -> AsyncIterator[grpc.aio.Channel]:
        """A channel of another service, with a certificate of its own."""
        async with self.mesh(issue(self.authority, identity(role), **how)) as channel:
            yield channel


@asynccontextmanager
async def running(directory: Path, **settings: Any) -> AsyncIterator[Mesh]:
    """Serves the toy as a workspace until the block ends."""
    authority = certificates.make_authority("toy CA", now=datetime.now(UTC))
    own = directory / "own"
    credentials = credentials_for(own, authority, identity(Role.WORKSPACE))
    clock, toy, policy = ManualClock(), Toy(), Policy()
    signer = TokenSigner(ISSUER, SigningKey.generate(), clock=clock)
    issuer = TrustedIssuer(ISSUER, frozenset({CallerKind.USER, CallerKind.RUN}))
    issuer.replace_keys(signer.jwks)
    denied_serials, denials = DeniedSerials(), []

    server = MeshServer(
        ServerSettings(credentials_dir=own, **{"stream_sweep_s": 0.02, "drain_s": 2.0, **settings}),
        credentials=credentials,
        services=[Service(DESCRIPTOR, add_to_server, toy)],
        verifier=TokenVerifier([issuer], audience=AUDIENCE, clock=clock),
        authorizer=policy,
        clock=clock,
        extra_checks={"short_text": short_text},
        denied=lambda call, error: denials.append((call, error)),
        denied_serials=denied_serials,
    )
    await server.start()
    mesh = Mesh(
        server,
        toy,
        policy,
        clock,
        authority,
        credentials,
        signer,
        issuer,
        denied_serials,
        denials,
        directory,
    )
    try:
        yield mesh
    finally:
        await server.stop()


async def build(settings: ServerSettings) -> MeshServer:
    """Composes the toy for a process of its own, which trusts no issuer of tokens."""
    clock = ManualClock()
    return MeshServer(
        settings,
        credentials=Credentials(settings.credentials_dir),
        services=[Service(DESCRIPTOR, add_to_server, Toy())],
        verifier=TokenVerifier([], audience=AUDIENCE, clock=clock),
        authorizer=Policy(),
        clock=clock,
        extra_checks={"short_text": short_text},
    )


@asynccontextmanager
async def process(directory: Path, **settings: Any) -> AsyncIterator[dict[str, Any]]:
    """Serves the toy in a process of its own; yields its pid and ports."""
    authority = certificates.make_authority("toy CA", now=datetime.now(UTC))
    own = directory / "own"
    write_files(own, issue(authority, identity(Role.WORKSPACE)), authority.pem)
    ready = directory / "ready.json"
    settings = {"credentials_dir": own, "ready_file": ready, **settings}
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(root / name) for name in (".", "generated")),
        **{f"WEFT_TOY_{name.upper()}": str(value) for name, value in settings.items()},
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.meshkit.toy_process", env=environment, stderr=PIPE
    )
    try:
        yield {**await _ready(child, ready), "authority": authority, "process": child}
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def _ready(child: asyncio.subprocess.Process, ready: Path) -> dict[str, Any]:
    assert child.stderr is not None
    said = b""
    async for line in child.stderr:
        if b'"event": "ready"' in line:
            ports: dict[str, Any] = json.loads(await asyncio.to_thread(ready.read_text))
            return ports
        said += line
    raise AssertionError(f"the toy ended with exit {await child.wait()}: {said.decode()}")


async def refused(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    """The error that a call ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value


async def code_of(call: Awaitable[Any]) -> grpc.StatusCode:
    return (await refused(call)).code()


def path(method: str) -> str:
    return f"/{SERVICE}/{method}"


def unary(channel: grpc.aio.Channel, method: str) -> Any:
    return channel.unary_unary(
        path(method),
        request_serializer=Request.SerializeToString,
        response_deserializer=Response.FromString,
    )


def raw_unary(channel: grpc.aio.Channel, method: str) -> Any:
    """Sends bytes as they are."""
    return channel.unary_unary(method)


def server_stream(channel: grpc.aio.Channel, method: str) -> Any:
    return channel.unary_stream(
        path(method),
        request_serializer=Request.SerializeToString,
        response_deserializer=Response.FromString,
    )


def bidi(channel: grpc.aio.Channel, method: str) -> Any:
    return channel.stream_stream(
        path(method),
        request_serializer=Request.SerializeToString,
        response_deserializer=Response.FromString,
    )
