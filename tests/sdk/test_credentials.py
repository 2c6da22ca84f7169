"""Where sign-ins are kept: in a file for its owner alone, or in the system's keyring."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import PasswordDeleteError

from weft._contexts import Context, ContextStore, SignIn
from weft.errors import ContextError

SIGN_IN = SignIn("refresh-it", "", {"controlplane": ("token", 12.5)})


class FakeKeyring(KeyringBackend):  # type: ignore[misc]
    """The system's keyring, in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.entries:
            raise PasswordDeleteError(username)
        del self.entries[service, username]


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> FakeKeyring:
    """A keyring of this test alone, which is also the one to take."""
    found, before = FakeKeyring(), keyring.get_keyring()
    keyring.set_keyring(found)
    monkeypatch.setenv("WEFT_CREDENTIALS", "keyring")
    yield found
    keyring.set_keyring(before)


def test_sign_ins_are_in_the_keyring_and_in_no_file(system: FakeKeyring, tmp_path: Path) -> None:
    store, other = ContextStore(tmp_path / "a"), ContextStore(tmp_path / "b")
    store.put(Context("lab", "lab.example:443"))
    assert store.sign_in_of("lab") == SignIn()
    store.sign_in("lab", SIGN_IN)
    assert store.sign_in_of("lab") == SIGN_IN
    assert other.sign_in_of("lab") == SignIn()
    assert [service for service, _ in system.entries] == ["weft"]
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert not [file for file in files if "refresh-it" in file.read_text()]
    store.delete("lab")
    assert system.entries == {}
    store.sign_out("lab")


def test_what_is_in_the_file_stays_there(
    system: FakeKeyring, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WEFT_CREDENTIALS", "file")
    ContextStore(tmp_path).sign_in("lab", SIGN_IN)
    file = tmp_path / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["lab"]["refresh_token"] == "refresh-it"
    monkeypatch.setenv("WEFT_CREDENTIALS", "keyring")
    assert ContextStore(tmp_path).sign_in_of("lab") == SignIn()
    assert system.entries == {}


def test_a_keyring_that_cannot_be_used_says_what_to_do(
    system: FakeKeyring, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ContextStore(tmp_path).sign_in("lab", SIGN_IN)
    for entry in system.entries:
        system.entries[entry] = "[]"
    with pytest.raises(ContextError, match="none of ours"):
        ContextStore(tmp_path).sign_in_of("lab")
    keyring.set_keyring(NoKeyring())
    with pytest.raises(ContextError, match="set WEFT_CREDENTIALS=file"):
        ContextStore(tmp_path).sign_in_of("lab")
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ContextError, match=r"pip install 'weft\[keyring\]'"):
        ContextStore(tmp_path).sign_in("lab", SIGN_IN)
    monkeypatch.setenv("WEFT_CREDENTIALS", "wallet")
    with pytest.raises(ContextError, match="write file or keyring"):
        ContextStore(tmp_path)
