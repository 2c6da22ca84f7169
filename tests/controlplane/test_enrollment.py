"""Joining the mesh, renewing, and being thrown out of it."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from meshkit import certificates, membership
from meshkit.credentials import KeyPair
from meshkit.spiffe import Role
from tests.controlplane.harness import (
    GATEWAY,
    ORGANIZATION,
    WORKLOAD_MANAGER,
    WORKSPACE,
    Client,
    Member,
    Plane,
    refused,
)
from weftapi.controlplane.v1 import enrollment_pb2, enrollments_pb2

INVALID = ("UNAUTHENTICATED", "INVALID_ENROLLMENT")
BAD_REQUEST = ("INVALID_ARGUMENT", "INVALID_CERTIFICATE_REQUEST")
W1 = f"{ORGANIZATION}/workspaces/w1"


async def new_token(admin: Client, role: int = WORKSPACE) -> Any:
    return await admin.workspaces.CreateEnrollment(
        enrollments_pb2.CreateEnrollmentRequest(
            parent=ORGANIZATION, enrollment=enrollments_pb2.Enrollment(role=role, workspaces=[W1])
        )
    )


def enroll(client: Client, token: str, key: Any = None, *, request: bytes = b"") -> Any:
    pem = request or certificates.make_request(key or certificates.new_key())
    return client.enrollment.Enroll(
        enrollment_pb2.EnrollRequest(token=token, certificate_request_pem=pem.decode())
    )


async def renew(plane: Plane, member: Member, key: Any = None) -> Any:
    return await renew_over(await plane.mesh(member.pair), key)


async def renew_over(client: Client, key: Any = None) -> Any:
    pem = certificates.make_request(key or certificates.new_key()).decode()
    return await client.enrollment.RenewCertificate(
        enrollment_pb2.RenewCertificateRequest(certificate_request_pem=pem)
    )


async def test_a_service_becomes_what_its_enrollment_says(plane: Plane, admin: Client) -> None:
    workspace = await plane.new_workspace(admin, "w1")
    server = await plane.enroll(admin, WORKSPACE, "w1", host_names=("ws.example", "10.0.0.1"))
    assert (server.identity.role, str(server.identity.uid)) == (Role.WORKSPACE, workspace.uid)
    leaf = certificates.load_chain(server.pair.chain)[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [server.identity.dns_name, "ws.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert life == certificates.LEAF_LIFETIME + certificates.BACKDATE
    assert server.answer.control_plane_spiffe_id == str(plane.identity)
    assert server.answer.mesh_endpoint == f"localhost:{plane.server.ports.mesh}"
    for role, expected in ((WORKLOAD_MANAGER, Role.WORKLOAD_MANAGER), (GATEWAY, Role.GATEWAY)):
        member = await plane.enroll(admin, role, "w1")
        assert member.identity.role is expected
        assert str(member.identity.uid) == member.enrollment.uid


async def test_a_service_joins_as_meshkit_does_it(
    plane: Plane, admin: Client, tmp_path: Path
) -> None:
    await plane.new_workspace(admin, "w1")
    made = await new_token(admin)
    endpoint = f"localhost:{plane.server.ports.edge}"
    directory = tmp_path / "member"
    joined = await membership.join(directory, endpoint=endpoint, token=made.token)
    assert joined.credentials.identity.role is Role.WORKSPACE
    assert joined.control_plane == plane.identity
    other_ca = made.token[:-1] + ("0" if made.token[-1] != "0" else "1")
    with pytest.raises(membership.EnrollmentError, match="its CA is not the one"):
        await membership.join(tmp_path / "fooled", endpoint=endpoint, token=other_ca)


async def test_a_service_that_was_struck_off_joins_again_by_a_new_token(
    plane: Plane, admin: Client, tmp_path: Path
) -> None:
    await plane.new_workspace(admin, "w1")
    made = await new_token(admin)
    endpoint = f"localhost:{plane.server.ports.edge}"
    first = await membership.join(tmp_path, endpoint=endpoint, token=made.token)
    # Its token file still lies there: that is no reason to join again.
    same = await membership.join(tmp_path, endpoint=endpoint, token=made.token)
    assert same.credentials.serial == first.credentials.serial
    await admin.workspaces.RevokeEnrollment(
        enrollments_pb2.RevokeEnrollmentRequest(name=made.enrollment.name)
    )
    again = await new_token(admin)
    second = await membership.join(tmp_path, endpoint=endpoint, token=again.token)
    assert second.credentials.identity == first.credentials.identity
    assert second.credentials.serial != first.credentials.serial
    # One that is not good changes nothing.
    third = await membership.join(tmp_path, endpoint=endpoint, token=f"{again.token[:-1]}0")
    assert third.credentials.serial == second.credentials.serial
    # A crash between the key and the chain: the pending key says that joining goes on.
    key = certificates.new_key()
    (tmp_path / "pending-key.pem").write_bytes(certificates.key_to_pem(key))
    (tmp_path / "key.pem").write_bytes(certificates.key_to_pem(key))
    last = await new_token(admin)
    whole = await membership.join(tmp_path, endpoint=endpoint, token=last.token)
    assert whole.credentials.identity == first.credentials.identity


async def test_a_token_works_for_one_key(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    anyone = await plane.edge()
    made = await new_token(admin)
    key = certificates.new_key()
    first = await enroll(anyone, made.token, key)
    again = await enroll(anyone, made.token, key)
    assert first.certificate.spiffe_id == again.certificate.spiffe_id
    assert await refused(enroll(anyone, made.token)) == INVALID
    plane.clock.advance(hours=1)
    assert await refused(enroll(anyone, made.token, key)) == INVALID


async def test_of_fifty_keys_one_joins(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    made = await new_token(admin)
    anyone = await plane.edge()
    calls = (enroll(anyone, made.token) for _ in range(50))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1


async def test_bad_tokens_are_all_the_same(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    anyone = await plane.edge()
    revoked = await new_token(admin)
    await admin.workspaces.RevokeEnrollment(
        enrollments_pb2.RevokeEnrollmentRequest(name=revoked.enrollment.name)
    )
    other = (await new_token(admin)).token
    swapped = other[:20] + revoked.token[20:]
    for token in ("x", "weft_enroll_", swapped, revoked.token, revoked.token.upper()):
        assert await refused(enroll(anyone, token)) == INVALID


async def test_only_sound_requests_are_signed(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    anyone = await plane.edge()
    token = (await new_token(admin)).token
    for request in (b"x", _request(rsa.generate_private_key(65537, 2048)), _forged()):
        assert await refused(enroll(anyone, token, request=request)) == BAD_REQUEST
    p384 = _request(ec.generate_private_key(ec.SECP384R1()))
    assert await refused(enroll(anyone, token, request=p384)) == BAD_REQUEST
    assert (await enroll(anyone, token)).certificate.spiffe_id


async def test_a_request_cannot_ask_for_an_identity(plane: Plane, admin: Client) -> None:
    workspace = await plane.new_workspace(admin, "w1")
    anyone = await plane.edge()
    greedy = _request(
        certificates.new_key(),
        x509.UniformResourceIdentifier(str(plane.identity)),
        x509.DNSName(plane.identity.dns_name),
        x509.DNSName("bank.example"),
    )
    answer = await enroll(anyone, (await new_token(admin)).token, request=greedy)
    leaf = certificates.load_chain(answer.certificate.certificate_chain_pem.encode())[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [f"{workspace.uid}.workspace.weft.internal"]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


async def test_certificates_are_renewed_for_the_same_identity(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    member = await plane.enroll(admin, WORKSPACE, "w1")
    key = certificates.new_key()
    renewed = (await renew(plane, member, key)).certificate
    assert renewed.spiffe_id == str(member.identity)
    pair = KeyPair(certificates.key_to_pem(key), renewed.certificate_chain_pem.encode())
    fresh = Member(member.identity, pair, member.enrollment, member.answer)
    assert (await renew(plane, fresh)).certificate.spiffe_id == str(member.identity)
    people = await plane.mesh(fresh.pair, admin.tokens.access_token)
    request = enrollment_pb2.RenewCertificateRequest(certificate_request_pem="x")
    assert (await refused(people.enrollment.RenewCertificate(request)))[0] == "UNAUTHENTICATED"
    client = await plane.mesh(fresh.pair)
    assert await refused(client.enrollment.RenewCertificate(request)) == BAD_REQUEST
    on_edge = (await plane.edge()).enrollment.RenewCertificate(request)
    assert (await refused_code(on_edge)) == "UNIMPLEMENTED"


async def test_a_revoked_service_is_out_at_once(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    member = await plane.enroll(admin, WORKSPACE, "w1")
    fresh = await plane.enroll(admin, WORKSPACE, "w1")
    await admin.workspaces.RevokeEnrollment(
        enrollments_pb2.RevokeEnrollmentRequest(name=member.enrollment.name)
    )
    assert await refused(renew(plane, member)) == ("UNAUTHENTICATED", "INVALID_CREDENTIAL")
    # Another enrollment of the same workspace is not touched.
    assert (await renew(plane, fresh)).certificate.spiffe_id == str(fresh.identity)


async def test_an_expired_certificate_is_no_credential(plane: Plane, admin: Client) -> None:
    await plane.new_workspace(admin, "w1")
    member = await plane.enroll(admin, WORKSPACE, "w1")
    client = await plane.mesh(member.pair)
    await renew_over(client)
    # Connected before: by then the server has a certificate of that day, which TLS knows not yet.
    plane.clock.advance(seconds=plane.settings.certificate_s + 1)
    assert await refused(renew_over(client)) == ("UNAUTHENTICATED", "INVALID_CREDENTIAL")


async def refused_code(call: Any) -> str:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code().name
    raise AssertionError("the call was answered")


def _request(key: Any, *names: x509.GeneralName) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _forged() -> bytes:
    """A request whose signature was made over something else."""
    der = bytearray(
        x509.load_pem_x509_csr(certificates.make_request(certificates.new_key())).public_bytes(
            serialization.Encoding.DER
        )
    )
    der[-1] ^= 1
    return x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
