"""The link: a stream to the control plane that brings what a service needs to decide alone.

Each message states the newest truth of its kind, so a link that broke loses nothing: the next
one begins with all of it. While the control plane is away the service goes on with what it
last heard.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import grpc
import structlog
from google.protobuf.message import DecodeError

from meshkit import certificates
from meshkit.authentication import DeniedSerials
from meshkit.chance import CHANCE
from meshkit.clock import Clock
from meshkit.credentials import Credentials, KeyPair
from meshkit.files import write_private
from meshkit.membership import Membership
from weftapi.controlplane.v1 import enrollment_pb2, enrollment_pb2_grpc

log = structlog.get_logger()

_HEALTH_INTERVAL_S = 10.0
# Three silent intervals of the control plane's heartbeat mean a dead connection (S18).
_SILENCE_S = 45.0
_BACKOFF_S = (0.5, 10.0)
_RENEWAL_CHECK_S = 60.0
_RENEWAL_RETRY_S = 1.0
_CALL_TIMEOUT_S = 10.0

# What is to be said; None ends it.
_Outgoing = asyncio.Queue[enrollment_pb2.LinkRequest | None]


class Member(Protocol):
    """What a service says on its link, and does with what it hears.

    `hear` gets policy, keys or directory; each replaces what was said before. Trust and
    heartbeats never reach it: the link itself looks after them.
    """

    def hello(self) -> enrollment_pb2.LinkHello: ...

    async def health(self) -> enrollment_pb2.LinkHealth: ...

    async def hear(self, message: enrollment_pb2.LinkResponse) -> None: ...


class Courier(Protocol):
    """What a service ships on its link, one batch at a time, in order and at least once.

    `acknowledge` gets what the control plane says has arrived: first of all on each link, and
    after each batch. `batches` begins anew with each link.
    """

    def acknowledge(self, position: enrollment_pb2.AuditPosition) -> None: ...

    def batches(self) -> AsyncIterator[enrollment_pb2.AuditBatch]: ...


class Link:
    """Keeps the link open and the certificate fresh; run it in a task of its own."""

    def __init__(
        self,
        membership: Membership,
        member: Member,
        *,
        denied_serials: DeniedSerials,
        clock: Clock,
        courier: Courier | None = None,
    ) -> None:
        self._membership = membership
        self._courier = courier
        self._credentials: Credentials = membership.credentials
        self._member = member
        self._denied_serials = denied_serials
        self._clock = clock
        self._changed = asyncio.Event()
        # Set where the root that signs is no longer the one that signed our certificate.
        self._outdated = asyncio.Event()
        # Whether all that the control plane has to say has been heard, and goes on being heard.
        self.is_connected = False

    def health_changed(self) -> None:
        """Tells the control plane at once, instead of at the next interval."""
        self._changed.set()

    async def run(self) -> None:
        """Links and renews until cancelled."""
        await self._recall()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stay_linked())
            tasks.create_task(self._stay_certified())

    async def _recall(self) -> None:
        """Hears the last link's trust and directory again: who restarts alone still needs them."""
        for kind in ("trust", "directory"):
            try:
                kept = enrollment_pb2.LinkResponse.FromString(self._file(kind).read_bytes())
            except (FileNotFoundError, DecodeError):
                continue
            await self._heed(kept)

    def _file(self, kind: str) -> Path:
        return self._credentials.directory / f"{kind}.pb"

    async def _stay_linked(self) -> None:
        delay = _BACKOFF_S[0]
        while True:
            try:
                await self._link()
                delay = _BACKOFF_S[0]
            except (grpc.aio.AioRpcError, TimeoutError) as error:
                log.warning("link_lost", error=_sentence(error))
            if self.is_connected:
                self.is_connected = False
                delay = _BACKOFF_S[0]
            # Full jitter: a thousand services must not come back in the same instant.
            await asyncio.sleep(_jitter(0, delay))
            delay = min(delay * 2, _BACKOFF_S[1])

    async def _link(self) -> None:
        # One message waits for the wire at most: what is said is as new as can be.
        outgoing: _Outgoing = asyncio.Queue(1)
        saying = [
            asyncio.create_task(self._say(outgoing)),
            asyncio.create_task(self._ship(outgoing)),
        ]
        try:
            async with self._channel() as channel:
                call = enrollment_pb2_grpc.EnrollmentServiceStub(channel).Link(_all(outgoing))
                answers = aiter(call)
                while True:
                    async with asyncio.timeout(_SILENCE_S):
                        answer = await anext(answers, None)
                    if answer is None:
                        return
                    await self._hear(answer)
        finally:
            for task in saying:
                task.cancel()
            await asyncio.gather(*saying, return_exceptions=True)
            _end(outgoing)

    async def _say(self, outgoing: _Outgoing) -> None:
        await outgoing.put(enrollment_pb2.LinkRequest(hello=self._member.hello()))
        while True:
            self._changed.clear()
            health = await self._member.health()
            health.trusted_roots.extend(_fingerprints(self._credentials.trust))
            await outgoing.put(enrollment_pb2.LinkRequest(health=health))
            try:
                async with asyncio.timeout(_HEALTH_INTERVAL_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _ship(self, outgoing: _Outgoing) -> None:
        if self._courier is not None:
            async for batch in self._courier.batches():
                await outgoing.put(enrollment_pb2.LinkRequest(audit=batch))

    async def _hear(self, answer: enrollment_pb2.LinkResponse) -> None:
        kind = answer.WhichOneof("message")
        if kind in {"trust", "directory"}:
            await asyncio.to_thread(write_private, self._file(kind), answer.SerializeToString())
        await self._heed(answer)
        # The directory ends the introduction. Before it the link is there, but what was decided
        # while it was not may be still to come: nothing old counts as confirmed by it.
        if kind == "directory" and not self.is_connected:
            self.is_connected = True
            log.info("linked", control_plane=str(self._membership.control_plane))

    async def _heed(self, answer: enrollment_pb2.LinkResponse) -> None:
        kind = answer.WhichOneof("message")
        if kind == "audit_position" and self._courier:
            self._courier.acknowledge(answer.audit_position)
        elif kind == "trust":
            self._trust(answer.trust)
        elif kind in {"policy", "keys", "directory"}:
            await self._member.hear(answer)
            if kind == "policy":
                # What it decides on now is known over there at once.
                self.health_changed()

    def _trust(self, trust: enrollment_pb2.Trust) -> None:
        self._denied_serials.replace([int(serial, 16) for serial in trust.denied_serials])
        bundle = trust.trust_bundle_pem.encode()
        if bundle and bundle != self._credentials.trust:
            self._credentials.install(self._credentials.pair, bundle)
            # A rollover waits to hear that its new root is trusted here.
            self._changed.set()
        if trust.signing_root and not self._is_signed_by(trust.signing_root):
            self._outdated.set()

    def _is_signed_by(self, fingerprint: str) -> bool:
        roots = certificates.load_chain(self._credentials.trust)
        signing = [root for root in roots if certificates.fingerprint(root) == fingerprint]
        leaf = certificates.load_chain(self._credentials.pair.chain)[0]
        return certificates.is_issued_by(leaf, signing)

    async def _stay_certified(self) -> None:
        while True:
            if self._outdated.is_set() or self._clock.now() >= self._credentials.half_life:
                try:
                    await self._renew()
                    self._outdated.clear()
                except (grpc.aio.AioRpcError, ValueError) as error:
                    log.warning("certificate_not_renewed", error=_sentence(error))
                    await asyncio.sleep(_RENEWAL_RETRY_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._until_renewal_s() * _jitter(1.0, 1.1)):
                    await self._outdated.wait()
                    # A thousand services hear of a new root in the same instant.
                    await asyncio.sleep(_jitter(0, _RENEWAL_RETRY_S))

    def _until_renewal_s(self) -> float:
        # Looked at now and then all the same: the clock may step.
        remaining = self._credentials.half_life - self._clock.now()
        return min(max(remaining.total_seconds(), _RENEWAL_RETRY_S), _RENEWAL_CHECK_S)

    async def _renew(self) -> None:
        key = certificates.new_key()
        request = enrollment_pb2.RenewCertificateRequest(
            certificate_request_pem=certificates.make_request(key).decode()
        )
        async with self._channel() as channel:
            stub = enrollment_pb2_grpc.EnrollmentServiceStub(channel)
            answer = await stub.RenewCertificate(request, timeout=_CALL_TIMEOUT_S)
        issued = answer.certificate
        pair = KeyPair(certificates.key_to_pem(key), issued.certificate_chain_pem.encode())
        self._credentials.install(pair, issued.trust_bundle_pem.encode())
        log.info("certificate_renewed", expire_time=self._credentials.expires_at.isoformat())

    def _channel(self) -> grpc.aio.Channel:
        # A channel for each link: it always begins with the newest certificate.
        options = [
            ("grpc.ssl_target_name_override", self._membership.control_plane.dns_name),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.http2.max_pings_without_data", 0),
        ]
        return grpc.aio.secure_channel(
            self._membership.mesh_endpoint, self._credentials.for_channel(), options=options
        )


def _fingerprints(bundle: bytes) -> list[str]:
    return [certificates.fingerprint(root) for root in certificates.load_chain(bundle)]


def _jitter(low: float, high: float) -> float:
    return CHANCE.uniform(low, high)


async def _all(outgoing: _Outgoing) -> AsyncIterator[enrollment_pb2.LinkRequest]:
    while (request := await outgoing.get()) is not None:
        yield request


def _end(outgoing: _Outgoing) -> None:
    """Lets go of who reads: gRPC waits for the next message also when its call has ended."""
    while not outgoing.empty():
        outgoing.get_nowait()
    outgoing.put_nowait(None)


def _sentence(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return str(error) or type(error).__name__
