"""A new root for the mesh: trusted first, then signing, and nobody lost on the way."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
import sqlalchemy as sa

from controlplane.store.schema_authority import Root
from meshkit import certificates
from meshkit.authentication import DeniedSerials
from meshkit.credentials import KeyPair
from meshkit.database import Session
from meshkit.link import Link
from meshkit.membership import EnrollmentError, Membership, join
from tests.controlplane.harness import (
    ORGANIZATION,
    WORKSPACE,
    Client,
    Member,
    Plane,
    refused,
    running,
)
from weftapi.controlplane.v1 import certificate_authority_pb2 as pb
from weftapi.controlplane.v1 import (
    certificate_authority_pb2_grpc,
    enrollment_pb2,
    enrollments_pb2,
)

NAME = f"{ORGANIZATION}/certificateAuthority"
W1 = f"{ORGANIZATION}/workspaces/w1"
WAITS = ("FAILED_PRECONDITION", "ROLLOVER_WAITS")
NONE = ("FAILED_PRECONDITION", "NO_ROLLOVER")
STANDBY, TRUSTING, ISSUING = (
    pb.ROLLOVER_PHASE_STANDBY,
    pb.ROLLOVER_PHASE_TRUSTING,
    pb.ROLLOVER_PHASE_ISSUING,
)
PATIENCE_S = 30.0


class Silent:
    """A member that has nothing to say but that it is there."""

    def hello(self) -> enrollment_pb2.LinkHello:
        return enrollment_pb2.LinkHello(version="1", mesh_endpoint="mesh:1")

    async def health(self) -> enrollment_pb2.LinkHealth:
        return enrollment_pb2.LinkHealth()

    async def hear(self, message: enrollment_pb2.LinkResponse) -> None:
        pass


class Authority:
    """The certificate authority as an administrator sees it."""

    def __init__(self, client: Client) -> None:
        self._stub = certificate_authority_pb2_grpc.CertificateAuthorityServiceStub(client.channel)

    async def get(self) -> pb.CertificateAuthority:
        return await self._stub.GetCertificateAuthority(
            pb.GetCertificateAuthorityRequest(name=NAME)
        )

    async def start(self, **fields: str) -> pb.CertificateAuthority:
        return await self._stub.StartRollover(pb.StartRolloverRequest(name=NAME, **fields))

    async def advance(self, *, force: bool = False) -> pb.CertificateAuthority:
        request = pb.AdvanceRolloverRequest(name=NAME, force=force)
        return await self._stub.AdvanceRollover(request)

    async def revert(self) -> pb.CertificateAuthority:
        return await self._stub.RevertRollover(pb.RevertRolloverRequest(name=NAME))

    async def until_nobody_lags(self) -> pb.CertificateAuthority:
        return await eventually(self.get, lambda found: not found.waiting_for)

    async def roll(self) -> pb.CertificateAuthority:
        """A whole rollover, waiting for the members that are there."""
        await self.start()
        await self.until_nobody_lags()
        await self.advance()
        await self.until_nobody_lags()
        return await self.advance()


async def eventually(read: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """What services do in their own time has no call of ours to wait on."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds(found := await read()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


def fingerprints(found: pb.CertificateAuthority) -> dict[int, str]:
    return {root.state: root.fingerprint for root in found.roots}


def issuer_of(pair: KeyPair, found: pb.CertificateAuthority) -> str:
    """The root that signed a leaf."""
    leaf = certificates.load_chain(pair.chain)[0]
    (root,) = (
        root.fingerprint
        for root in found.roots
        if certificates.is_issued_by(leaf, certificates.load_chain(root.certificate_pem.encode()))
    )
    return root


def own_issuer(plane: Plane, found: pb.CertificateAuthority) -> str:
    """The root of the control plane's own certificate."""
    chain = (plane.settings.credentials_dir / "chain.pem").read_bytes()
    return issuer_of(KeyPair(b"", chain), found)


async def token(admin: Client) -> str:
    enrollment = enrollments_pb2.Enrollment(role=WORKSPACE, workspaces=[W1])
    request = enrollments_pb2.CreateEnrollmentRequest(parent=ORGANIZATION, enrollment=enrollment)
    return (await admin.workspaces.CreateEnrollment(request)).token


async def joined(plane: Plane, admin: Client, directory: Path) -> Membership:
    endpoint = f"localhost:{plane.server.ports.edge}"
    return await join(directory, endpoint=endpoint, token=await token(admin))


@asynccontextmanager
async def linked(plane: Plane, membership: Membership) -> AsyncIterator[None]:
    """The service's own side of the link, as every server runs it."""
    link = Link(membership, Silent(), denied_serials=DeniedSerials(), clock=plane.clock)
    task = asyncio.create_task(link.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def renewed(plane: Plane, pair: KeyPair) -> Any:
    client = await plane.mesh(pair)
    pem = certificates.make_request(certificates.new_key()).decode()
    return await client.enrollment.RenewCertificate(
        enrollment_pb2.RenewCertificateRequest(certificate_request_pem=pem)
    )


async def test_members_follow_a_rollover_by_themselves(
    plane: Plane, admin: Client, tmp_path: Path
) -> None:
    await plane.new_workspace(admin, "w1")
    membership = await joined(plane, admin, tmp_path / "member")
    authority = Authority(admin)
    old = fingerprints(await authority.get())[pb.ROOT_STATE_ACTIVE]
    async with linked(plane, membership):
        started = await authority.start()
        assert started.phase == TRUSTING
        new = fingerprints(started)[pb.ROOT_STATE_INCOMING]
        trusting = await authority.until_nobody_lags()
        assert issuer_of(membership.credentials.pair, trusting) == old
        issuing = await authority.advance()
        assert issuing.phase == ISSUING
        assert fingerprints(issuing) == {pb.ROOT_STATE_ACTIVE: new, pb.ROOT_STATE_OUTGOING: old}
        caught_up = await authority.until_nobody_lags()
        assert {root.fingerprint: root.holder_count for root in caught_up.roots} == {new: 1, old: 0}
        done = await authority.advance()
        assert done.phase == STANDBY
        assert fingerprints(done) == {pb.ROOT_STATE_ACTIVE: new}
        await eventually(
            lambda: asyncio.sleep(0, membership.credentials.trust), lambda pem: pem == plane.trust
        )
        assert issuer_of(membership.credentials.pair, done) == new
    # The control plane renewed too, and whoever trusts the new root alone reaches it.
    assert len(certificates.load_chain(plane.trust)) == 1
    assert (await plane.sign_in()).subject == admin.subject


async def test_who_lags_is_waited_for_or_left_behind_by_force(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    away = await plane.enroll(admin, WORKSPACE, "w1")
    authority = Authority(admin)
    await authority.start()
    assert await refused(authority.advance()) == WAITS
    assert (await authority.get()).waiting_for == [str(away.identity)]
    issuing = await authority.advance(force=True)
    assert issuing.waiting_for == [str(away.identity)]
    assert await refused(authority.advance()) == WAITS
    done = await authority.advance(force=True)
    assert done.phase == STANDBY

    async def renew() -> str:
        try:
            await renewed(plane, away.pair)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    # It cannot return silently: its certificate is good for nothing any more, a moment later.
    # By the deny-list, or in the handshake once the listener trusts the new root alone.
    await eventually(renew, lambda code: code in {"UNAUTHENTICATED", "UNAVAILABLE"})
    again = await plane.enroll(admin, WORKSPACE, "w1")
    assert issuer_of(again.pair, done) == fingerprints(done)[pb.ROOT_STATE_ACTIVE]
    await renewed(plane, again.pair)


async def test_an_open_connection_ends_with_the_root_that_it_was_made_under(
    plane: Plane, admin: Client
) -> None:
    await plane.new_workspace(admin, "w1")
    away = await plane.enroll(admin, WORKSPACE, "w1")
    connected = await plane.mesh(away.pair)

    async def renew() -> str:
        pem = certificates.make_request(certificates.new_key()).decode()
        request = enrollment_pb2.RenewCertificateRequest(certificate_request_pem=pem)
        try:
            await connected.enrollment.RenewCertificate(request)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    assert await renew() == "OK"
    authority = Authority(admin)
    for step in (authority.start(), authority.advance(force=True), authority.advance(force=True)):
        await step
    # The server hears of its own rollover as of everybody else's: a moment later.
    await eventually(renew, "UNAUTHENTICATED".__eq__)


async def test_trust_is_taken_back_before_anything_was_signed(plane: Plane, admin: Client) -> None:
    authority = Authority(admin)
    before = await authority.get()
    await authority.start()
    assert await authority.revert() == before
    assert await refused(authority.revert()) == NONE
    assert await refused(authority.advance()) == NONE
    keys = list((plane.settings.data_dir / "ca-keys").iterdir())
    assert len(keys) == 1
    assert certificates.load_chain(plane.trust) == certificates.load_chain(
        before.roots[0].certificate_pem.encode()
    )


async def test_the_old_root_signs_again_after_going_back(
    plane: Plane, admin: Client, tmp_path: Path
) -> None:
    await plane.new_workspace(admin, "w1")
    membership = await joined(plane, admin, tmp_path / "member")
    authority = Authority(admin)
    before = await authority.get()
    async with linked(plane, membership):
        await authority.start()
        await authority.until_nobody_lags()
        await authority.advance()
        await authority.until_nobody_lags()
        back = await authority.revert()
        assert back.phase == ISSUING
        assert fingerprints(back)[pb.ROOT_STATE_ACTIVE] == before.roots[0].fingerprint
        await authority.until_nobody_lags()
        done = await authority.advance()
    assert fingerprints(done) == fingerprints(before)
    assert issuer_of(membership.credentials.pair, done) == before.roots[0].fingerprint


async def test_a_restart_goes_on_in_the_same_phase(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path, database_url) as plane:
        admin = await plane.set_up()
        await plane.new_workspace(admin, "w1")
        membership = await joined(plane, admin, tmp_path / "member")
        async with linked(plane, membership):
            await Authority(admin).start()
            trusting = await Authority(admin).until_nobody_lags()
    async with running(tmp_path, database_url) as plane:
        authority = Authority(await plane.sign_in())
        assert await authority.get() == trusting
        assert (await authority.advance()).phase == ISSUING
    async with running(tmp_path, database_url) as plane:
        authority = Authority(await plane.sign_in())
        issuing = await authority.get()
        assert issuing.phase == ISSUING
        assert own_issuer(plane, issuing) == fingerprints(issuing)[pb.ROOT_STATE_ACTIVE]


async def test_a_start_removes_the_keys_that_a_killed_process_left(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with running(tmp_path, sqlite_url) as plane:
        keys = plane.settings.data_dir / "ca-keys"
        (own,) = keys.iterdir()
    old, young = keys / f"{'0' * 64}.pem", keys / f"{'1' * 64}.pem"
    for orphan in (old, young):
        orphan.write_bytes(own.read_bytes())
    long_ago = own.stat().st_mtime - 3600
    os.utime(old, (long_ago, long_ago))
    os.utime(own, (long_ago, long_ago))
    async with running(tmp_path, sqlite_url):
        # One that was just made may be about to be named by another replica.
        assert {path.name for path in keys.iterdir()} == {own.name, young.name}


async def test_a_service_joins_while_a_rollover_is_under_way(
    plane: Plane, admin: Client, tmp_path: Path
) -> None:
    await plane.new_workspace(admin, "w1")
    endpoint = f"localhost:{plane.server.ports.edge}"
    authority = Authority(admin)
    early, late = await token(admin), await token(admin)
    await authority.start()
    membership = await join(tmp_path / "early", endpoint=endpoint, token=early)
    assert membership.credentials.trust == plane.trust
    issuing = await authority.advance(force=True)
    active = fingerprints(issuing)[pb.ROOT_STATE_ACTIVE]
    await eventually(lambda: asyncio.sleep(0, own_issuer(plane, issuing)), active.__eq__)
    with pytest.raises(EnrollmentError, match="create a new one"):
        await join(tmp_path / "late", endpoint=endpoint, token=late)
    await joined(plane, admin, tmp_path / "late")


async def test_of_two_who_start_at_once_one_does(plane: Plane, admin: Client) -> None:
    authority = Authority(admin)
    outcomes = await asyncio.gather(*(authority.start() for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(each, pb.CertificateAuthority) for each in outcomes) == 1
    codes = {each.code() for each in outcomes if isinstance(each, grpc.aio.AioRpcError)}
    assert codes == {grpc.StatusCode.FAILED_PRECONDITION}
    assert len(list((plane.settings.data_dir / "ca-keys").iterdir())) == 2


async def test_a_repeated_start_is_one(plane: Plane, admin: Client) -> None:
    authority, id_ = Authority(admin), str(uuid4())
    first = await authority.start(request_id=id_)
    assert await authority.start(request_id=id_) == first
    assert len(list((plane.settings.data_dir / "ca-keys").iterdir())) == 2


async def test_only_administrators_of_the_first_organization_look_after_it(
    plane: Plane, admin: Client
) -> None:
    viewer = Authority(await plane.new_user(admin, "vi@example.com", role="viewer"))
    denied = ("PERMISSION_DENIED", "NOT_PERMITTED")
    for call in (viewer.get(), viewer.start(), viewer.advance(), viewer.revert()):
        assert await refused(call) == denied


async def test_a_member_that_lies_about_its_trust_harms_itself_alone(
    plane: Plane, admin: Client
) -> None:
    await plane.new_workspace(admin, "w1")
    member: Member = await plane.enroll(admin, WORKSPACE, "w1")
    link = await plane.link(member)
    authority = Authority(admin)
    new = fingerprints(await authority.start())[pb.ROOT_STATE_INCOMING]
    health = enrollment_pb2.LinkHealth(trusted_roots=[new])
    await link.call.write(enrollment_pb2.LinkRequest(health=health))
    await authority.until_nobody_lags()
    await authority.advance()
    # It says that it follows, but only a renewed certificate counts.
    assert await refused(authority.advance()) == WAITS


async def test_what_is_issued_is_of_the_root_that_signs_by_then(
    plane: Plane, admin: Client
) -> None:
    """A replica that has not heard of a rollover yet signs with the root of before."""
    await plane.new_workspace(admin, "w1")
    authority = Authority(admin)
    await authority.start()
    roots = {root.state: root for root in (await authority.get()).roots}
    door = await plane.database()

    def advance_unheard(session: Session) -> None:
        for root in session.scalars(sa.select(Root)):
            root.state = "OUTGOING" if root.state == "ACTIVE" else "ACTIVE"

    await door.write(advance_unheard)
    member = await plane.enroll(admin, WORKSPACE, "w1")
    found = await authority.get()
    assert issuer_of(member.pair, found) == roots[pb.ROOT_STATE_INCOMING].fingerprint
    # So is a certificate that is renewed.
    await door.write(advance_unheard)
    request = enrollment_pb2.RenewCertificateRequest(
        certificate_request_pem=certificates.make_request(certificates.new_key()).decode()
    )
    client = await plane.mesh(member.pair)
    renewed = (await client.enrollment.RenewCertificate(request)).certificate
    pair = KeyPair(b"", renewed.certificate_chain_pem.encode())
    assert issuer_of(pair, found) == roots[pb.ROOT_STATE_ACTIVE].fingerprint
