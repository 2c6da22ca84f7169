import asyncio
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from meshkit import certificates
from meshkit.credentials import Credentials, KeyPair, PublicPair, write_files
from meshkit.spiffe import Role
from tests.meshkit import toy

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority():
    return certificates.make_authority("test CA", now=datetime.now(UTC))


def leaf_of(pem: bytes) -> x509.Certificate:
    return certificates.load_chain(pem)[0]


class TestCertificates:
    def test_a_leaf_carries_one_uri_its_dns_name_and_the_extra_names(self):
        authority = certificates.make_authority("CA", now=NOW)
        who = toy.identity(Role.WORKSPACE)
        pem = certificates.sign_leaf(
            authority,
            certificates.new_key().public_key(),
            who,
            now=NOW,
            lifetime=timedelta(days=7),
            extra_names=["localhost", "127.0.0.1"],
        )
        names = leaf_of(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier) == [str(who)]
        assert names.get_values_for_type(x509.DNSName) == [who.dns_name, "localhost"]
        assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
        peer = certificates.read_peer(pem)
        assert peer.identity == who
        assert peer.not_before < NOW
        assert peer.not_after == NOW + timedelta(days=7)
        assert certificates.is_issued_by(leaf_of(pem), [authority.certificate])
        other = certificates.make_authority("CA", now=NOW)
        assert not certificates.is_issued_by(leaf_of(pem), [other.certificate])

    def test_a_leaf_never_outlives_its_authority(self):
        authority = certificates.make_authority("CA", now=NOW, lifetime=timedelta(days=2))
        who = toy.identity(Role.GATEWAY)
        pem = certificates.sign_leaf(
            authority, certificates.new_key().public_key(), who, now=NOW, lifetime=timedelta(days=9)
        )
        assert leaf_of(pem).not_valid_after_utc == NOW + timedelta(days=2)

    def test_the_key_of_a_request_is_taken_only_when_its_holder_signed(self):
        key = certificates.new_key()
        request = certificates.make_request(key)
        assert certificates.request_key(request) == key.public_key()
        loaded = x509.load_pem_x509_csr(request)
        der = bytearray(loaded.public_bytes(serialization.Encoding.DER))
        der[-1] ^= 1
        forged = ssl.DER_cert_to_PEM_cert(bytes(der)).replace("CERTIFICATE", "CERTIFICATE REQUEST")
        with pytest.raises(ValueError, match="signed by its own key"):
            certificates.request_key(forged.encode())

    @pytest.mark.parametrize("garbage", [b"", b"-----BEGIN CERTIFICATE REQUEST-----\nAA==\n"])
    def test_a_malformed_request_is_a_value_error(self, garbage):
        with pytest.raises(ValueError, match="malformed"):
            certificates.request_key(garbage)

    def test_a_request_with_an_rsa_key_is_refused(self):
        key = rsa.generate_private_key(65537, 2048)
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        with pytest.raises(ValueError, match="P-256"):
            certificates.request_key(pem)

    @pytest.mark.parametrize("uris", [0, 2])
    def test_a_certificate_without_exactly_one_uri_has_no_identity(self, authority, uris):
        pem = leaf_with_uris(authority, [str(toy.identity(Role.GATEWAY)) for _ in range(uris)])
        with pytest.raises(ValueError, match="not one"):
            certificates.read_peer(pem.chain)

    def test_a_fingerprint_is_what_openssl_prints(self, authority):
        der = authority.certificate.public_bytes(serialization.Encoding.DER)
        digest = hashes.Hash(hashes.SHA256())
        digest.update(der)
        expected = "sha256:" + digest.finalize().hex()
        assert certificates.fingerprint(authority.certificate) == expected


def leaf_with_uris(authority: certificates.Authority, uris: list[str]) -> KeyPair:
    key = certificates.new_key()
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), *map(x509.UniformResourceIdentifier, uris)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    chain = certificate.public_bytes(serialization.Encoding.PEM)
    return KeyPair(certificates.key_to_pem(key), chain)


class TestFiles:
    def test_the_key_is_readable_by_its_owner_alone(self, tmp_path, authority):
        who = toy.identity(Role.GATEWAY)
        write_files(tmp_path / "own", toy.issue(authority, who), authority.pem)
        assert (tmp_path / "own" / "key.pem").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700
        assert sorted(p.name for p in (tmp_path / "own").iterdir()) == [
            "chain.pem",
            "key.pem",
            "trust.pem",
        ]

    def test_new_files_move_the_version_once(self, tmp_path, authority):
        who = toy.identity(Role.GATEWAY)
        credentials = toy.credentials_for(tmp_path, authority, who)
        before, serial = credentials.version, credentials.serial
        assert not credentials.refresh()
        write_files(tmp_path, toy.issue(authority, who), authority.pem)
        assert credentials.refresh()
        assert not credentials.refresh()
        assert credentials.version == before + 1
        assert credentials.serial != serial

    def test_files_that_do_not_fit_together_leave_the_old_ones_in_use(self, tmp_path, authority):
        credentials = toy.credentials_for(tmp_path, authority, toy.identity(Role.GATEWAY))
        pair, version = credentials.pair, credentials.version
        (tmp_path / "key.pem").write_bytes(certificates.key_to_pem(certificates.new_key()))
        with pytest.raises(ValueError, match="does not belong"):
            credentials.refresh()
        assert (credentials.pair, credentials.version) == (pair, version)
        (tmp_path / "key.pem").write_bytes(pair.key)
        assert not credentials.refresh()

    def test_credentials_that_do_not_fit_are_not_installed(self, tmp_path, authority):
        credentials = toy.credentials_for(tmp_path, authority, toy.identity(Role.GATEWAY))
        wrong = KeyPair(certificates.key_to_pem(certificates.new_key()), credentials.pair.chain)
        with pytest.raises(ValueError, match="does not belong"):
            credentials.install(wrong, authority.pem)
        assert (tmp_path / "key.pem").read_bytes() == credentials.pair.key

    def test_replicas_that_renew_at_once_leave_a_key_that_fits_its_chain(self, tmp_path, authority):
        who = toy.identity(Role.WORKLOAD_MANAGER)
        replicas = [toy.credentials_for(tmp_path, authority, who)]
        replicas += [Credentials(tmp_path) for _ in range(3)]

        def renew(replica: Credentials) -> None:
            for _ in range(20):
                replica.install(toy.issue(authority, who), authority.pem)

        with ThreadPoolExecutor(len(replicas)) as threads:
            list(threads.map(renew, replicas))
        serials = {Credentials(tmp_path).serial}
        for replica in replicas:
            replica.refresh()
            serials.add(replica.serial)
        assert len(serials) == 1

    def test_half_life_is_half_way(self, tmp_path, authority):
        credentials = toy.credentials_for(tmp_path, authority, toy.identity(Role.GATEWAY))
        peer = certificates.read_peer(credentials.pair.chain)
        # What it is dated back by, for slow clocks, is no part of its life.
        issued = peer.not_before + certificates.BACKDATE
        assert credentials.half_life - issued == peer.not_after - credentials.half_life


def shake_hands(port: int, version: ssl.TLSVersion) -> str | None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                return secure.version()
        except (ssl.SSLError, ConnectionError):
            return None


@pytest.mark.parametrize("public", [False, True], ids=["mesh leaf", "public RSA certificate"])
async def test_a_server_process_refuses_tls_1_2_and_speaks_1_3(tmp_path, public):
    files = write_rsa(tmp_path) if public else {}
    async with toy.process(tmp_path, **files) as ports:
        port = ports["edge"]
        old = await asyncio.to_thread(shake_hands, port, ssl.TLSVersion.TLSv1_2)
        new = await asyncio.to_thread(shake_hands, port, ssl.TLSVersion.TLSv1_3)
        shown = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))
    assert (old, new) == (None, "TLSv1.3")
    served = tmp_path / ("rsa.pem" if public else "own/chain.pem")
    assert leaf_of(shown.encode()) == leaf_of(served.read_bytes())


def write_rsa(directory: Path) -> dict[str, Path]:
    key = rsa.generate_private_key(65537, 2048)
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "rsa.key").write_bytes(private)
    (directory / "rsa.pem").write_bytes(certificate.public_bytes(pem))
    return {
        "edge_key_file": directory / "rsa.key",
        "edge_certificate_file": directory / "rsa.pem",
    }


def test_a_public_pair_is_reloaded(tmp_path):
    write_rsa(tmp_path)
    pair = PublicPair(tmp_path / "rsa.key", tmp_path / "rsa.pem")
    assert not pair.refresh()
    write_rsa(tmp_path)
    assert pair.refresh()
    assert pair.version == 2


async def served_serial(port: int) -> int:
    pem = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))
    return leaf_of(pem.encode()).serial_number


class TestMutualTls:
    async def test_a_peer_with_a_certificate_of_the_mesh_is_known_by_its_spiffe_id(self, tmp_path):
        who = toy.identity(Role.GATEWAY)
        async with (
            toy.running(tmp_path) as mesh,
            mesh.mesh(toy.issue(mesh.authority, who)) as channel,
        ):
            answer = await toy.unary(channel, "Peers")(toy.Request(text="hi"))
        assert answer.text == f"hi|peer|{who}|gateway"

    async def test_a_peer_without_certificate_is_refused(self, tmp_path):
        async with toy.running(tmp_path) as mesh, mesh.mesh(None) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await toy.unary(channel, "Peers")(toy.Request())
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert mesh.toy.reached == []

    async def test_a_peer_of_another_authority_is_refused(self, tmp_path):
        other = certificates.make_authority("other CA", now=datetime.now(UTC))
        pair = toy.issue(other, toy.identity(Role.GATEWAY))
        async with toy.running(tmp_path) as mesh, mesh.mesh(pair) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await toy.unary(channel, "Peers")(toy.Request())
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert mesh.toy.reached == []

    async def test_a_server_with_another_identity_is_refused(self, tmp_path):
        async with toy.running(tmp_path) as mesh:
            pair = toy.issue(mesh.authority, toy.identity(Role.GATEWAY))
            async with mesh.mesh(pair, target=toy.identity(Role.WORKSPACE)) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await toy.unary(channel, "Peers")(toy.Request())
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert mesh.toy.reached == []

    async def test_a_server_of_another_authority_is_refused(self, tmp_path):
        other = certificates.make_authority("other CA", now=datetime.now(UTC))
        async with toy.running(tmp_path) as mesh:
            pair = toy.issue(mesh.authority, toy.identity(Role.GATEWAY))
            async with mesh.mesh(pair, trust=other.pem) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await toy.unary(channel, "Peers")(toy.Request())
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE

    async def test_a_certificate_with_two_identities_proves_none(self, tmp_path):
        async with toy.running(tmp_path) as mesh:
            uris = [str(toy.identity(Role.GATEWAY)) for _ in range(2)]
            async with mesh.mesh(leaf_with_uris(mesh.authority, uris)) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await toy.unary(channel, "Peers")(toy.Request())
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert mesh.toy.reached == []

    async def test_a_peer_of_another_trust_domain_is_refused(self, tmp_path):
        async with toy.running(tmp_path) as mesh:
            pair = toy.issue(mesh.authority, toy.identity(Role.GATEWAY, "other.mesh"))
            async with mesh.mesh(pair) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await toy.unary(channel, "Peers")(toy.Request())
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


class TestRotation:
    async def test_a_stream_lives_on_while_new_handshakes_see_the_new_certificate(self, tmp_path):
        async with toy.running(tmp_path) as mesh, mesh.edge() as channel:
            stream = toy.bidi(channel, "Chat")(metadata=mesh.bearer())
            await stream.write(toy.Request(name="toys/1", text="before"))
            assert (await stream.read()).text == "before"
            old = mesh.credentials.serial
            assert await served_serial(mesh.server.ports.edge) == old

            fresh = toy.issue(mesh.authority, mesh.credentials.identity)
            mesh.credentials.install(fresh, mesh.authority.pem)

            assert mesh.credentials.serial != old
            assert await served_serial(mesh.server.ports.edge) == mesh.credentials.serial
            await stream.write(toy.Request(text="after"))
            assert (await stream.read()).text == "after"
            await stream.done_writing()
            assert await stream.code() is grpc.StatusCode.OK

    async def test_files_changed_by_another_process_are_found(self, tmp_path):
        async with toy.running(tmp_path) as mesh:
            reloaded = asyncio.Event()
            refresh = mesh.credentials.refresh

            def notice() -> bool:
                changed = refresh()
                if changed:
                    reloaded.set()
                return changed

            mesh.credentials.refresh = notice
            fresh = toy.issue(mesh.authority, mesh.credentials.identity)
            write_files(tmp_path / "own", fresh, mesh.authority.pem)
            await reloaded.wait()
            expected = leaf_of(fresh.chain).serial_number
            assert await served_serial(mesh.server.ports.mesh) == expected

    async def test_an_old_authority_is_trusted_until_it_leaves_the_bundle(self, tmp_path):
        async with toy.running(tmp_path) as mesh:
            old_peer = toy.issue(mesh.authority, toy.identity(Role.GATEWAY))
            new = certificates.make_authority("new CA", now=datetime.now(UTC))
            both = mesh.authority.pem + new.pem
            mesh.credentials.install(toy.issue(new, mesh.credentials.identity), both)
            async with mesh.mesh(old_peer, trust=both) as channel:
                await toy.unary(channel, "Peers")(toy.Request())
            mesh.credentials.install(mesh.credentials.pair, new.pem)
            async with mesh.mesh(old_peer, trust=both) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await toy.unary(channel, "Peers")(toy.Request())
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


def test_credentials_are_not_made_of_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        Credentials(tmp_path)
