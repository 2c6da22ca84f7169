"""The process: first start, files, ready file, SIGTERM; and what a cut-off start leaves."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import grpc
import pytest

from controlplane.ca import CertificateAuthority, RootKeys
from controlplane.store.schema_authority import Root
from meshkit import certificates
from meshkit.clock import SystemClock
from meshkit.credentials import KEY_FILE, Credentials
from tests.controlplane.harness import ADMIN_EMAIL, PASSWORD
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

ROOT = Path(__file__).parents[2]


async def started(data: Path) -> asyncio.subprocess.Process:
    """`python -m controlplane`, once it says that it is ready."""
    addresses = ("EDGE", "MESH", "HEALTH", "METRICS")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "controlplane"),
        cwd=ROOT,
        env={
            "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}",
            "WEFT_CONTROLPLANE_DATA_DIR": str(data),
            "WEFT_CONTROLPLANE_READY_FILE": str(data / "ready.json"),
            "WEFT_CONTROLPLANE_DRAIN_S": "1",
            **{f"WEFT_CONTROLPLANE_{name}_ADDRESS": "127.0.0.1:0" for name in addresses},
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    lines = []
    async with asyncio.timeout(60):
        while b"ready" not in (line := await process.stdout.readline()):
            assert line, b"".join(lines).decode()
            lines.append(line)
        while not (data / "ready.json").exists():  # noqa: ASYNC110 - written right after the line
            await asyncio.sleep(0.01)
    return process


async def test_it_starts_serves_dies_and_starts_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = await started(data)
    try:
        ready = json.loads((data / "ready.json").read_text())
        tokens = await set_up(data, ready["edge"])
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    (data / "ready.json").unlink()
    process = await started(data)
    try:
        ready = json.loads((data / "ready.json").read_text())
        async with channel(data, ready["edge"]) as edge:
            # What was answered before the kill is there.
            await auth_pb2_grpc.AuthServiceStub(edge).ExchangeToken(
                auth_pb2.ExchangeTokenRequest(refresh_token=tokens.refresh_token)
            )
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def set_up(data: Path, port: int) -> auth_pb2.TokenSet:
    async with channel(data, port) as edge:
        return await auth_pb2_grpc.AuthServiceStub(edge).CreateFirstAdministrator(
            auth_pb2.CreateFirstAdministratorRequest(
                setup_token=(data / "setup-token").read_text(),
                email=ADMIN_EMAIL,
                password=PASSWORD,
            )
        )


def channel(data: Path, port: int) -> grpc.aio.Channel:
    trust = grpc.ssl_channel_credentials((data / "ca.pem").read_bytes())
    return grpc.aio.secure_channel(f"localhost:{port}", trust)


class OneRoot:
    """A directory with a certificate authority of one root."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.keys = RootKeys(directory, trust_domain="weft.internal", clock=SystemClock())
        made = self.keys.make()
        self.root = Root(
            fingerprint=made.fingerprint, certificate_pem=made.certificate_pem, state="ACTIVE"
        )

    def open(self) -> CertificateAuthority:
        """As a control plane that starts finds it."""
        opened = CertificateAuthority(
            self._directory, self.keys, clock=SystemClock(), lifetime=certificates.LEAF_LIFETIME
        )
        opened.load([self.root])
        return opened

    def own(self, *host_names: str) -> Credentials:
        return self.open().own_credentials(
            self._directory / "own", trust_domain="weft.internal", host_names=host_names
        )


def test_a_cut_off_renewal_is_made_good(tmp_path: Path) -> None:
    site = OneRoot(tmp_path)
    before = site.own("localhost")
    key = certificates.key_to_pem(certificates.new_key())
    (before.directory / KEY_FILE).write_bytes(key)
    after = site.own("localhost")
    assert after.identity == before.identity
    assert after.serial != before.serial


def test_a_changed_host_name_gets_a_new_certificate(tmp_path: Path) -> None:
    site = OneRoot(tmp_path)
    first, same = site.own("localhost"), site.own("localhost")
    other = site.own("cp.example", "::1")
    assert first.serial == same.serial != other.serial
    assert first.identity == other.identity


def test_a_foreign_ca_key_stops_the_start(tmp_path: Path) -> None:
    site = OneRoot(tmp_path)
    key = certificates.key_to_pem(certificates.new_key())
    (file,) = (tmp_path / "ca-keys").iterdir()
    file.write_bytes(key)
    with pytest.raises(ValueError, match="does not belong"):
        site.open()
