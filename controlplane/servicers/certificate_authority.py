"""CertificateAuthorityService."""

from collections import Counter
from functools import partial

from controlplane.operations.rollover import Standing
from controlplane.rollover import Rollover
from controlplane.servicers.conversions import timestamp
from controlplane.store.schema_authority import Root
from meshkit.authentication import Context
from meshkit.idempotency import once
from weftapi.controlplane.v1 import certificate_authority_pb2 as pb
from weftapi.controlplane.v1 import certificate_authority_pb2_grpc

_MAX_WAITING = 100


class CertificateAuthorityServicer(
    certificate_authority_pb2_grpc.CertificateAuthorityServiceServicer
):
    def __init__(self, rollover: Rollover) -> None:
        self._rollover = rollover

    async def GetCertificateAuthority(
        self, request: pb.GetCertificateAuthorityRequest, _context: Context
    ) -> pb.CertificateAuthority:
        return standing_to_proto(request.name, await self._rollover.standing())

    async def StartRollover(
        self, request: pb.StartRolloverRequest, _context: Context
    ) -> pb.CertificateAuthority:
        return await self._rollover.start(
            once=once(request, pb.CertificateAuthority),
            reply=partial(standing_to_proto, request.name),
        )

    async def AdvanceRollover(
        self, request: pb.AdvanceRolloverRequest, _context: Context
    ) -> pb.CertificateAuthority:
        return await self._rollover.advance(
            is_forced=request.force,
            once=once(request, pb.CertificateAuthority),
            reply=partial(standing_to_proto, request.name),
        )

    async def RevertRollover(
        self, request: pb.RevertRolloverRequest, _context: Context
    ) -> pb.CertificateAuthority:
        return await self._rollover.revert(
            once=once(request, pb.CertificateAuthority),
            reply=partial(standing_to_proto, request.name),
        )


def standing_to_proto(name: str, standing: Standing) -> pb.CertificateAuthority:
    held = Counter(holder.root for holder in standing.holders)
    return pb.CertificateAuthority(
        name=name,
        phase=pb.RolloverPhase.Value(f"ROLLOVER_PHASE_{standing.phase.value}"),
        roots=[root_to_proto(root, held[root.fingerprint]) for root in standing.roots],
        waiting_for=standing.waiting[:_MAX_WAITING],
    )


def root_to_proto(root: Root, holder_count: int) -> pb.RootCertificate:
    return pb.RootCertificate(
        fingerprint=root.fingerprint,
        state=pb.RootState.Value(f"ROOT_STATE_{root.state}"),
        certificate_pem=root.certificate_pem,
        create_time=timestamp(root.create_time),
        expire_time=timestamp(root.not_after),
        holder_count=holder_count,
    )
