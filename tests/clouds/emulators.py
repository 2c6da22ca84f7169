"""Clouds that stand on this machine: moto for AWS, Azurite for Azure's storage, a fake of Google's.

The first two are processes from environments of their own (`make clouds`). Where one is missing,
its tests are skipped; in CI they fail.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.clouds.fake_gcs import fake_gcs

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PYTHON = ROOT / ".venv-clouds/bin/python"
AZURITE = HERE / "node_modules/.bin/azurite-blob"
HERE_ALONE = "127.0.0.1"
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = base64.b64encode(b"weft tests know this key").decode()


@dataclass(frozen=True)
class Cloud:
    """A bucket in a cloud, and the options by which obstore reaches it."""

    uri: str
    endpoint: str
    options: dict[str, str]


@contextmanager
def aws(host: str = HERE_ALONE) -> Iterator[str]:
    """moto's server, which does the whole of AWS; gives its endpoint.

    `host` is the name or address by which others reach this machine, where they shall.
    """
    listen = ("-H", "0.0.0.0") if host != HERE_ALONE else ()  # for pods of a cluster
    with _serving(PYTHON, "-m", "moto.server", "-p", "0", *listen) as endpoint:
        yield endpoint.replace(HERE_ALONE, host)


@contextmanager
def s3(bucket: str = "weft", *, host: str = HERE_ALONE) -> Iterator[Cloud]:
    """An empty bucket; see `aws`."""
    with aws(host) as endpoint:
        make_bucket(endpoint, bucket)
        yield Cloud(f"s3://{bucket}", endpoint, s3_options(endpoint))


def s3_options(endpoint: str) -> dict[str, str]:
    return {
        "endpoint": endpoint,
        "region": "us-east-1",
        "access_key_id": "testing",
        "secret_access_key": "testing",
    }


def make_bucket(endpoint: str, bucket: str) -> None:
    _request("PUT", f"{endpoint}/{bucket}")


@contextmanager
def gcs() -> Iterator[Cloud]:
    """An empty bucket of Google's."""
    with fake_gcs("weft") as server:
        key = json.dumps(_service_account(server.endpoint))
        options = {"service_account_key": key, "base_url": server.endpoint}
        yield Cloud("gs://weft", server.endpoint, options)


@contextmanager
def azure() -> Iterator[Cloud]:
    """An empty container of Azure's."""
    arguments = ["--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck"]
    accounts = {"AZURITE_ACCOUNTS": f"{AZURE_ACCOUNT}:{AZURE_KEY}"}
    with _serving(AZURITE, *arguments, "--disableTelemetry", **accounts) as address:
        endpoint = f"{address}/{AZURE_ACCOUNT}"
        options = {
            "account_name": AZURE_ACCOUNT,
            "account_key": AZURE_KEY,
            "endpoint": endpoint,
        }
        _make_container(endpoint, "weft")
        yield Cloud("az://weft", endpoint, options)


@contextmanager
def _serving(program: Path, *arguments: str, **environment: str) -> Iterator[str]:
    """A server's address, from the first line of its output that holds one."""
    if not program.exists():
        told = "stand-ins for clouds are not installed (`make clouds`): their tests do not run"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(told)
    process = subprocess.Popen(
        [str(program), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdin
    assert process.stdout
    try:
        address = _address(process)
        # Nobody reads on, and a full pipe would stop the server.
        drain = Thread(target=process.stdout.read, daemon=True)
        drain.start()
        yield address
        process.terminate()
        drain.join(20)
    finally:
        process.kill()
        process.wait(timeout=20)
        process.stdin.close()
        process.stdout.close()


def _address(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if found := _ADDRESS.search(line):
            return found[0]
    raise AssertionError("".join(lines))


def _service_account(endpoint: str) -> dict[str, Any]:
    """What Google gives a program; its key signs links, which the fake believes."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "private_key": pem.decode(),
        "private_key_id": "1",
        "client_email": "weft@test.iam.gserviceaccount.com",
        "token_uri": f"{endpoint}/token",
        "gcs_base_url": endpoint,
    }


def _make_container(endpoint: str, container: str) -> None:
    """Signs by hand (Shared Key): obstore makes no containers."""
    account = AZURE_ACCOUNT
    date = formatdate(usegmt=True)
    canonical = (
        "PUT\n\n\n\n\n\n\n\n\n\n\n\n"
        f"x-ms-date:{date}\nx-ms-version:2021-12-02\n"
        f"/{account}/{account}/{container}\nrestype:container"
    )
    digest = hmac.digest(base64.b64decode(AZURE_KEY), canonical.encode(), hashlib.sha256)
    headers = {
        "x-ms-date": date,
        "x-ms-version": "2021-12-02",
        "authorization": f"SharedKey {account}:{base64.b64encode(digest).decode()}",
    }
    _request("PUT", f"{endpoint}/{container}?restype=container", headers)


def _request(method: str, url: str, headers: dict[str, str] | None = None) -> None:
    request = urllib.request.Request(url, method=method, headers=headers or {})
    with urllib.request.urlopen(request, timeout=20) as response:
        assert response.status < 300
