"""SecretService."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from uuid import UUID

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from meshkit.authentication import Context
from meshkit.caller import Caller
from meshkit.database import Database
from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.idempotency import Once, once
from meshkit.rules import resolve_update_mask
from meshkit.scopes import ExtraCheck
from weftapi.workspace.v1 import secrets_pb2, secrets_pb2_grpc
from workspace import names
from workspace.access import Access
from workspace.operations import secrets as operations
from workspace.operations.refusals import absent, changed
from workspace.secrets.keeper import SecretKeeper
from workspace.secrets.masking import Masking
from workspace.secrets.readers import PERMISSION, Readers
from workspace.secrets.sealer import Sealer
from workspace.servicers.converting import caller, numbers, run_of, short_names, stamp
from workspace.servicers.listing import Lists
from workspace.store import secrets as store
from workspace.store.schema_secrets import Secret, SecretScope

# Every store takes as much: Azure Key Vault has the least room.
MAX_BYTES = 24_000
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SCOPES = short_names(secrets_pb2.SecretScope)
_SCOPE_NUMBERS = numbers(secrets_pb2.SecretScope)


class SecretServicer(secrets_pb2_grpc.SecretServiceServicer):
    def __init__(
        self,
        database: Database,
        lists: Lists,
        *,
        keeper: SecretKeeper,
        readers: Readers,
        sealer: Sealer,
        masking: Masking,
    ) -> None:
        self._database = database
        self._lists = lists
        self._keeper = keeper
        self._readers = readers
        self._sealer = sealer
        self._masking = masking

    async def GetSecret(
        self, request: secrets_pb2.GetSecretRequest, _context: Context
    ) -> secrets_pb2.Secret:
        return secret_to_proto(await self._visible(request.name))

    async def ListSecrets(
        self, request: secrets_pb2.ListSecretsRequest, _context: Context
    ) -> secrets_pb2.ListSecretsResponse:
        window = self._lists.window("ListSecrets", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        subject = caller().subject
        page = await self._lists.page(
            window, secret_to_proto, store.list_page, subject, window, filter_
        )
        return secrets_pb2.ListSecretsResponse(
            secrets=page.items, next_page_token=page.next_page_token, revision=page.revision
        )

    async def CreateSecret(
        self, request: secrets_pb2.CreateSecretRequest, _context: Context
    ) -> secrets_pb2.Secret:
        secret = request.secret
        _check(secret.values)
        new = operations.NewSecret(
            id=request.secret_id,
            creator=caller().subject,
            scope=_SCOPES[secret.scope] or SecretScope.SHARED.value,
            kept=await self._keeper.keep(
                request.secret_id, secret.values, trial=request.validate_only
            ),
            display_name=secret.display_name,
            description=secret.description,
            labels=dict(secret.labels),
            projects=_ids(secret.projects),
        )
        return await self._database.write(
            operations.create,
            new,
            once=self._once(request),
            trial=request.validate_only,
            reply=secret_to_proto,
        )

    async def UpdateSecret(
        self, request: secrets_pb2.UpdateSecretRequest, _context: Context
    ) -> secrets_pb2.Secret:
        secret, removed = request.secret, set(request.remove_keys)
        paths = set(resolve_update_mask(secret, request.update_mask))
        if removed and not request.update_mask.paths:
            paths.add("values")
        kept, instead_of = None, None
        if "values" in paths:
            kept, instead_of = await self._merge(secret, removed, trial=request.validate_only)
        values = {path: getattr(secret, path) for path in paths - {"values"}}
        if "labels" in values:
            values["labels"] = dict(secret.labels)
        if "projects" in values:
            values["projects"] = _ids(secret.projects)
        return await self._database.write(
            operations.change,
            names.last(secret.name),
            values,
            reader=caller().subject,
            etag=secret.etag,
            kept=kept,
            instead_of=instead_of,
            once=self._once(request),
            trial=request.validate_only,
            reply=secret_to_proto,
        )

    async def DeleteSecret(
        self, request: secrets_pb2.DeleteSecretRequest, _context: Context
    ) -> Empty:
        await self._database.write(
            operations.delete,
            names.last(request.name),
            reader=caller().subject,
            etag=request.etag,
        )
        return Empty()

    async def AccessSecret(
        self, request: secrets_pb2.AccessSecretRequest, _context: Context
    ) -> secrets_pb2.SecretValues:
        (values,) = await self._access([request.name])
        return values

    async def BatchAccessSecrets(
        self, request: secrets_pb2.BatchAccessSecretsRequest, _context: Context
    ) -> secrets_pb2.BatchAccessSecretsResponse:
        return secrets_pb2.BatchAccessSecretsResponse(secrets=await self._access(request.names))

    async def _access(self, asked: Iterable[str]) -> list[secrets_pb2.SecretValues]:
        """Audited first: what was read can not be unread."""
        reader, run = await self._readers.subject_of(caller()), run_of(caller())
        ids = [names.last(name) for name in asked]
        rows = await self._database.write(operations.access, ids, reader=reader, run=run)
        found = [(row, await self._keeper.read(row)) for row in rows]
        if run:
            for row, values in found:
                self._masking.learn(*run, row.generation, values)
        return [secrets_pb2.SecretValues(name=row.name, values=values) for row, values in found]

    async def _merge(
        self, secret: secrets_pb2.Secret, removed: set[str], *, trial: bool
    ) -> tuple[operations.Kept, UUID]:
        """Keeps the values as they are to be; with them, the generation that they grew from."""
        row = await self._visible(secret.name)
        current = names.etag(row.uid, row.changes)
        # Looked at here too, so that a stale writer puts nothing into a store.
        if secret.etag and secret.etag != current:
            raise changed(current)
        old = await self._keeper.read(row)
        values = {key: old[key] for key in old if key not in removed} | dict(secret.values)
        _check(values)
        return await self._keeper.keep(row.id, values, trial=trial), row.generation

    async def _visible(self, name: str) -> Secret:
        row = await self._database.read(store.get, names.last(name))
        if row is None or not row.is_visible_to(caller().subject):
            raise absent(name)
        return row

    def _once(
        self, request: secrets_pb2.CreateSecretRequest | secrets_pb2.UpdateSecretRequest
    ) -> Once | None:
        """Keyed, since a plain hash tells who has it when a value was guessed right."""
        asked = once(request, secrets_pb2.Secret)
        return asked and replace(asked, request_hash=self._sealer.digest(asked.request_hash))


def giving_rule(access: Access) -> ExtraCheck:
    """The extra check of that name: nobody lets runs read what they may not read themselves."""

    allowed = access.require(PERMISSION)

    async def check(caller: Caller, request: Message) -> None:
        assert isinstance(request, secrets_pb2.UpdateSecretRequest)
        paths = resolve_update_mask(request.secret, request.update_mask)
        if "projects" in paths and request.secret.projects:
            await allowed(caller, request.secret.name)

    return check


def secret_to_proto(row: Secret) -> secrets_pb2.Secret:
    scope: int = _SCOPE_NUMBERS[row.scope]
    return secrets_pb2.Secret(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        labels=row.labels,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        scope=scope,  # type: ignore[arg-type]
        keys=row.keys,
        projects=[names.project(project) for project in row.projects],
    )


def _ids(projects: Iterable[str]) -> list[str]:
    return sorted({names.last(project) for project in projects})


def _check(values: Mapping[str, str]) -> None:
    """InvalidArgument for values that some store, or some reference, could not hold."""
    problem = ""
    if not values:
        problem = "must hold one value at least"
    elif not all(_KEY.fullmatch(key) for key in values):
        problem = 'has a key that is not made of 1 to 128 letters, digits, "_" and "-"'
    elif len(values) > 64:  # noqa: PLR2004 - as in the contract
        problem = "has more than 64 keys"
    elif len(json.dumps(dict(values))) > MAX_BYTES:
        problem = f"is larger than {MAX_BYTES:,} bytes"
    if problem:
        violation = FieldViolation("secret.values", problem)
        raise InvalidArgument("INVALID_FIELDS", f"secret.values {problem}.", violations=[violation])
