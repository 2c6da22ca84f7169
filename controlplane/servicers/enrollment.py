"""EnrollmentService: joining the mesh, staying in it, and the link."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration

from controlplane.ca import Issued
from controlplane.identity.opaque import read_enrollment_token
from controlplane.linking.conversation import Conversation, LinkTimes, News, silent, wakes
from controlplane.linking.health import LinkRegistry
from controlplane.linking.shipments import position_to_proto, read_batch
from controlplane.linking.statements import PeerStatement, PolicyStatement
from controlplane.operations import enrollments
from controlplane.operations.audit import Shipped
from controlplane.operations.links import Hello, Report
from controlplane.rollover import Rollover
from controlplane.servicers.conversions import timestamp
from controlplane.servicers.workspace_messages import PEER_ROLES
from meshkit import certificates
from meshkit.authentication import Context
from meshkit.caller import current_call
from meshkit.chain import Position
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import InvalidArgument
from meshkit.sleepers import Sleepers
from meshkit.spiffe import Role, SpiffeId
from meshkit.streams import current_stream
from weftapi.common.v1 import types_pb2
from weftapi.controlplane.v1 import enrollment_pb2, enrollment_pb2_grpc

Requests = AsyncIterator[enrollment_pb2.LinkRequest]


class EnrollmentServicer(enrollment_pb2_grpc.EnrollmentServiceServicer):
    """The certificate authority's front desk, and the links."""

    def __init__(
        self,
        database: Database,
        *,
        rollover: Rollover,
        registry: LinkRegistry,
        clock: Clock,
        times: LinkTimes,
        identity: SpiffeId,
        mesh_endpoint: Callable[[], str],
    ) -> None:
        self._database = database
        self._rollover = rollover
        self._registry = registry
        self._clock = clock
        self._times = times
        # One timer and one look at each change for all links, however many there are.
        self._sleepers = Sleepers(database.feed, wakes, patience_s=times.heartbeat_s)
        self._identity = identity
        self._mesh_endpoint = mesh_endpoint

    async def Enroll(
        self, request: enrollment_pb2.EnrollRequest, _context: Context
    ) -> enrollment_pb2.EnrollResponse:
        presented = read_enrollment_token(request.token)
        member = await self._database.read(enrollments.look_up, presented)
        # Who loses the race for the token never sees the certificate made in vain.
        issued = await self._rollover.issue(
            request.certificate_request_pem,
            member,
            lambda issued: self._database.write(enrollments.use, presented, issued),
        )
        return enrollment_pb2.EnrollResponse(
            certificate=self._certificate(issued),
            mesh_endpoint=self._mesh_endpoint(),
            control_plane_spiffe_id=str(self._identity),
        )

    async def RenewCertificate(
        self, request: enrollment_pb2.RenewCertificateRequest, context: Context
    ) -> enrollment_pb2.RenewCertificateResponse:
        serial = _serial(context)
        peer = str(current_call.get().caller.peer)
        member = await self._database.read(enrollments.look_up_member, serial, peer)
        issued = await self._rollover.issue(
            request.certificate_request_pem,
            member,
            lambda issued: self._database.write(enrollments.renew, serial, issued),
        )
        return enrollment_pb2.RenewCertificateResponse(certificate=self._certificate(issued))

    async def Link(
        self, requests: Requests, _context: Context
    ) -> AsyncIterator[enrollment_pb2.LinkResponse]:
        peer = _peer()
        link = await self._registry.open(str(peer), await _read_hello(requests, self._times))
        conversation = Conversation(
            peer,
            link,
            database=self._database,
            registry=self._registry,
            clock=self._clock,
            times=self._times,
            sleepers=self._sleepers,
        )
        try:
            async for news in _converse(conversation, requests):
                if isinstance(news, Position):
                    yield enrollment_pb2.LinkResponse(audit_position=position_to_proto(news))
                    continue
                for response in self._responses(news):
                    yield response
        finally:
            await self._registry.close(link)

    def _certificate(self, issued: Issued) -> enrollment_pb2.IssuedCertificate:
        return enrollment_pb2.IssuedCertificate(
            spiffe_id=str(issued.identity),
            certificate_chain_pem=issued.chain.decode(),
            trust_bundle_pem=self._rollover.authority.trust_bundle.decode(),
            expire_time=timestamp(issued.not_after),
        )

    def _responses(self, news: News) -> list[enrollment_pb2.LinkResponse]:
        """The messages of one piece of news; the directory last, as it ends an introduction.

        Keys and trust come before the policy: from a policy on its hearer decides again, and
        must not by keys and certificates that were withdrawn meanwhile.
        """
        told, answer = news.statements, enrollment_pb2.LinkResponse
        responses = []
        if news.keys:
            keys = [types_pb2.JsonWebKey(**dict(key)) for key in told.keys]
            responses.append(answer(keys=types_pb2.JsonWebKeySet(keys=keys)))
        if news.trust:
            trust = enrollment_pb2.Trust(
                trust_bundle_pem=told.trust.bundle_pem,
                signing_root=told.trust.signing_root,
                denied_serials=told.trust.denied_serials,
            )
            responses.append(answer(trust=trust))
        if news.policy and told.policy:
            policy = policy_to_proto(told.policy, self._times.policy_max_age)
            policy.revision = told.revision
            policy.time.FromDatetime(told.time)
            responses.append(answer(policy=policy))
        if news.directory:
            peers = [peer_to_proto(peer) for peer in told.directory]
            responses.append(answer(directory=enrollment_pb2.Directory(peers=peers)))
        if news.heartbeat:
            heartbeat = enrollment_pb2.LinkHeartbeat(time=timestamp(self._clock.now()))
            responses.append(answer(heartbeat=heartbeat))
        return responses


async def _converse(
    conversation: Conversation, requests: Requests
) -> AsyncIterator[News | Position]:
    """Listens and speaks until the service hangs up, falls silent, or the stream must end."""
    news = conversation.speak()
    ends: list[asyncio.Task[None]] = [
        asyncio.create_task(conversation.listen(_heard(requests))),
        asyncio.create_task(_ended()),
    ]
    telling = asyncio.create_task(_next(news))
    placing = asyncio.create_task(conversation.positions.get())
    try:
        while True:
            await asyncio.wait({telling, placing, *ends}, return_when=asyncio.FIRST_COMPLETED)
            for task in ends:
                if task.done():
                    task.result()
                    return
            if telling.done():
                yield telling.result()
                telling = asyncio.create_task(_next(news))
            if placing.done():
                yield placing.result()
                placing = asyncio.create_task(conversation.positions.get())
    finally:
        tasks: list[asyncio.Task[Any]] = [*ends, telling, placing]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await news.aclose()


async def _next(news: AsyncGenerator[News]) -> News:
    return await anext(news)


async def _ended() -> None:
    await current_stream.get().ending.wait()


async def _read_hello(requests: Requests, times: LinkTimes) -> Hello:
    try:
        async with asyncio.timeout(times.silence_s):
            first = await anext(requests, None)
    except TimeoutError as error:
        raise silent() from error
    if first is None or first.WhichOneof("message") != "hello":
        raise _out_of_order("The first message of a link must be its hello.")
    hello = first.hello
    return Hello(hello.version, hello.edge_endpoint, hello.mesh_endpoint, tuple(hello.features))


async def _heard(requests: Requests) -> AsyncIterator[Report | Shipped]:
    is_workspace = _peer().role is Role.WORKSPACE
    async for request in requests:
        kind = request.WhichOneof("message")
        if kind == "audit" and is_workspace:
            yield read_batch(request.audit)
        elif kind == "health":
            yield _report(request.health)
        else:
            raise _out_of_order("After its hello a link says how it is, and what it recorded.")


def _report(health: enrollment_pb2.LinkHealth) -> Report:
    checks = tuple(
        {"name": check.name, "healthy": check.healthy, "message": check.message}
        for check in health.checks
    )
    has_usage = health.HasField("usage")
    usage = {field.name: value for field, value in health.usage.ListFields()} if has_usage else None
    return Report(checks, health.policy_revision, usage, tuple(health.trusted_roots))


def _peer() -> SpiffeId:
    """The service that calls; meshkit has verified it."""
    peer = current_call.get().caller.peer
    assert peer is not None
    return peer


def _out_of_order(message: str) -> InvalidArgument:
    return InvalidArgument("MALFORMED_MESSAGE", message)


def _serial(context: Context) -> str:
    """The serial of the certificate that the caller uses; meshkit has verified it."""
    (pem,) = context.auth_context()["x509_pem_cert"]
    return f"{certificates.read_peer(pem).serial:x}"


def policy_to_proto(policy: PolicyStatement, max_age: timedelta) -> enrollment_pb2.Policy:
    message = enrollment_pb2.Policy(
        workspace=policy.workspace,
        roles=[
            enrollment_pb2.PolicyRole(role=role, permissions=permissions)
            for role, permissions in policy.roles
        ],
        grants=[
            enrollment_pb2.PolicyGrant(
                subject=grant.subject,
                role=grant.role,
                resource=grant.resource,
                expire_time=timestamp(grant.expire_time),
            )
            for grant in policy.grants
        ],
        revocations=[
            enrollment_pb2.Revocation(
                subject=revocation.subject, not_before=timestamp(revocation.not_before)
            )
            for revocation in policy.revocations
        ],
    )
    message.max_age.CopyFrom(Duration(seconds=int(max_age.total_seconds())))
    return message


def peer_to_proto(peer: PeerStatement) -> enrollment_pb2.DirectoryPeer:
    return enrollment_pb2.DirectoryPeer(
        spiffe_id=peer.spiffe_id,
        role=PEER_ROLES[peer.role],
        mesh_endpoint=peer.mesh_endpoint,
        edge_endpoint=peer.edge_endpoint,
        workspaces=peer.workspaces,
        display_name=peer.display_name,
    )
