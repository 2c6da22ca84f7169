"""Settings of the gateway."""

from ipaddress import ip_network

import pytest

from gateway.config import GatewaySettings
from meshkit.config import ConfigError


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_GATEWAY_TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8")
    monkeypatch.setenv("WEFT_GATEWAY_CORS_ORIGINS", "https://a.example,https://b.example")
    monkeypatch.setenv("WEFT_GATEWAY_PUBLIC_URL", "https://weft.example")
    policy = GatewaySettings.load().policy()
    assert policy.proxies == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert policy.cors_origins == {"https://a.example", "https://b.example"}
    assert policy.is_public


def test_every_problem_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_GATEWAY_TRUSTED_PROXIES", "everybody")
    monkeypatch.setenv("WEFT_GATEWAY_SSE_PING_S", "0")
    with pytest.raises(ConfigError) as refused:
        GatewaySettings.load()
    named = {problem.partition(":")[0] for problem in refused.value.problems}
    assert "WEFT_GATEWAY_SSE_PING_S" in named
    assert any(name.startswith("WEFT_GATEWAY_TRUSTED_PROXIES") for name in named)


def test_settings_reach_the_application() -> None:
    settings = GatewaySettings.load(unary_timeout_s=7, max_body_bytes=2048, sse_ping_s=3)
    assert (settings.limits().unary_s, settings.limits().body_bytes) == (7, 2048)
    assert settings.timing().ping_s == 3
