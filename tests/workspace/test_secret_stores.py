"""Every store of values, one contract: the database, Vault, AWS (moto), Google's and Azure's."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from meshkit.database import Database
from meshkit.errors import FailedPrecondition, Unavailable
from meshkit.migrations import migrate
from tests.clouds import fake_secret_stores
from tests.clouds.emulators import aws
from tests.clouds.fake_secret_stores import FakeKeyVault, FakeSecretManager, FakeVault
from workspace.secrets import backends
from workspace.secrets.backends import bounded
from workspace.secrets.key_file import KeyFile
from workspace.secrets.sealer import Sealer
from workspace.secrets.stores import Ref, StoreError, ValueStore, open_store
from workspace.secrets.stores.database import DatabaseStore
from workspace.secrets.stores.signing import AccessKey, Scope, signed
from workspace.store.base import metadata
from workspace.upgrade import MIGRATIONS

KINDS = ("sqlite", "postgresql", "vault", "aws", "gcp", "azure")
HTTP_KINDS = ("vault", "gcp", "azure")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with aws() as endpoint:
        yield endpoint


def vault_at(fake: FakeVault) -> ValueStore:
    role, secret_id = fake.role
    return open_store("vault", {"address": fake.url, "role_id": role}, {"secret_id": secret_id})


def gcp_at(fake: FakeSecretManager) -> ValueStore:
    key = json.dumps(fake.service_account())
    return open_store(
        "gcp", {"project": "demo", "endpoint": fake.url}, {"service_account_key": key}
    )


def azure_at(fake: FakeKeyVault) -> ValueStore:
    client, secret = fake.client
    settings = {"tenant_id": "tenant", "client_id": client, "authority": fake.url}
    return open_store("azure", {"vault_uri": fake.url, **settings}, {"client_secret": secret})


FAKES = {
    "vault": (fake_secret_stores.vault, vault_at),
    "gcp": (fake_secret_stores.secret_manager, gcp_at),
    "azure": (fake_secret_stores.key_vault, azure_at),
}


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A kind of store, and where one is that was started already."""
    fixtures = {"sqlite": "sqlite_url", "postgresql": "postgres_url", "aws": "moto"}
    fixture = fixtures.get(request.param)
    return request.param, request.getfixturevalue(fixture) if fixture else ""


@pytest.fixture
async def store(place: tuple[str, str], tmp_path: Path) -> AsyncIterator[ValueStore]:
    kind, url = place
    if kind in FAKES:
        serve, connect = FAKES[kind]
        async with serve() as fake:
            connected = connect(fake)
            yield connected
            await connected.close()
    elif kind == "aws":
        connected = _aws(url)
        yield connected
        await connected.close()
    else:
        async with _database_store(url, tmp_path) as connected:
            yield connected


def _aws(endpoint: str) -> ValueStore:
    config = {"region": "eu-central-1", "endpoint": endpoint, "access_key_id": "AKID"}
    return open_store("aws", config, {"secret_access_key": "key"})


class _database_store:  # noqa: N801 - reads as a call
    """The store of a database that was just made."""

    def __init__(self, url: str, directory: Path) -> None:
        self._url, self._directory = url, directory

    async def __aenter__(self) -> ValueStore:
        await migrate(self._url, MIGRATIONS, metadata)
        self._database = await Database.open(
            self._url, metadata=metadata, encode_event=lambda *_: (b"", b"")
        )
        sealer = Sealer(self._database, KeyFile(self._directory / "keys", is_ours=True))
        await sealer.load()
        return DatabaseStore(self._database, sealer)

    async def __aexit__(self, *_: object) -> None:
        await self._database.close()


def _ref(secret: str = "hf") -> Ref:
    return Ref(secret, uuid4())


async def test_values_come_back_as_they_went_in(store: ValueStore) -> None:
    ref, values = (
        _ref(),
        {"token": "hunter2", "pem": "-----BEGIN\n\u00e4\u4f60\U0001f9f5\0\n", "e": ""},
    )
    await store.put(ref, values)
    assert await store.get(ref) == values


async def test_references_are_told_apart(store: ValueStore) -> None:
    one, other = _ref("a"), _ref("a")
    await store.put(one, {"k": "1"})
    await store.put(other, {"k": "2"})
    assert await store.get(one) == {"k": "1"}
    await store.delete(one)
    assert await store.get(one) is None
    assert await store.get(other) == {"k": "2"}


async def test_what_is_absent_is_none_and_deleting_it_is_nothing(store: ValueStore) -> None:
    assert await store.get(_ref()) is None
    await store.delete(_ref())
    ref = _ref()
    await store.put(ref, {"k": "1"})
    await store.delete(ref)
    await store.delete(ref)


async def test_everything_may_be_repeated(store: ValueStore) -> None:
    ref = _ref()
    await store.put(ref, {"k": "1"})
    await store.put(ref, {"k": "1"})
    assert await store.get(ref) == {"k": "1"}


async def test_the_longest_name_and_the_largest_values_fit(store: ValueStore) -> None:
    ref = _ref("s" * 63)
    values = {"k" * 128: "x" * 23_800}
    await store.put(ref, values)
    assert await store.get(ref) == values


@pytest.mark.parametrize("kind", HTTP_KINDS)
async def test_a_store_that_is_down_or_slow_is_unavailable_in_time(kind, monkeypatch) -> None:
    serve, connect = FAKES[kind]
    monkeypatch.setattr(backends, "_CALL_S", 0.2)
    async with serve() as fake:
        store = connect(fake)
        await store.put(_ref(), {"k": "1"})
        fake.is_down = True
        with pytest.raises(Unavailable) as refused:
            await bounded(uuid4(), lambda: store.get(_ref()))
        assert refused.value.reason == "SECRET_STORE_UNAVAILABLE"
        assert "503" in refused.value.message
        fake.hangs = True
        with pytest.raises(Unavailable) as refused:
            await bounded(uuid4(), lambda: store.get(_ref()))
        assert "in time" in refused.value.message
        await store.close()
    with pytest.raises(Unavailable, match="does not answer"):
        await bounded(uuid4(), lambda: connect(fake).get(_ref()))


@pytest.mark.parametrize("kind", HTTP_KINDS)
async def test_wrong_credentials_are_a_refusal_that_names_none(kind) -> None:
    serve, _ = FAKES[kind]
    wrong = {
        "vault": ({"role_id": "weft-role"}, {"secret_id": "canary"}),
        "gcp": ({"project": "demo"}, {}),
        "azure": ({"tenant_id": "tenant", "client_id": "weft-app"}, {"client_secret": "canary"}),
    }
    async with serve() as fake:
        config, credentials = wrong[kind]
        if kind == "gcp":
            key = {**FakeSecretManager().service_account(), "token_uri": f"{fake.url}/token"}
            credentials = {"service_account_key": json.dumps(key)}
        places = {"address": fake.url, "endpoint": fake.url, "vault_uri": fake.url}
        config = {**config, **places, "authority": fake.url}
        store = open_store(kind, config, credentials)
        with pytest.raises(FailedPrecondition) as refused:
            await bounded(uuid4(), lambda: store.get(_ref()))
        assert refused.value.reason == "SECRET_STORE_REFUSED"
        assert "canary" not in refused.value.message
        await store.close()


async def test_a_token_of_vault_s_own_works_too() -> None:
    async with fake_secret_stores.vault() as fake:
        store = open_store("vault", {"address": fake.url}, {"token": fake.issue()})
        ref = _ref()
        await store.put(ref, {"k": "1"})
        assert await store.get(ref) == {"k": "1"}
        fake.tokens.clear()
        with pytest.raises(StoreError, match="403") as refused:
            await store.get(ref)
        assert refused.value.is_refusal
        await store.close()


@pytest.mark.parametrize(
    ("kind", "config", "credentials", "told"),
    [
        ("vault", {"address": "https://v"}, {}, "needs a token"),
        ("vault", {"address": "http://vault.example.com"}, {"token": "t"}, "https://"),
        ("vault", {"address": "ftp://v"}, {"token": "t"}, "https://"),
        ("vault", {"address": "https://v", "ca_certificate": "x"}, {"token": "t"}, "no PEM"),
        ("aws", {"region": "eu-central-1"}, {}, "needs an access key"),
        ("gcp", {"project": "p"}, {"service_account_key": "{}"}, "JSON key"),
        ("gcp", {"project": "p"}, {"service_account_key": "x"}, "JSON key"),
        ("azure", {"vault_uri": "https://v"}, {}, "client secret"),
        ("abacus", {}, {}, "not known"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(
    kind, config, credentials, told, monkeypatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with pytest.raises(StoreError, match=told) as refused:
        open_store(kind, config, credentials)
    assert refused.value.is_refusal


async def test_what_is_no_secret_of_ours_is_refused() -> None:
    async with fake_secret_stores.vault() as fake:
        store, ref = vault_at(fake), _ref()
        await store.put(ref, {"k": "1"})
        fake.values[f"weft/{ref.name}"] = [{"k": {"nested": True}}]
        with pytest.raises(StoreError, match="no secret of ours"):
            await store.get(ref)
        await store.close()


async def test_calls_at_the_same_time_do_not_disturb_each_other() -> None:
    async with fake_secret_stores.secret_manager() as fake:
        store, refs = gcp_at(fake), [_ref() for _ in range(8)]
        await asyncio.gather(*(store.put(ref, {"k": ref.name}) for ref in refs))
        found = await asyncio.gather(*(store.get(ref) for ref in refs))
        assert found == [{"k": ref.name} for ref in refs]
        await store.close()


def test_requests_to_aws_are_signed_as_amazon_s_example_is() -> None:
    headers = signed(
        "GET",
        "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        {"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
        b"",
        key=AccessKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        scope=Scope("us-east-1", "iam"),
        time=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )
    signature = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    assert headers["authorization"].endswith(f"Signature={signature}")
    temporary = AccessKey("A", "s", "session")
    signed_headers = signed(
        "POST",
        "https://x.example/",
        {},
        b"{}",
        key=temporary,
        scope=Scope("r", "s"),
        time=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert signed_headers["x-amz-security-token"] == "session"
    assert "x-amz-security-token" in signed_headers["authorization"]
