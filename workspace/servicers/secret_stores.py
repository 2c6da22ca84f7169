"""SecretStoreService."""

import json
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID, uuid4

from google.protobuf import json_format

from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.errors import FailedPrecondition, FieldViolation, InvalidArgument
from meshkit.idempotency import Once, once
from meshkit.ids import new_uid
from meshkit.rules.treatment import sensitive_paths
from weftapi.workspace.v1 import secret_stores_pb2, secret_stores_pb2_grpc
from workspace import names
from workspace.operations import data_keys as key_operations
from workspace.operations import secret_stores as operations
from workspace.operations.secret_stores import Overview, Settings
from workspace.secrets.backends import Backends, bounded, credentials_place
from workspace.secrets.rotation import KeyRotation
from workspace.secrets.sealer import Sealer
from workspace.secrets.stores import Ref, StoreError, ValueStore, open_store
from workspace.servicers.converting import stamp, uuid_or
from workspace.store import data_keys
from workspace.store import secrets as secret_store
from workspace.store.schema_secrets import DATABASE, DataKey, DataKeyState, SecretBackend

_PROBE = {"probe": "written by Weft to try this store; it can be deleted"}
_MIGRATION = secret_stores_pb2.SecretMigration


@dataclass(frozen=True, slots=True)
class _Asked:
    """A backend as a request describes it."""

    kind: str
    config: dict[str, str]
    credentials: dict[str, str]


class SecretStoreServicer(secret_stores_pb2_grpc.SecretStoreServiceServicer):
    def __init__(
        self, database: Database, *, backends: Backends, sealer: Sealer, rotation: KeyRotation
    ) -> None:
        self._database = database
        self._backends = backends
        self._sealer = sealer
        self._rotation = rotation

    async def GetSecretStore(
        self, _request: secret_stores_pb2.GetSecretStoreRequest, _context: Context
    ) -> secret_stores_pb2.SecretStore:
        return await self._now()

    async def UpdateSecretStore(
        self, request: secret_stores_pb2.UpdateSecretStoreRequest, _context: Context
    ) -> secret_stores_pb2.SecretStore:
        if request.HasField("backup") and request.remove_backup:
            problem = FieldViolation("remove_backup", "cannot be set together with a new backup")
            raise InvalidArgument("INVALID_FIELDS", problem.description, violations=[problem])
        backend = backup = None
        if request.HasField("backend"):
            backend = await self._renewed(_read(request.backend))
        if request.HasField("backup"):
            backup = await self._new(_read(request.backup))
        await self._database.write(
            operations.change,
            settings=backend,
            backup=backup,
            remove_backup=request.remove_backup,
            etag=request.etag,
            once=self._once(request),
            reply=_nothing,
        )
        return await self._now()

    async def MigrateSecretStore(
        self, request: secret_stores_pb2.MigrateSecretStoreRequest, _context: Context
    ) -> secret_stores_pb2.SecretStore:
        await self._database.write(
            operations.migrate,
            await self._new(_read(request.target)),
            etag=request.etag,
            once=self._once(request),
            reply=_nothing,
        )
        return await self._now()

    async def RotateSecretKey(
        self, request: secret_stores_pb2.RotateSecretKeyRequest, _context: Context
    ) -> secret_stores_pb2.SecretStore:
        uid = uuid_or(request.request_id, new_uid)
        same = self._once(request)
        if request.key == secret_stores_pb2.RotateSecretKeyRequest.KEY_WRAPPING:
            await self._rotation.add_wrapping_key(uid)
            await self._database.write(key_operations.note_wrapping, once=same, reply=_nothing)
            await self._rotation.rewrap()
        else:
            new = await self._rotation.new_data_key(uid)
            await self._database.write(key_operations.publish, new, once=same, reply=_nothing)
        return await self._now()

    async def _now(self) -> secret_stores_pb2.SecretStore:
        found = await self._database.read(operations.overview)
        keys = await self._database.read(data_keys.list_all)
        return store_to_proto(found, keys)

    def _once(self, request: Any) -> Once | None:
        """Credentials are in these requests: see SecretServicer."""
        asked = once(request, secret_stores_pb2.SecretStore)
        if asked is None:
            return None
        digest = self._sealer.digest(asked.request_hash)
        return Once(asked.principal, asked.method, asked.request_id, digest, asked.reply_type)

    async def _new(self, asked: _Asked) -> Settings:
        """Settings of a backend that was tried: writing, reading and deleting a value."""
        if asked.kind == "database":
            return Settings(DATABASE)
        uid = new_uid()
        store = _open(uid, asked)
        try:
            ref = Ref("probe", uuid4())
            await bounded(uid, lambda: store.put(ref, _PROBE))
            if await bounded(uid, lambda: store.get(ref)) != _PROBE:
                raise FailedPrecondition(
                    "SECRET_STORE_REFUSED",
                    "The store does not answer what was written to it a moment ago.",
                    metadata={"store": str(uid)},
                )
            await bounded(uid, lambda: store.delete(ref))
        finally:
            await store.close()
        return self._settings(uid, asked)

    async def _renewed(self, asked: _Asked) -> Settings:
        """New settings of the backend; FailedPrecondition where its values are not there."""
        found = await self._database.read(operations.overview)
        uid = found.store.backend
        present = found.backends.get(uid)
        if (present.kind if present else "database") != asked.kind:
            raise _differs()
        if present is None:
            return Settings(DATABASE)
        if not asked.credentials:
            asked = _Asked(asked.kind, asked.config, self._backends.credentials(present))
        tried = await self._new(asked)
        sample = await self._database.read(secret_store.sample, uid)
        if sample:
            store = _open(uid, asked)
            try:
                ref = Ref(sample.id, sample.generation)
                if await bounded(uid, lambda: store.get(ref)) is None:
                    raise _differs()
            finally:
                await store.close()
        return self._settings(uid, _Asked(tried.kind, asked.config, asked.credentials))

    def _settings(self, uid: UUID, asked: _Asked) -> Settings:
        plain = json.dumps(asked.credentials).encode()
        sealed = self._sealer.seal(plain, bound_to=credentials_place(uid))
        return Settings(uid, asked.kind, asked.config, sealed)


def _read(backend: secret_stores_pb2.SecretBackend) -> _Asked:
    """A backend's settings and, apart from them, what signs in to it."""
    kind = backend.WhichOneof("kind")
    if kind is None:
        problem = FieldViolation("kind", "must be set: vault, aws, gcp, azure or database")
        raise InvalidArgument("INVALID_FIELDS", problem.description, violations=[problem])
    message = getattr(backend, kind)
    document = json_format.MessageToDict(message, preserving_proto_field_name=True)
    hidden = sensitive_paths(message.DESCRIPTOR)
    config = {name: value for name, value in document.items() if name not in hidden}
    return _Asked(kind, config, {name: document[name] for name in hidden if name in document})


def _open(uid: UUID, asked: _Asked) -> ValueStore:
    try:
        return open_store(asked.kind, asked.config, asked.credentials)
    except StoreError as error:
        raise FailedPrecondition(
            "SECRET_STORE_REFUSED",
            f"These settings cannot be right: {error}.",
            metadata={"store": str(uid)},
        ) from error


def _differs() -> FailedPrecondition:
    return FailedPrecondition(
        "SECRET_STORE_DIFFERS",
        "The values that exist are not there. To keep values elsewhere, migrate the store.",
    )


def _nothing(_result: object) -> secret_stores_pb2.SecretStore:
    """In the place of the reply, which is made anew for a repetition too."""
    return secret_stores_pb2.SecretStore()


def store_to_proto(found: Overview, keys: list[DataKey]) -> secret_stores_pb2.SecretStore:
    row = found.store
    shown = secret_stores_pb2.SecretStore(
        backend=_backend_to_proto(row.backend, found.backends),
        update_time=stamp(row.update_time) if row.changes else None,
        etag=names.etag(row.uid, row.changes),
        keys=_keys_to_proto(keys),
    )
    if row.backup is not None:
        shown.backup.CopyFrom(_backend_to_proto(row.backup, found.backends))
        shown.backup_missing_count = found.lacking_backup
    if row.target is not None:
        state = _MIGRATION.STATE_SUCCEEDED if row.end_time else _MIGRATION.STATE_RUNNING
        shown.migration.CopyFrom(
            _MIGRATION(
                state=state,
                target=_backend_to_proto(row.target, found.backends),
                moved_count=row.moved,
                remaining_count=0 if row.end_time else found.remaining,
                problem=row.problem,
                start_time=stamp(row.start_time),
                end_time=stamp(row.end_time),
            )
        )
    return shown


def _backend_to_proto(
    uid: UUID, backends: dict[UUID, SecretBackend]
) -> secret_stores_pb2.SecretBackend:
    """A backend without what signs in to it."""
    shown = secret_stores_pb2.SecretBackend()
    row = backends.get(uid)
    if row is None:
        shown.database.SetInParent()
    else:
        json_format.ParseDict({row.kind: row.config}, shown)
    return shown


def _keys_to_proto(keys: list[DataKey]) -> secret_stores_pb2.SecretKeys | None:
    current = next((key for key in keys if key.state == DataKeyState.CURRENT), None)
    if current is None:
        return None
    under_way = {DataKeyState.PUBLISHED.value, DataKeyState.REPLACED.value}
    return secret_stores_pb2.SecretKeys(
        wrapping_key=current.wrapped_by,
        data_key=str(current.uid),
        data_key_time=cast("Any", stamp(current.state_time)),
        rotating=any(key.state in under_way for key in keys),
    )
