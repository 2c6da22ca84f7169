"""CodeRepositoryService."""

from collections.abc import Iterable
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from meshkit.authentication import Context
from meshkit.caller import Caller
from meshkit.database import Database
from meshkit.idempotency import once
from meshkit.rules import resolve_update_mask
from meshkit.scopes import ExtraCheck
from weftapi.workspace.v1 import (
    code_repositories_pb2,
    code_repositories_pb2_grpc,
    snapshots_pb2,
)
from workspace import names
from workspace.access import Access, Policies
from workspace.operations import code_repositories as operations
from workspace.operations.authors import SECRETS_PERMISSION, Author
from workspace.operations.refusals import absent, invalid
from workspace.repositories.desk import RepositoryDesk
from workspace.repositories.model import Commit
from workspace.repositories.revisions import problem
from workspace.servicers.converting import caller, numbers, short_names, stamp
from workspace.servicers.listing import Lists
from workspace.store import code_repositories as store
from workspace.store.schema_code_repositories import CodeRepository

_KINDS = short_names(code_repositories_pb2.CodeRepositoryKind)
_KIND_NUMBERS = numbers(code_repositories_pb2.CodeRepositoryKind)
_FIELDS = (
    "display_name",
    "description",
    "labels",
    "annotations",
    "kind",
    "url",
    "api_url",
    "secret_name",
    "secret_key",
    "username",
)


class CodeRepositoryServicer(code_repositories_pb2_grpc.CodeRepositoryServiceServicer):
    def __init__(
        self, database: Database, lists: Lists, policies: Policies, desk: RepositoryDesk
    ) -> None:
        self._database = database
        self._lists = lists
        self._policies = policies
        self._desk = desk

    async def GetCodeRepository(
        self, request: code_repositories_pb2.GetCodeRepositoryRequest, _context: Context
    ) -> code_repositories_pb2.CodeRepository:
        row = await self._database.read(store.get, *names.ids(request.name))
        if row is None:
            raise absent(request.name)
        return code_repository_to_proto(row)

    async def ListCodeRepositories(
        self, request: code_repositories_pb2.ListCodeRepositoriesRequest, _context: Context
    ) -> code_repositories_pb2.ListCodeRepositoriesResponse:
        window = self._lists.window("ListCodeRepositories", request, store.ORDERS)
        filter_ = self._lists.filter(store.FIELDS, request.filter)
        project = names.project_of(request.parent)
        page = await self._lists.page(
            window, code_repository_to_proto, store.list_page, project, window, filter_
        )
        return code_repositories_pb2.ListCodeRepositoriesResponse(
            code_repositories=page.items,
            next_page_token=page.next_page_token,
            revision=page.revision,
        )

    async def CreateCodeRepository(
        self, request: code_repositories_pb2.CreateCodeRepositoryRequest, _context: Context
    ) -> code_repositories_pb2.CodeRepository:
        return await self._database.write(
            operations.create,
            names.last(request.parent),
            request.code_repository_id,
            _values(request.code_repository, _FIELDS),
            author=self._author(),
            once=once(request, code_repositories_pb2.CodeRepository),
            trial=request.validate_only,
            reply=code_repository_to_proto,
        )

    async def UpdateCodeRepository(
        self, request: code_repositories_pb2.UpdateCodeRepositoryRequest, _context: Context
    ) -> code_repositories_pb2.CodeRepository:
        wanted = request.code_repository
        return await self._database.write(
            operations.change,
            *names.ids(wanted.name),
            _values(wanted, resolve_update_mask(wanted, request.update_mask)),
            etag=wanted.etag,
            author=self._author(),
            once=once(request, code_repositories_pb2.CodeRepository),
            trial=request.validate_only,
            reply=code_repository_to_proto,
        )

    async def DeleteCodeRepository(
        self, request: code_repositories_pb2.DeleteCodeRepositoryRequest, _context: Context
    ) -> Empty:
        await self._database.write(operations.delete, *names.ids(request.name), etag=request.etag)
        return Empty()

    async def VerifyCodeRepository(
        self, request: code_repositories_pb2.VerifyCodeRepositoryRequest, _context: Context
    ) -> code_repositories_pb2.VerifyCodeRepositoryResponse:
        row = await self._database.read(operations.require, *names.ids(request.name))
        head = await self._desk.head(row)
        await self._database.write(operations.record_use, row.name)
        return code_repositories_pb2.VerifyCodeRepositoryResponse(
            default_branch=head.branch, head=_commit_to_proto(head.commit)
        )

    async def ResolveRevision(
        self, request: code_repositories_pb2.ResolveRevisionRequest, _context: Context
    ) -> code_repositories_pb2.ResolvedRevision:
        if request.revision and (wrong := problem(request.revision)):
            raise invalid("revision", wrong)
        row = await self._database.read(operations.require, *names.ids(request.name))
        return _commit_to_proto(await self._desk.resolve(row, request.revision))

    def _author(self) -> Author:
        me = caller()
        return Author(me.subject, self._policies.allows(me, SECRETS_PERMISSION, ""))


def may_fetch_code(access: Access) -> ExtraCheck:
    """The extra check `code_of_repository`: a snapshot gives nobody code that they may not have."""

    allowed = access.require("codeRepositories.resolve")

    async def check(caller: Caller, request: Message) -> None:
        assert isinstance(request, snapshots_pb2.CreateSnapshotRequest)
        if repository := request.snapshot.code.code_repository:
            await allowed(caller, repository)

    return check


def code_repository_to_proto(row: CodeRepository) -> code_repositories_pb2.CodeRepository:
    kind: Any = _KIND_NUMBERS[row.kind]
    return code_repositories_pb2.CodeRepository(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        labels=row.labels or None,
        annotations=row.annotations or None,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        kind=kind,
        url=row.url,
        api_url=row.api_url,
        secret_name=f"secrets/{row.secret}" if row.secret else "",
        secret_key=row.secret_key,
        username=row.username,
    )


def _values(wanted: code_repositories_pb2.CodeRepository, paths: Iterable[str]) -> dict[str, Any]:
    """The named fields as plain values."""
    values = {path: getattr(wanted, path) for path in paths}
    for name in ("labels", "annotations"):
        if name in values:
            values[name] = dict(values[name])
    if "kind" in values:
        values["kind"] = _KINDS[values["kind"]]
    if "secret_name" in values:
        values["secret"] = names.last(values.pop("secret_name"))
    return values


def _commit_to_proto(commit: Commit) -> code_repositories_pb2.ResolvedRevision:
    return code_repositories_pb2.ResolvedRevision(
        commit=commit.id, commit_time=stamp(commit.time), subject=commit.subject
    )
