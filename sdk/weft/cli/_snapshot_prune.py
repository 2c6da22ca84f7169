"""`weft snapshots prune`: the end of snapshots that nothing uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli._ages import age_of
from weft.cli._names import short
from weft.cli._output import note, output_option, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weftapi.workspace.v1 import snapshot_types_pb2


@click.command()
@click.option("--older-than", default="1d", show_default=True, help="Age: 30m, 12h, 7d, 4w.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_option
def prune(*, older_than: str, dry_run: bool, yes: bool, output: str) -> None:
    """Delete snapshots that nothing uses.

    Spared is what is published or has labels, what runs were made of, and what schedules and
    triggers run.
    """
    age_s = age_of(older_than)
    found = list(_pruned(age_s, validate_only=True))
    print_messages(
        found,
        output,
        header=("SNAPSHOT", "PIPELINE", "MADE"),
        row=lambda s: (short(s.name), short(s.pipeline), s.create_time.ToJsonString()),
        empty="nothing is unused",
    )
    if dry_run or not found:
        return
    if not yes:
        click.confirm(f"Delete these {len(found)}, for good?", abort=True, err=True)
    gone = list(_pruned(age_s, validate_only=False))
    note(f"{len(gone)} snapshots are deleted")


def _pruned(age_s: int, *, validate_only: bool) -> Iterator[snapshot_types_pb2.Snapshot]:
    from google.protobuf.duration_pb2 import Duration

    from weft._connection import Connection
    from weftapi.workspace.v1 import snapshots_pb2, snapshots_pb2_grpc

    connection = Connection.current()
    stub = connection.workspace.stub(snapshots_pb2_grpc.SnapshotServiceStub)
    request = snapshots_pb2.PruneSnapshotsRequest(
        parent=connection.project,
        minimum_age=Duration(seconds=age_s),
        validate_only=validate_only,
    )
    for page in paged(lambda r: connection.workspace.call(stub.PruneSnapshots, r), request):
        yield from page.snapshots
