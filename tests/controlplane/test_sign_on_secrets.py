"""What passes through a sign-in stands nowhere afterwards: no file, no log line, no answer."""

import logging
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from structlog.testing import capture_logs

from tests.controlplane.harness import refused, running
from tests.controlplane.lying_provider import lying
from tests.controlplane.sign_on import (
    CLIENT_SECRET,
    SETTINGS,
    SignIn,
    add_provider,
    set_provider,
)


def contents(directory: Path) -> list[bytes]:
    """Every file of the control plane: database, write-ahead log, keys."""
    return [path.read_bytes() for path in directory.rglob("*") if path.is_file()]


async def test_a_sign_in_leaves_no_secret_behind(
    tmp_path: Path, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    tokens: list[str] = []
    with capture_logs() as lines, caplog.at_level(logging.DEBUG):
        async with running(tmp_path, sqlite_url, **SETTINGS) as plane, lying() as provider:
            provider.encode = lambda claims: tokens.append(provider.signed(claims)) or tokens[-1]
            admin = await plane.set_up()
            made = await add_provider(admin, "okta", provider.issuer)
            await set_provider(admin, "okta", client_secret=f"{CLIENT_SECRET}, a newer one")
            flow = await SignIn.of(plane, "okta")
            uri = await flow.begin()
            brought = provider.grant(uri)
            code = await flow.code(brought)
            answer = await flow.redeem(code)
            # One that fails, too: what went wrong is told without what it was.
            provider.encode = lambda claims: tokens.append(provider.signed({})) or tokens[-1]
            await refused(flow.complete(provider.grant(await flow.begin())))
            files = contents(tmp_path)
    asked = parse_qs(urlsplit(uri).query)
    secrets = {
        *(CLIENT_SECRET, flow.verifier, code, answer.access_token, answer.refresh_token),
        *(brought["state"], brought["code"], asked["nonce"][0], asked["code_challenge"][0]),
        *tokens,
    }
    assert len(secrets) == 11
    assert made.client_secret == ""
    told = str(lines) + caplog.text
    for secret in secrets:
        assert secret not in told
        assert [content for content in files if secret.encode() in content] == []
