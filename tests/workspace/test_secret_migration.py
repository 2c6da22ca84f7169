"""SecretStoreService: values that move between stores, and stores with a backup."""

from typing import Any
from uuid import uuid4

import pytest

from meshkit.breaker import PAUSE_S
from tests.clouds import fake_secret_stores
from tests.clouds.fake_secret_stores import FakeKeyVault, FakeVault
from tests.workspace.harness import EDITOR, VIEWER, Harness, refused, workspace
from tests.workspace.secret_clients import Delete, Update, create, values
from weftapi.workspace.v1 import secret_stores_pb2, secrets_pb2
from workspace.operations import secret_stores as store_operations
from workspace.operations import secrets as operations
from workspace.secrets.keeper import SecretKeeper

Get = secret_stores_pb2.GetSecretStoreRequest
Change = secret_stores_pb2.UpdateSecretStoreRequest
Migrate = secret_stores_pb2.MigrateSecretStoreRequest
Backend = secret_stores_pb2.SecretBackend
Migration = secret_stores_pb2.SecretMigration
DATABASE = Backend(database=secret_stores_pb2.DatabaseSecrets())
UNAVAILABLE = ("UNAVAILABLE", "SECRET_STORE_UNAVAILABLE")
REFUSED = ("FAILED_PRECONDITION", "SECRET_STORE_REFUSED")


def vault_of(fake: FakeVault, **fields: str) -> Any:
    settings = {"address": fake.url, "token": fake.issue()} | fields
    return Backend(vault=secret_stores_pb2.VaultSecrets(**settings))


def key_vault_of(fake: FakeKeyVault) -> Any:
    client, secret = fake.client
    return Backend(
        azure=secret_stores_pb2.AzureSecrets(
            vault_uri=fake.url,
            tenant_id="tenant",
            client_id=client,
            client_secret=secret,
            authority=fake.url,
        )
    )


async def work(ws: Harness) -> None:
    """What the leased job does in one run."""
    await ws.jobs["secrets"].run(None)  # type: ignore[arg-type] - it asks for no lease


async def store(ws: Harness) -> secret_stores_pb2.SecretStore:
    return await ws.secret_stores().GetSecretStore(Get())


async def migrate(ws: Harness, target: Any, **fields: str) -> secret_stores_pb2.SecretStore:
    return await ws.secret_stores().MigrateSecretStore(Migrate(target=target, **fields))


@pytest.fixture
async def ws_of_three(ws: Harness) -> Harness:
    """A workspace with the secrets s0, s1 and s2."""
    for number in range(3):
        await create(ws, f"s{number}", {"k": f"value-{number}"})
    return ws


async def _all_there(ws: Harness) -> None:
    for number in range(3):
        assert await values(ws, f"s{number}") == {"k": f"value-{number}"}


async def test_values_are_in_the_database_until_somebody_says_otherwise(ws: Harness) -> None:
    found = await ws.secret_stores(ws.token(VIEWER)).GetSecretStore(Get())
    assert found.backend == DATABASE
    assert not found.HasField("backup")
    assert not found.HasField("migration")
    assert found.keys.data_key


async def test_only_administrators_change_the_store(ws: Harness) -> None:
    editor = ws.secret_stores(ws.token(EDITOR))
    for call in (
        editor.MigrateSecretStore(Migrate(target=DATABASE)),
        editor.UpdateSecretStore(Change(remove_backup=True)),
    ):
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await call


async def test_all_values_move_and_are_read_meanwhile(ws_of_three: Harness) -> None:
    ws = ws_of_three
    async with fake_secret_stores.vault() as vault:
        begun = await migrate(ws, vault_of(vault))
        assert begun.backend == DATABASE
        assert begun.migration.target.vault.address == vault.url
        # What signs in is never answered.
        assert not begun.migration.target.vault.token
        # New ones go there at once, old ones are read where they are.
        await create(ws, "new", {"k": "new"})
        assert "new" in vault.texts()
        await _all_there(ws)
        await work(ws)
        done = await store(ws)
        assert done.migration.state == Migration.STATE_SUCCEEDED
        assert done.migration.remaining_count == 0
        assert done.backend.vault.address == vault.url
        assert all(f"value-{number}" in vault.texts() for number in range(3))
        await _all_there(ws)
        ws.clock.move(minutes=2)
        await work(ws)
        assert await _count(ws, "secret_values") == 0
        # And back again.
        await migrate(ws, DATABASE)
        await work(ws)
        assert (await store(ws)).backend == DATABASE
        await _all_there(ws)
        assert await values(ws, "new") == {"k": "new"}
        ws.clock.move(minutes=2)
        await work(ws)
        assert vault.values == {}
        await work(ws)
        assert await _count(ws, "secret_backends") == 0
    await _all_there(ws)


async def test_a_migration_waits_for_a_store_that_is_down(ws_of_three: Harness) -> None:
    ws = ws_of_three
    async with fake_secret_stores.vault() as vault:
        await migrate(ws, vault_of(vault))
        vault.is_down = True
        await work(ws)
        waiting = (await store(ws)).migration
        assert waiting.state == Migration.STATE_RUNNING
        assert waiting.remaining_count == 3
        assert "503" in waiting.problem
        await _all_there(ws)
        async with refused(*UNAVAILABLE):
            await create(ws, "new")
        # Only what needs the store fails.
        await ws.secrets().ListSecrets(secrets_pb2.ListSecretsRequest())
        vault.is_down = False
        # By now it is asked again only after a while.
        ws.clock.move(seconds=PAUSE_S)
        await work(ws)
        done = (await store(ws)).migration
        assert (done.state, done.problem) == (Migration.STATE_SUCCEEDED, "")


async def test_a_migration_under_way_turns_to_another_store(ws_of_three: Harness) -> None:
    ws = ws_of_three
    async with fake_secret_stores.vault() as vault, fake_secret_stores.key_vault() as azure:
        await migrate(ws, vault_of(vault))
        await create(ws, "new", {"k": "in the vault"})
        await migrate(ws, key_vault_of(azure))
        await work(ws)
        assert (await store(ws)).backend.azure.vault_uri == azure.url
        await _all_there(ws)
        assert await values(ws, "new") == {"k": "in the vault"}
        ws.clock.move(minutes=2)
        await work(ws)
        assert vault.values == {}


async def test_a_target_is_tried_before_it_is_believed(ws: Harness) -> None:
    async with fake_secret_stores.vault() as vault:
        async with refused(*REFUSED) as refusal:
            await migrate(ws, vault_of(vault, token="canary"))
        assert refusal.error
        assert "canary" not in refusal.error.message
        async with refused(*REFUSED):
            await migrate(ws, vault_of(vault, address="http://vault.example.com"))
        vault.is_down = True
        async with refused(*UNAVAILABLE):
            await migrate(ws, vault_of(vault))
    assert not (await store(ws)).HasField("migration")
    assert await _count(ws, "secret_backends") == 0


async def test_a_repeated_request_takes_effect_once(ws: Harness) -> None:
    async with fake_secret_stores.vault() as vault:
        request = Migrate(target=vault_of(vault), request_id=str(uuid4()))
        first = await ws.secret_stores().MigrateSecretStore(request)
        again = await ws.secret_stores().MigrateSecretStore(request)
        assert again.etag == first.etag
        request.target.vault.token = vault.issue()
        async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
            await ws.secret_stores().MigrateSecretStore(request)
        async with refused("ABORTED", "ETAG_MISMATCH"):
            await migrate(ws, DATABASE, etag="other")


async def test_a_backup_gets_every_value_and_answers_for_the_store(ws_of_three: Harness) -> None:
    ws = ws_of_three
    async with fake_secret_stores.vault() as vault:
        await migrate(ws, vault_of(vault))
        await work(ws)
        changed = await ws.secret_stores().UpdateSecretStore(Change(backup=DATABASE))
        assert changed.backup_missing_count == 3
        await work(ws)
        assert (await store(ws)).backup_missing_count == 0
        await create(ws, "new", {"k": "new"})
        vault.is_down = True
        await _all_there(ws)
        assert await values(ws, "new") == {"k": "new"}
        # Writing takes both.
        async with refused(*UNAVAILABLE):
            await create(ws, "newer")
        # A store that is lost for good is left behind from the backup.
    async with fake_secret_stores.key_vault() as azure:
        await migrate(ws, key_vault_of(azure))
        await work(ws)
        assert (await store(ws)).migration.state == Migration.STATE_SUCCEEDED
        await _all_there(ws)
        assert "value-0" in azure.texts()


async def test_a_backup_that_is_given_up_is_emptied(ws_of_three: Harness) -> None:
    ws = ws_of_three
    async with fake_secret_stores.vault() as vault:
        await ws.secret_stores().UpdateSecretStore(Change(backup=vault_of(vault)))
        await work(ws)
        assert len(vault.values) == 3
        await ws.secrets().DeleteSecret(Delete(name="secrets/s2"))
        await work(ws)
        assert len(vault.values) == 2
        changed = await ws.secret_stores().UpdateSecretStore(Change(remove_backup=True))
        assert not changed.HasField("backup")
        await work(ws)
        ws.clock.move(minutes=2)
        await work(ws)
        assert vault.values == {}
    assert await values(ws, "s0") == {"k": "value-0"}


async def test_store_and_backup_are_two(ws: Harness) -> None:
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.secret_stores().UpdateSecretStore(Change(backup=DATABASE))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.secret_stores().UpdateSecretStore(Change(backup=DATABASE, remove_backup=True))


async def test_credentials_of_the_store_are_renewed(ws_of_three: Harness) -> None:
    ws = ws_of_three
    async with fake_secret_stores.vault() as vault, fake_secret_stores.vault() as other:
        await migrate(ws, vault_of(vault))
        await work(ws)
        vault.tokens.clear()
        async with refused(*REFUSED):
            await values(ws, "s0")
        await ws.secret_stores().UpdateSecretStore(Change(backend=vault_of(vault)))
        await _all_there(ws)
        # Without credentials the present ones stay.
        plain = vault_of(vault)
        plain.vault.token = ""
        await ws.secret_stores().UpdateSecretStore(Change(backend=plain))
        await _all_there(ws)
        for elsewhere in (vault_of(other), DATABASE):
            async with refused("FAILED_PRECONDITION", "SECRET_STORE_DIFFERS"):
                await ws.secret_stores().UpdateSecretStore(Change(backend=elsewhere))
        await _all_there(ws)


async def test_a_value_that_was_deleted_in_the_store_is_told_and_set_anew(ws: Harness) -> None:
    await create(ws)
    async with fake_secret_stores.vault() as vault:
        await migrate(ws, vault_of(vault))
        await work(ws)
        vault.values.clear()
        async with refused("FAILED_PRECONDITION", "SECRET_ALTERED"):
            await values(ws)
        await ws.secrets().DeleteSecret(Delete(name="secrets/hf"))
        await create(ws)
        assert await values(ws) == {"token": "hunter2"}


async def test_values_that_change_while_they_move_are_the_new_ones(
    ws: Harness, monkeypatch
) -> None:
    await create(ws)
    async with fake_secret_stores.vault() as vault:
        await migrate(ws, vault_of(vault))
        keep = SecretKeeper.keep

        async def kept_late(self: Any, secret: str, copied: Any) -> Any:
            kept = await keep(self, secret, copied)
            if copied == {"token": "hunter2"}:
                monkeypatch.undo()
                secret_ = secrets_pb2.Secret(name="secrets/hf", values={"token": "newer"})
                await ws.secrets().UpdateSecret(Update(secret=secret_))
            return kept

        monkeypatch.setattr(SecretKeeper, "keep", kept_late)
        await work(ws)
        assert await values(ws) == {"token": "newer"}
        await work(ws)
        assert (await store(ws)).migration.state == Migration.STATE_SUCCEEDED
        assert await values(ws) == {"token": "newer"}


@pytest.mark.parametrize("cut", range(7))
async def test_a_migration_that_is_cut_off_anywhere_goes_on_after_a_restart(
    tmp_path, database_url: str, cut: int, monkeypatch
) -> None:
    """The job dies after its n-th write, as by kill -9: nothing of it is in memory only."""
    watched = {operations.announce, operations.move, store_operations.finish}
    async with fake_secret_stores.vault() as vault:
        async with workspace(tmp_path, database_url) as ws:
            for number in range(3):
                await create(ws, f"s{number}", {"k": f"value-{number}"})
            await migrate(ws, vault_of(vault))
            database, writes = ws.workspace.database, 0
            write = database.write

            async def dying(_self: Any, operation: Any, *args: Any, **kwargs: Any) -> Any:
                nonlocal writes
                if operation in watched:
                    if writes == cut:
                        raise _DiedError
                    writes += 1
                return await write(operation, *args, **kwargs)

            monkeypatch.setattr(type(database), "write", dying)
            with pytest.raises(_DiedError):
                await work(ws)
            monkeypatch.undo()
            await _all_there(ws)
        async with workspace(tmp_path, database_url, mesh=ws.mesh, clock=ws.clock) as ws:
            await _all_there(ws)
            await work(ws)
            assert (await store(ws)).migration.state == Migration.STATE_SUCCEEDED
            await _all_there(ws)
            # What the dead job had copied, and nobody names, goes too.
            ws.clock.move(minutes=11)
            await work(ws)
            assert len(vault.values) == 3


class _DiedError(BaseException):
    """No handler of errors sees it."""


async def _count(ws: Harness, table: str) -> int:
    tables = ws.workspace.database.tables.audit_events.metadata.tables
    return len(
        await ws.workspace.database.read(
            lambda session: session.connection().execute(tables[table].select()).all()
        )
    )
