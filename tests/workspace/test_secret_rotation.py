"""Rotation of data keys and wrapping keys, while values are read and written."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from meshkit.session import Session
from tests.workspace.harness import EDITOR, Harness, refused, workspace
from tests.workspace.secret_clients import create, values
from weftapi.workspace.v1 import secret_stores_pb2
from workspace.operations import data_keys as operations
from workspace.store import data_keys
from workspace.store.schema_secrets import DataKeyState

Rotate = secret_stores_pb2.RotateSecretKeyRequest
Get = secret_stores_pb2.GetSecretStoreRequest


async def work(ws: Harness) -> None:
    """What the leased job does in one run."""
    await ws.jobs["secret_keys"].run(None)  # type: ignore[arg-type] - it asks for no lease


async def keys(ws: Harness) -> Any:
    return (await ws.secret_stores().GetSecretStore(Get())).keys


async def key_ids_in_use(ws: Harness) -> set[bytes]:
    query = sa.text("SELECT value FROM secret_values")
    rows = await ws.workspace.database.read(
        lambda session: session.connection().execute(query).all()
    )
    return {bytes(value)[1:17] for (value,) in rows}


async def test_a_data_key_is_replaced_and_everything_encrypted_anew(ws: Harness) -> None:
    for number in range(5):
        await create(ws, f"s{number}", {"k": str(number)})
    before = await keys(ws)
    assert not before.rotating
    begun = await ws.secret_stores().RotateSecretKey(Rotate(key=Rotate.KEY_DATA))
    assert begun.keys.rotating
    # Published, and not used before every replica can have learned of it.
    await work(ws)
    assert (await keys(ws)).data_key == before.data_key
    ws.clock.move(minutes=1)
    await work(ws)
    during = await keys(ws)
    assert during.rotating
    assert during.data_key != before.data_key
    assert len(await key_ids_in_use(ws)) == 1
    await create(ws, "new")
    ws.clock.move(minutes=1)
    await work(ws)
    after = await keys(ws)
    assert (after.data_key, after.rotating) == (during.data_key, False)
    for number in range(5):
        assert await values(ws, f"s{number}") == {"k": str(number)}
    assert await values(ws, "new") == {"token": "hunter2"}


async def test_one_rotation_at_a_time_and_once_for_a_request_id(ws: Harness) -> None:
    first = Rotate(request_id=str(uuid4()))
    await ws.secret_stores().RotateSecretKey(first)
    await ws.secret_stores().RotateSecretKey(first)
    async with refused("FAILED_PRECONDITION", "ROTATION_UNDER_WAY"):
        await ws.secret_stores().RotateSecretKey(Rotate())
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.secret_stores(ws.token(EDITOR)).RotateSecretKey(Rotate())


async def test_values_are_read_and_written_while_keys_are_replaced(ws: Harness) -> None:
    """Readers and a writer never see a failure, through four rotations of both keys."""
    await create(ws, "hf", {"k": "0"})
    done = asyncio.Event()

    async def read() -> int:
        count = 0
        while not done.is_set():
            assert "k" in await values(ws, "hf")
            count += 1
        return count

    reading = asyncio.create_task(read())
    for number in range(4):
        kind = Rotate.KEY_DATA if number % 2 else Rotate.KEY_WRAPPING
        await ws.secret_stores().RotateSecretKey(Rotate(key=kind))
        await create(ws, f"n{number}", {"k": str(number)})
        ws.clock.move(minutes=1)
        await work(ws)
        ws.clock.move(minutes=1)
        await work(ws)
    done.set()
    assert await reading > 0
    for number in range(4):
        assert await values(ws, f"n{number}") == {"k": str(number)}


async def test_a_wrapping_key_is_replaced_in_the_file_and_the_database(
    ws: Harness, tmp_path: Path
) -> None:
    await create(ws)
    before = (await keys(ws)).wrapping_key
    request = Rotate(key=Rotate.KEY_WRAPPING, request_id=str(uuid4()))
    after = (await ws.secret_stores().RotateSecretKey(request)).keys
    assert after.wrapping_key != before
    again = (await ws.secret_stores().RotateSecretKey(request)).keys
    assert again.wrapping_key == after.wrapping_key
    assert await values(ws) == {"token": "hunter2"}
    ids = _ids_in(tmp_path / "data" / "secrets.keys")
    # The old one stays, for backups of the database that it opens.
    assert ids == [after.wrapping_key, before]


def _ids_in(path: Path) -> list[str]:
    lines = path.read_text().splitlines()
    return [line.split()[0] for line in lines if not line.startswith("#")]


async def test_an_operator_s_key_file_is_followed_and_not_written(
    tmp_path: Path, database_url: str
) -> None:
    path = tmp_path / "operator.keys"
    line = "{} c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3JlISE=\n"
    _write(path, line.format("old"))
    async with workspace(tmp_path, database_url, secrets_key_file=path) as ws:
        await create(ws)
        async with refused("FAILED_PRECONDITION", "KEY_FILE_NOT_OURS"):
            await ws.secret_stores().RotateSecretKey(Rotate(key=Rotate.KEY_WRAPPING))
        # The operator puts another key first; later the old one may go.
        fresh = "new QSBzZWNvbmQga2V5IG9mIHRoaXJ0eS10d28gYnl0ZXM=\n"
        _write(path, fresh + line.format("old"))
        await work(ws)
        assert (await keys(ws)).wrapping_key == "new"
        _write(path, fresh)
    async with workspace(tmp_path, database_url, secrets_key_file=path, mesh=ws.mesh) as ws:
        assert await values(ws) == {"token": "hunter2"}


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


async def test_a_bad_row_keeps_no_other_from_the_new_key(ws: Harness) -> None:
    await create(ws, "a")
    await create(ws, "b")

    def spoil(session: Session) -> None:
        (uid, *_) = session.connection().execute(sa.text("SELECT uid FROM secret_values")).first()
        session.connection().execute(
            sa.text("UPDATE secret_values SET value = :junk WHERE uid = :uid"),
            {"junk": b"\x01" + b"x" * 60, "uid": uid},
        )

    await ws.workspace.database.write(spoil)
    await ws.secret_stores().RotateSecretKey(Rotate())
    for _ in range(2):
        ws.clock.move(minutes=1)
        await work(ws)
    assert not (await keys(ws)).rotating
    outcomes = []
    for name in ("a", "b"):
        try:
            outcomes.append(await values(ws, name))
        except Exception as error:  # noqa: BLE001 - which one it is depends on uids
            outcomes.append(error.details())
    assert {"token": "hunter2"} in outcomes
    async with refused("FAILED_PRECONDITION", "SECRETS_KEY_MISSING"):
        await values(ws, "b" if outcomes[0] == {"token": "hunter2"} else "a")


@pytest.mark.parametrize("cut", range(6))
async def test_a_rotation_that_is_cut_off_anywhere_goes_on_after_a_restart(
    tmp_path: Path, database_url: str, cut: int, monkeypatch
) -> None:
    """The job dies after its n-th write, as by kill -9: nothing of it is in memory only."""
    async with workspace(tmp_path, database_url) as ws:
        for number in range(3):
            await create(ws, f"s{number}", {"k": str(number)})
        await ws.secret_stores().RotateSecretKey(Rotate())
        ws.clock.move(minutes=1)
        database, writes = ws.workspace.database, 0
        write = database.write

        async def dying(_self: Any, operation: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal writes
            if operation in {operations.advance, operations.reseal, operations.retire}:
                if writes == cut:
                    raise _DiedError
                writes += 1
            return await write(operation, *args, **kwargs)

        monkeypatch.setattr(type(database), "write", dying)
        with pytest.raises(_DiedError):
            await _work_for_minutes(ws, 3)
        monkeypatch.undo()
    async with workspace(tmp_path, database_url, mesh=ws.mesh, clock=ws.clock) as ws:
        for number in range(3):
            assert await values(ws, f"s{number}") == {"k": str(number)}
        await _work_for_minutes(ws, 3)
        rows = await ws.workspace.database.read(data_keys.list_all)
        assert [row.state for row in rows] == [DataKeyState.UNUSED, DataKeyState.CURRENT]
        for number in range(3):
            assert await values(ws, f"s{number}") == {"k": str(number)}


async def _work_for_minutes(ws: Harness, minutes: int) -> None:
    for _ in range(minutes):
        await work(ws)
        ws.clock.move(minutes=1)


class _DiedError(BaseException):
    """No handler of errors sees it."""
