"""Passwords, certificate names and settings, alone."""

import argon2
import pytest

from controlplane.ca import require_host_names
from controlplane.config import Settings
from controlplane.identity import opaque
from controlplane.identity.passwords import Passwords, require_strong
from controlplane.permissions import ROLES
from meshkit.config import ConfigError
from meshkit.errors import InvalidArgument, Unauthenticated


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "elevenchars",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabc",
        "abcdefghijklmnop",
        "ada.lovelace@example.com",
        "ADA.LOVELACE1",
        "weftweftweft",
        "weft-weft-12",
        "",
    ],
)
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        require_strong(password, email="ada.lovelace@example.com", field="password")
    assert caught.value.reason == "WEAK_PASSWORD"
    assert not password or password not in str(caught.value)


@pytest.mark.parametrize("password", ["correct horse battery", "tr0ub4dor&3xyz", "ада любит ткать"])
def test_other_passwords_are_fine(password: str) -> None:
    require_strong(password, email="ada.lovelace@example.com", field="password")


async def test_unknown_accounts_cost_the_same_hash() -> None:
    """The work is counted, not timed: one verification each."""
    verified = []

    class Counting(argon2.PasswordHasher):
        def verify(self, *arguments: str) -> bool:
            verified.append(arguments)
            return super().verify(*arguments)

    passwords = Passwords(hasher=Counting(time_cost=1, memory_cost=8, parallelism=1))
    stored = await passwords.hash("correct horse battery")
    assert stored.startswith("$argon2id$")
    assert await passwords.verify(stored, "correct horse battery")
    assert not await passwords.verify(stored, "wrong")
    assert not await passwords.verify(None, "nobody has this password")
    assert not await passwords.verify("garbage", "wrong")
    assert len(verified) == 4
    passwords.close()


@pytest.mark.parametrize(
    "name",
    [
        "weft.internal",
        "x.WEFT.internal",
        "x.weft.internal.",
        "a b",
        "-a",
        "a..b",
        "",
        "a" * 64,
        "::g",
    ],
)
def test_bad_host_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidArgument):
        require_host_names([name], trust_domain="weft.internal")


def test_good_host_names_pass() -> None:
    names = ["localhost", "127.0.0.1", "::1", "a-b.example.com", "notweft.internal.example"]
    require_host_names(names, trust_domain="weft.internal")


def test_secrets_never_show_themselves() -> None:
    secret, _, digest = opaque.make(opaque.REFRESH_TOKEN)
    assert str(secret) not in f"{secret!r} {[secret]} {digest!r}"
    with pytest.raises(Unauthenticated) as caught:
        opaque.read(secret, opaque.DEVICE_CODE)
    assert str(secret) not in str(caught.value)


def test_settings_come_from_the_environment(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("WEFT_CONTROLPLANE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WEFT_CONTROLPLANE_HOST_NAMES", "cp.example, 10.0.0.1")
    settings = Settings.load()
    assert settings.host_names == ("cp.example", "10.0.0.1")
    assert settings.credentials_dir == tmp_path / "credentials"
    assert settings.database == f"sqlite:///{tmp_path}/controlplane.db"
    monkeypatch.setenv("WEFT_CONTROLPLANE_ORGANIZATION", "Not An Id")
    monkeypatch.setenv("WEFT_CONTROLPLANE_ACCESS_TOKEN_S", "5")
    with pytest.raises(ConfigError) as caught:
        Settings.load()
    assert len(caught.value.problems) == 2


def test_roles_are_those_of_the_contract() -> None:
    assert list(ROLES) == ["admin", "editor", "viewer"]
