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


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("", ""),
        ("https://weft.example", ""),
        ("https://weft.example/", ""),
        ("https://example.com/ml/weft/", "/ml/weft"),
        # HSTS for "localhost" would be for every port of this machine.
        ("http://localhost:8781", ""),
    ],
)
def test_the_public_url_says_what_the_path_is(url: str, base: str) -> None:
    settings = GatewaySettings.load(public_url=url)
    assert (settings.base, settings.policy().base) == (base, base)
    assert settings.policy().is_public == url.startswith("https")
    assert not settings.public_url.endswith("/")


@pytest.mark.parametrize(
    "bad",
    [
        {"public_url": "weft.example"},
        {"public_url": "ftp://weft.example"},
        {"public_url": "https://"},
        {"public_url": "https://weft.example/?x=1"},
        {"public_url": "https://weft.example/a#b"},
        {"public_url": "https://weft.example//a"},
        {"public_url": "https://weft.example/../a"},
        {"public_url": "https://weft.example/%2e"},
        {"public_url": 'https://weft.example/a"><script>'},
        {"browser_address": "0.0.0.0:8781"},
        {"browser_address": "192.0.2.1:8781"},
        {"browser_address": "8781"},
        {"browser_address": "localhost.evil.example:8781"},
    ],
)
def test_what_would_serve_people_elsewhere_or_unsafely(bad: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        GatewaySettings.load(**bad)
