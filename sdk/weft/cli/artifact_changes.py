"""`weft artifacts update, delete, prune`: what is said of artifacts, and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from weft.cli._ages import age_of
from weft.cli._artifacts import artifact_name, connect, find, label, labels_of, size_of
from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weftapi.workspace.v1 import artifact_types_pb2


@click.command()
@click.argument("artifact")
@click.option("--alias", help="A version's own name, beside its number; empty takes it away.")
@click.option("--name", help="The name of an artifact that people read.")
@click.option("--description", help="What is worth saying of it.")
@click.option("-l", "--label", "labels", multiple=True, help="KEY=VALUE; all labels it shall have.")
@click.option("--no-labels", is_flag=True, help="Takes all labels away.")
@output_option
def update(
    *,
    artifact: str,
    alias: str | None,
    name: str | None,
    description: str | None,
    labels: tuple[str, ...],
    no_labels: bool,
    output: str,
) -> None:
    """Change what is said of a version (ARTIFACT@VERSION), or of the artifact itself."""
    is_version = "@" in artifact or "/versions/" in artifact
    if (alias is not None) > is_version or ((name is not None) and is_version):
        raise CommandError(
            "--alias is for a version (ARTIFACT@VERSION), --name for the artifact", Exit.USAGE
        )
    fields: dict[str, Any] = {"alias": alias, "display_name": name, "description": description}
    changed = {field: value for field, value in fields.items() if value is not None}
    if labels or no_labels:
        changed["labels"] = labels_of(labels)
    if not changed or (labels and no_labels):
        raise CommandError(
            "say what changes, with --alias, --name, --description, --label or --no-labels",
            Exit.USAGE,
        )
    (_update_version if is_version else _update_artifact)(artifact, changed, output)


def _update_version(artifact: str, changed: dict[str, Any], output: str) -> None:
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.workspace.v1 import artifact_types_pb2, artifacts_pb2

    connection, stub = connect()
    name = find(connection, stub, artifact).name
    request = artifacts_pb2.UpdateArtifactVersionRequest(
        artifact_version=artifact_types_pb2.ArtifactVersion(name=name, **changed),
        update_mask=FieldMask(paths=list(changed)),
        request_id=str(uuid4()),
    )
    made = connection.workspace.call(stub.UpdateArtifactVersion, request)
    print_message(made, output, lambda: _draw(made, label(made.name), ("alias", made.alias)))


def _update_artifact(artifact: str, changed: dict[str, Any], output: str) -> None:
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.workspace.v1 import artifact_types_pb2, artifacts_pb2

    connection, stub = connect()
    name = artifact_name(connection, artifact)
    request = artifacts_pb2.UpdateArtifactRequest(
        artifact=artifact_types_pb2.Artifact(name=name, **changed),
        update_mask=FieldMask(paths=list(changed)),
        request_id=str(uuid4()),
    )
    made = connection.workspace.call(stub.UpdateArtifact, request)
    print_message(made, output, lambda: _draw(made, short(made.name), ("name", made.display_name)))


@click.command()
@click.argument("artifact")
@click.option("--content", is_flag=True, help="Delete the bytes too.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(*, artifact: str, content: bool, yes: bool) -> None:
    """Delete a version (ARTIFACT@VERSION), or an artifact with all of them.

    What a step took, or a model links, is refused.
    """
    from weftapi.workspace.v1 import artifacts_pb2

    connection, stub = connect()
    call = connection.workspace.call
    if not yes:
        click.confirm(f"Delete {artifact}, for good?", abort=True, err=True)
    if "@" in artifact or "/versions/" in artifact:
        version = find(connection, stub, artifact)
        call(
            stub.DeleteArtifactVersion,
            artifacts_pb2.DeleteArtifactVersionRequest(
                name=version.name, etag=version.etag, delete_content=content
            ),
        )
    else:
        name = artifact_name(connection, artifact)
        call(
            stub.DeleteArtifact,
            artifacts_pb2.DeleteArtifactRequest(name=name, delete_content=content),
        )
    note(f"{artifact} is deleted")


@click.command()
@click.option("--older-than", default="1d", show_default=True, help="Age: 30m, 12h, 7d, 4w.")
@click.option("--content", is_flag=True, help="Delete the bytes too.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_option
def prune(*, older_than: str, content: bool, dry_run: bool, yes: bool, output: str) -> None:
    """Delete versions that nothing uses.

    Spared is what a step took, also over from the cache, or a model links, what has an alias or
    labels, the newest version of each artifact, and what a run makes right now.
    """
    age_s = age_of(older_than)
    found = list(_pruned(age_s, validate_only=True))
    print_messages(
        found,
        output,
        header=("VERSION", "SIZE", "MADE"),
        row=lambda v: (label(v.name), size_of(v.size_bytes), v.create_time.ToJsonString()),
        empty="nothing is unused",
    )
    if dry_run or not found:
        return
    total = size_of(sum(version.size_bytes for version in found))
    if not yes:
        click.confirm(f"Delete these {len(found)} ({total}), for good?", abort=True, err=True)
    gone = list(_pruned(age_s, content=content))
    note(f"{len(gone)} versions are deleted")


def _pruned(
    age_s: int, *, validate_only: bool = False, content: bool = False
) -> Iterator[artifact_types_pb2.ArtifactVersion]:
    from google.protobuf.duration_pb2 import Duration

    from weftapi.workspace.v1 import artifacts_pb2

    connection, stub = connect()
    call = connection.workspace.call
    request = artifacts_pb2.PruneArtifactVersionsRequest(
        parent=connection.project,
        minimum_age=Duration(seconds=age_s),
        validate_only=validate_only,
        delete_content=content,
    )
    for page in paged(lambda r: call(stub.PruneArtifactVersions, r), request):
        yield from page.artifact_versions


def _draw(changed: Any, name: str, also: tuple[str, str]) -> None:
    print_fields(
        [
            ("artifact", name),
            also,
            ("description", changed.description),
            ("labels", ", ".join(f"{k}={v}" for k, v in sorted(changed.labels.items()))),
        ]
    )
