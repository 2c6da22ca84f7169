"""`weft code-repositories`: where the code of pipelines is kept under version control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft._enums import word
from weft.cli._access import told
from weft.cli._names import short
from weft.cli._output import by_id, note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import code_repositories_pb2 as pb
    from weftapi.workspace.v1 import code_repositories_pb2_grpc

_KINDS = ["git", "github", "gitlab"]
# More than the workspace itself waits for the host.
_TIMEOUT_S = 20.0
_settings = (
    click.option("--name", "display_name", help="The name that people read."),
    click.option("--description", help="What is in it."),
    click.option("--api-url", help="Where its REST API is, where the host has it elsewhere."),
    click.option("--secret", "secret_name", help="The secret that holds its token; '' for none."),
    click.option("--secret-key", help="The key of the secret that is the token: 'token'."),
    click.option("--username", help="The user that git sends with the token: 'git'."),
)


@click.group("code-repositories")
def code_repositories() -> None:
    """Say where the code of pipelines is kept; `weft run` then names a commit there.

    REPOSITORY is an id.
    """


def _with_settings(command: Any) -> Any:
    for option in reversed(_settings):
        command = option(command)
    return command


@code_repositories.command("list")
@click.option("-q", "--query", default="", help="Which: over kind, url and create_time.")
@output_option
def list_code_repositories(*, query: str, output: str) -> None:
    """List the code repositories of the project."""
    from weftapi.workspace.v1 import code_repositories_pb2 as pb

    connection, stub = _connect()
    call = connection.workspace.call
    request = pb.ListCodeRepositoriesRequest(parent=connection.project, filter=query)
    pages = paged(lambda r: call(stub.ListCodeRepositories, r), request)
    print_messages(
        [each for page in pages for each in page.code_repositories],
        output,
        header=("REPOSITORY", "KIND", "URL", "TOKEN", "NAME"),
        row=lambda r: (
            short(r.name),
            _kind(r.kind),
            r.url,
            short(r.secret_name),
            r.display_name,
        ),
        empty="no code repositories yet: `weft code-repositories create ID --kind git --url URL`",
    )


@code_repositories.command()
@click.argument("repository")
@output_option
def show(*, repository: str, output: str) -> None:
    """Show a code repository."""
    from weftapi.workspace.v1 import code_repositories_pb2 as pb

    connection, stub = _connect()
    request = pb.GetCodeRepositoryRequest(name=_name(connection, repository))
    found = connection.workspace.call(stub.GetCodeRepository, request)
    print_message(found, output, lambda: _draw(found))


@code_repositories.command()
@click.argument("repository")
@click.option("--kind", type=click.Choice(_KINDS), required=True, help="How it is spoken with.")
@click.option("--url", required=True, help="Where it is, as it is cloned over https.")
@_with_settings
@output_option
def create(*, repository: str, output: str, **options: str | None) -> None:
    """Add a code repository; its token is in a secret of the workspace."""
    import uuid

    from weftapi.workspace.v1 import code_repositories_pb2 as pb

    connection, stub = _connect()
    request = pb.CreateCodeRepositoryRequest(
        parent=connection.project,
        code_repository_id=repository,
        code_repository=pb.CodeRepository(**_given(options)),
        request_id=str(uuid.uuid4()),
    )
    made = connection.workspace.call(stub.CreateCodeRepository, request)
    print_message(made, output, lambda: _draw(made))
    note(f"try it: `weft code-repositories verify {short(made.name)}`")


@code_repositories.command()
@click.argument("repository")
@click.option("--url", help="Where it is from now on.")
@_with_settings
@output_option
def update(*, repository: str, output: str, **options: str | None) -> None:
    """Change a code repository; snapshots keep the code that they have."""
    import uuid

    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.workspace.v1 import code_repositories_pb2 as pb

    given = _given(options)
    if not given:
        raise click.UsageError("say what changes: see the options with --help")
    connection, stub = _connect()
    request = pb.UpdateCodeRepositoryRequest(
        code_repository=pb.CodeRepository(name=_name(connection, repository), **given),
        update_mask=FieldMask(paths=given),
        request_id=str(uuid.uuid4()),
    )
    made = connection.workspace.call(stub.UpdateCodeRepository, request)
    print_message(made, output, lambda: _draw(made))


@code_repositories.command()
@click.argument("repository")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(*, repository: str, yes: bool) -> None:
    """Delete a code repository; snapshots keep the code that they have."""
    from weftapi.workspace.v1 import code_repositories_pb2 as pb

    connection, stub = _connect()
    name = _name(connection, repository)
    if not yes:
        click.confirm(f"Delete {short(name)}?", abort=True, err=True)
    request = pb.DeleteCodeRepositoryRequest(name=name)
    connection.workspace.call(stub.DeleteCodeRepository, request)
    note(f"{short(name)} is deleted")


@code_repositories.command()
@click.argument("repository")
@output_option
def verify(*, repository: str, output: str) -> None:
    """Ask its host for the newest commit, and say why that does not work."""
    from weftapi.workspace.v1 import code_repositories_pb2 as pb

    connection, stub = _connect()
    request = pb.VerifyCodeRepositoryRequest(name=_name(connection, repository))
    call = connection.workspace.call
    answer = call(stub.VerifyCodeRepository, request, timeout_s=_TIMEOUT_S)
    branch = [("default branch", answer.default_branch)]
    print_message(answer, output, lambda: print_fields([*branch, *_commit(answer.head)]))


@code_repositories.command()
@click.argument("repository")
@click.argument("revision", required=False, default="")
@output_option
def resolve(*, repository: str, revision: str, output: str) -> None:
    """Say which commit a branch, a tag or a part of an id is; the default branch by default."""
    from weftapi.workspace.v1 import code_repositories_pb2 as pb

    connection, stub = _connect()
    request = pb.ResolveRevisionRequest(name=_name(connection, repository), revision=revision)
    call = connection.workspace.call
    found = call(stub.ResolveRevision, request, timeout_s=_TIMEOUT_S)
    if output == "name":
        click.echo(found.commit)
        return
    print_message(found, output, lambda: print_fields(_commit(found)))


def _connect() -> tuple[Connection, code_repositories_pb2_grpc.CodeRepositoryServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import code_repositories_pb2_grpc

    connection = Connection.current()
    stub = code_repositories_pb2_grpc.CodeRepositoryServiceStub
    return connection, connection.workspace.stub(stub)


def _name(connection: Connection, text: str) -> str:
    if text.startswith("projects/"):
        return text
    return f"{connection.project}/codeRepositories/{text}"


def _given(options: dict[str, str | None]) -> dict[str, Any]:
    """The fields that were said, as the message has them."""
    from weftapi.workspace.v1 import code_repositories_pb2 as pb

    given: dict[str, Any] = {name: text for name, text in options.items() if text is not None}
    if "kind" in given:
        known = pb.CodeRepositoryKind
        given["kind"] = known.Value(f"CODE_REPOSITORY_KIND_{given['kind'].upper()}")
    if given.get("secret_name"):
        given["secret_name"] = f"secrets/{short(given['secret_name'])}"
    return given


def _kind(number: int) -> str:
    from weftapi.workspace.v1 import code_repositories_pb2 as pb

    return word(pb.CodeRepositoryKind, number).lower()


def _commit(found: pb.ResolvedRevision) -> list[tuple[str, str]]:
    return [
        ("commit", found.commit),
        ("committed", told(found.commit_time)),
        ("subject", found.subject),
    ]


def _draw(repository: pb.CodeRepository) -> None:
    print_fields(
        [
            by_id("repository", repository.name),
            ("name", repository.display_name),
            ("about", repository.description),
            ("kind", _kind(repository.kind)),
            ("url", repository.url),
            ("API", repository.api_url),
            ("token from", repository.secret_name),
            ("key", repository.secret_key),
            ("user", repository.username),
            ("by", repository.creator),
            ("changed", told(repository.update_time)),
        ]
    )
