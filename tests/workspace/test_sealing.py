"""Envelope encryption: what opens, what does not, and what a lost key file stops."""

import base64
import dataclasses
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.database import Database
from meshkit.errors import FailedPrecondition
from meshkit.migrations import migrate
from workspace.secrets import ciphers
from workspace.secrets.ciphers import AlteredError
from workspace.secrets.key_file import KeyFile, KeyFileError
from workspace.secrets.sealer import Sealer, place
from workspace.store import data_keys
from workspace.store.base import metadata
from workspace.upgrade import MIGRATIONS

KEY, UID = bytes(range(32)), UUID(int=7)
HERE = place("rows", UUID(int=1), "column")


def _opened(sealed: bytes) -> bytes:
    """As a sealer does it: by the key that the value names, here the only one."""
    if ciphers.key_uid_of(sealed) != UID:
        raise AlteredError("another key")
    return ciphers.unseal(sealed, key=KEY, bound_to=HERE)


@given(st.binary(max_size=4096), st.text())
def test_a_sealed_value_opens_in_its_place_alone(plain: bytes, bound_to: str) -> None:
    sealed = ciphers.seal(plain, key=KEY, key_uid=UID, bound_to=bound_to)
    assert ciphers.key_uid_of(sealed) == UID
    assert ciphers.unseal(sealed, key=KEY, bound_to=bound_to) == plain
    with pytest.raises(AlteredError):
        ciphers.unseal(sealed, key=KEY, bound_to=bound_to + "'")
    assert ciphers.seal(plain, key=KEY, key_uid=UID, bound_to=bound_to) != sealed


@given(st.binary(max_size=64), st.data())
def test_any_changed_bit_is_seen(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(ciphers.seal(plain, key=KEY, key_uid=UID, bound_to=HERE))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(AlteredError):
        _opened(bytes(sealed))


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda b: b"\1" + b)))
def test_what_was_never_sealed_does_not_open(garbage: bytes) -> None:
    with pytest.raises(AlteredError):
        _opened(garbage)
    with pytest.raises(AlteredError):
        ciphers.unwrap(garbage, key=KEY, key_id="k", uid=UID)


def test_a_wrapped_key_opens_under_its_own_names_alone() -> None:
    wrapped = ciphers.wrap(b"d" * 32, key=KEY, key_id="k", uid=UID)
    assert ciphers.unwrap(wrapped, key=KEY, key_id="k", uid=UID) == b"d" * 32
    for changes in ({"key": b"x" * 32}, {"key_id": "l"}, {"uid": uuid4()}):
        with pytest.raises(AlteredError):
            ciphers.unwrap(wrapped, **{"key": KEY, "key_id": "k", "uid": UID} | changes)


def test_our_key_file_is_made_once_and_ours_alone(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "secrets.keys", is_ours=True)
    first = file.read()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert file.read() == first
    file.add("second")
    file.add("second")
    keys = file.read()
    assert list(keys.by_id) == ["second", first.current]
    assert keys.by_id[first.current] == first.by_id[first.current]


def _key(fill: str) -> str:
    return base64.b64encode(fill.encode() * 32).decode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no key"),
        ("# nothing\n\n", "holds no key"),
        ("alone\n", "Line 1"),
        (f"a {_key('a')} b\n", "Line 1"),
        (f"a {_key('a')}\na {_key('b')}\n", "Line 2"),
        ("a c2hvcnQ=\n", "Line 1"),
        ("a not*base64\n", "Line 1"),
    ],
)
def test_a_bad_key_file_is_refused_by_line_and_never_quoted(tmp_path, text, told):
    path = tmp_path / "keys"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=told) as refused:
        KeyFile(path, is_ours=False).read()
    assert _key("a") not in str(refused.value)


def test_a_key_file_of_somebody_else_is_read_and_never_made(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys", is_ours=False)
    with pytest.raises(KeyFileError, match="cannot be read"):
        file.read()
    file.path.write_text(f"# of the platform team\n b {_key('b')}\na {_key('a')}\n")
    file.path.chmod(0o640)
    assert list(file.read().by_id) == ["b", "a"]
    file.path.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod"):
        file.read()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url, MIGRATIONS, metadata)
    opened = await Database.open(
        database_url, metadata=metadata, encode_event=lambda *_: (b"", b"")
    )
    async with opened:
        yield opened


async def _sealer(database: Database, path: Path, *, is_ours: bool = True) -> Sealer:
    sealer = Sealer(database, KeyFile(path, is_ours=is_ours))
    await sealer.load()
    return sealer


async def test_a_restart_opens_what_was_sealed(database: Database, tmp_path: Path) -> None:
    sealer = await _sealer(database, tmp_path / "keys")
    sealed = sealer.seal(b"hunter2", bound_to=HERE)
    assert b"hunter2" not in sealed
    assert sealer.is_current(sealed)
    again = await _sealer(database, tmp_path / "keys")
    assert again.open(sealed, bound_to=HERE) == b"hunter2"
    (row,) = await database.read(data_keys.list_all)
    assert tmp_path.joinpath("keys").read_text().split()[-1].encode() not in row.wrapped


async def test_a_value_that_was_moved_does_not_open(database: Database, tmp_path: Path) -> None:
    sealer = await _sealer(database, tmp_path / "keys")
    sealed = sealer.seal(b"hunter2", bound_to=HERE)
    for moved in (place("rows", UUID(int=2), "column"), place("rows", UUID(int=1), "other")):
        with pytest.raises(FailedPrecondition) as refused:
            sealer.open(sealed, bound_to=moved)
        assert refused.value.reason == "SECRET_ALTERED"


async def test_without_its_key_file_only_secrets_fail(database: Database, tmp_path: Path) -> None:
    sealed = (await _sealer(database, tmp_path / "keys")).seal(b"hunter2", bound_to=HERE)
    # A replica with a file of its own, and one whose file is away.
    for path, is_ours in ((tmp_path / "other", True), (tmp_path / "absent", False)):
        sealer = await _sealer(database, path, is_ours=is_ours)
        with pytest.raises(FailedPrecondition) as refused:
            sealer.open(sealed, bound_to=HERE)
        assert refused.value.reason == "SECRETS_KEY_MISSING"
        with pytest.raises(FailedPrecondition) as refused:
            sealer.seal(b"hunter2", bound_to=HERE)
        assert refused.value.reason == "SECRETS_KEY_MISSING"


async def test_a_key_file_that_is_put_back_is_found(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    sealed = (await _sealer(database, path)).seal(b"hunter2", bound_to=HERE)
    path.rename(tmp_path / "away")
    sealer = await _sealer(database, path, is_ours=False)
    (tmp_path / "away").rename(path)
    await sealer.load()
    assert sealer.open(sealed, bound_to=HERE) == b"hunter2"


async def test_two_first_starts_agree_on_one_key(database: Database, tmp_path: Path) -> None:
    one = await _sealer(database, tmp_path / "keys")
    other = await _sealer(database, tmp_path / "keys")
    sealed = one.seal(b"hunter2", bound_to=HERE)
    assert other.is_current(sealed)
    (row,) = await database.read(data_keys.list_all)
    assert dataclasses.asdict(row)["state"] == "CURRENT"
