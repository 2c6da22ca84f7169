"""Where a run's code comes from: a commit that the workspace fetches, or an upload."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from weft._checkout import Checkout, place_of
from weft.errors import ApiError, NotFoundError, SubmitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weft._connection import Connection
    from weftapi.workspace.v1 import code_repositories_pb2

_SHOWN = 12


class CodeSource(StrEnum):
    """What people choose: by default a commit where one has the code, and else an upload."""

    AUTO = "auto"
    UPLOAD = "upload"
    REPOSITORY = "repository"


def repository_of(
    connection: Connection, checkout: Checkout | None, source: CodeSource
) -> tuple[str, str]:
    """The code repository that has the checkout's commit, and else "" with why there is none.

    Raises:
        SubmitError: There is none, and it was to be one.
    """
    if source is CodeSource.UPLOAD:
        return "", ""
    name, why = _find(connection, checkout)
    if not name and source is CodeSource.REPOSITORY:
        raise SubmitError(f"the code cannot come from a code repository: {why}")
    # A folder without git is nothing to wonder about.
    return name, why if checkout else ""


def _find(connection: Connection, checkout: Checkout | None) -> tuple[str, str]:
    if checkout is None:
        return "", "it is in no git checkout"
    if checkout.obstacle:
        return "", checkout.obstacle
    places = {place_of(url) for url in checkout.remotes} - {""}
    if not places:
        return "", "its checkout has no remote at a host"
    why = "no code repository of the project is its remote (`weft code-repositories create`)"
    try:
        for repository in _repositories(connection):
            if place_of(repository.url) in places:
                why = _why_not(connection, repository.name, checkout.commit)
                if not why:
                    return repository.name, ""
    except ApiError as error:
        why = str(error)
    return "", why


def _why_not(connection: Connection, repository: str, commit: str) -> str:
    """Why the commit cannot be had of a code repository; "" where it can."""
    from weftapi.workspace.v1 import code_repositories_pb2, code_repositories_pb2_grpc

    stub = connection.workspace.stub(code_repositories_pb2_grpc.CodeRepositoryServiceStub)
    request = code_repositories_pb2.ResolveRevisionRequest(name=repository, revision=commit)
    try:
        # As long as the workspace itself waits for the host, and a little more.
        connection.workspace.call(stub.ResolveRevision, request, timeout_s=20.0)
    except NotFoundError:
        return f"{commit[:_SHOWN]} is not pushed to {repository.rpartition('/')[2]}"
    except ApiError as error:
        return str(error)
    return ""


def _repositories(connection: Connection) -> Iterator[code_repositories_pb2.CodeRepository]:
    from weftapi.workspace.v1 import code_repositories_pb2, code_repositories_pb2_grpc

    stub = connection.workspace.stub(code_repositories_pb2_grpc.CodeRepositoryServiceStub)
    request = code_repositories_pb2.ListCodeRepositoriesRequest(
        parent=connection.project, page_size=500
    )
    while True:
        page = connection.workspace.call(stub.ListCodeRepositories, request)
        yield from page.code_repositories
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
