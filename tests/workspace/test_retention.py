"""Which runs are archived, that none is lost on the way, and that they can be read."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from meshkit.objects.files import FileStore
from tests.workspace.archiving import (
    DEMO,
    archive,
    archived,
    ended,
    keep,
    move,
    nothing_is_wrong,
    objects,
    there,
)
from tests.workspace.harness import STRANGER, Harness, refused, run_report, step_report
from tests.workspace.log_clients import text
from weftapi.workspace.v1 import (
    artifacts_pb2,
    logs_pb2,
    models_pb2,
    run_archives_pb2,
    run_types_pb2,
    statistics_pb2,
    steps_pb2,
)
from workspace.operations import retention
from workspace.store.schema import MESH_TABLES


async def test_an_archived_run_can_be_read_as_it_was(ws: Harness) -> None:
    run = await ended(ws, labels={"team": "vision"})
    steps = await ws.steps().ListSteps(steps_pb2.ListStepsRequest(parent=run.name))
    days = statistics_pb2.GetStatisticsRequest(parent=DEMO)
    before = await ws.statistics().GetStatistics(days)
    newer = await ended(ws)
    await keep(ws, last=1)
    await archive(ws)
    assert await there(ws) == {newer.name}
    [found] = (await archived(ws)).values()
    assert (found.run_name, found.state) == (run.name, run.state)
    got = await ws.archives().GetArchivedRun(
        run_archives_pb2.GetArchivedRunRequest(name=found.name)
    )
    assert got.run == run
    assert [(path.as_uri(), len(path.read_bytes())) for path in objects(ws)] == [
        (got.uri, got.size_bytes)
    ]
    [log] = got.log_stream_ids
    kept = await ws.archives().ListArchivedSteps(
        run_archives_pb2.ListArchivedStepsRequest(parent=found.name, page_size=1)
    )
    rest = await ws.archives().ListArchivedSteps(
        run_archives_pb2.ListArchivedStepsRequest(
            parent=found.name, page_size=1, page_token=kept.next_page_token
        )
    )
    all_steps = [*kept.archived_steps, *rest.archived_steps]
    assert [step.step for step in all_steps] == list(steps.steps)
    assert [len(step.attempts) for step in all_steps] == [2, 0]
    lines = await ws.archives().ReadArchivedLogs(
        run_archives_pb2.ReadArchivedLogsRequest(name=found.name, log_stream_id=log, offset=3)
    )
    assert [line.message for line in lines.lines] == [text(3), text(4)]
    assert lines.end_of_stream
    after = await ws.statistics().GetStatistics(days)
    assert after.created_run_count == before.created_run_count + 1
    await nothing_is_wrong(ws)


async def test_pages_of_steps_are_of_one_reading(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = await ended(ws), await ended(ws)
    await keep(ws, last=1)
    await archive(ws)
    request = run_archives_pb2.ListArchivedRunsRequest(
        parent=DEMO, filter=f'run = "{old.name.rpartition("/")[2]}"'
    )
    [found] = (await ws.archives().ListArchivedRuns(request)).archived_runs
    read: list[str] = []
    get = FileStore.get

    async def counting(self: FileStore, key: str) -> bytes:
        read.append(key)
        return await get(self, key)

    monkeypatch.setattr(FileStore, "get", counting)
    steps, token = [], ""
    while not steps or token:
        page = await ws.archives().ListArchivedSteps(
            run_archives_pb2.ListArchivedStepsRequest(
                parent=found.name, page_size=1, page_token=token
            )
        )
        steps += [each.step.name.rpartition("/")[2] for each in page.archived_steps]
        token = page.next_page_token
    assert (steps, len(read)) == (["load", "fit"], 1)


async def test_a_run_goes_when_no_rule_keeps_it(ws: Harness) -> None:
    first, second = await ended(ws), await ended(ws)
    alone = await ended(ws, pipeline="score")
    running = await ws.create_run()
    await archive(ws)
    assert len(await there(ws)) == 4
    await keep(ws, days=1)
    await archive(ws)
    assert len(await there(ws)) == 4
    move(ws, days=2)
    await keep(ws, days=1, last=2)
    await archive(ws)
    assert await there(ws) == {second.name, running.name, alone.name}
    assert set(await archived(ws)) == {first.name}
    await keep(ws, days=1)
    await archive(ws)
    assert await there(ws) == {running.name}
    await nothing_is_wrong(ws)


async def linked(ws: Harness, run: run_types_pb2.Run) -> None:
    """A version of a model that links the run."""
    await ws.models().CreateModel(models_pb2.CreateModelRequest(parent=DEMO, model_id="fraud"))
    version = await ws.models().CreateModelVersion(
        models_pb2.CreateModelVersionRequest(parent=f"{DEMO}/models/fraud")
    )
    await ws.models().LinkModelVersion(
        models_pb2.LinkModelVersionRequest(name=version.name, runs=[run.name])
    )


async def test_what_is_in_use_stays_and_says_why(ws: Harness) -> None:
    labelled = await ended(ws, labels={"keep": "for the audit"})
    unread = await ended(ws)
    await ws.logs().CreateLogStream(
        logs_pb2.CreateLogStreamRequest(
            parent=DEMO, log_stream_id="open", log_stream={"run": unread.name}
        )
    )
    goes, stays = await ended(ws), await ended(ws)
    policy = run_archives_pb2.RetentionPolicy(keep_last_runs=1)
    told = await ws.archives().PreviewRetention(
        run_archives_pb2.PreviewRetentionRequest(parent=DEMO, policy=policy)
    )
    assert list(told.runs) == [goes.name]
    assert {kept.run: kept.reason for kept in told.kept_runs} == {
        labelled.name: "It has the label 'keep'.",
        unread.name: "Its logs are not complete yet.",
    }
    own = run_archives_pb2.PreviewRetentionRequest(parent=DEMO)
    assert (await ws.archives().PreviewRetention(own)).ByteSize() == 0
    await keep(ws, last=1)
    await archive(ws)
    assert await there(ws) == {labelled.name, unread.name, stays.name}


async def test_what_others_build_on_stays(ws: Harness) -> None:
    linked_run = await ended(ws)
    await linked(ws, linked_run)
    maker, taker = await ws.create_run(), await ws.create_run()
    for run in (maker, taker):
        await ws.add_steps(run.name, "only")
    [version] = (
        await ws.artifacts().BatchCreateArtifactVersions(
            artifacts_pb2.BatchCreateArtifactVersionsRequest(
                parent=DEMO,
                requests=[
                    artifacts_pb2.NewArtifactVersion(
                        artifact_id="data",
                        artifact_version={
                            "uid": str(uuid4()),
                            "uri": "s3://theirs/data",
                            "data_type": "int",
                            "materializer": "json",
                            "content_hash": "b" * 64,
                        },
                    )
                ],
            )
        )
    ).artifact_versions
    for run, said in (
        (maker, {"outputs": {"x": version.name}}),
        (taker, {"inputs": {"x": version.name}}),
    ):
        await ws.report(
            run.name,
            str(uuid4()),
            run_report(1, "RUNNING"),
            step_report(2, "only", "RUNNING"),
            step_report(3, "only", "SUCCEEDED", **said),
            run_report(4, "SUCCEEDED"),
        )
    await ended(ws)
    policy = run_archives_pb2.RetentionPolicy(keep_last_runs=1)
    told = await ws.archives().PreviewRetention(
        run_archives_pb2.PreviewRetentionRequest(parent=DEMO, policy=policy)
    )
    assert list(told.runs) == [taker.name]
    assert {kept.run: kept.reason for kept in told.kept_runs} == {
        linked_run.name: f"Versions of models come from it: {DEMO}/models/fraud/versions/1.",
        maker.name: f"Other runs took what it made: {taker.name}.",
    }


async def test_the_audit_log_says_that_runs_were_archived(ws: Harness) -> None:
    await ended(ws)
    await ended(ws)
    await keep(ws, last=1)
    await archive(ws)
    events = MESH_TABLES.audit_events.c
    query = sa.select(events.resource, events.reason).where(events.method == "retention")
    rows = await ws.workspace.database.read(lambda s: s.connection().execute(query).all())
    assert [tuple(row) for row in rows] == [(DEMO, "1 runs were archived")]
    await nothing_is_wrong(ws)


def counted(operation: Callable[..., Any]) -> Callable[..., tuple[Any, int]]:
    """An operation that also answers how many statements it took."""

    def count(session: Any, *arguments: Any) -> tuple[Any, int]:
        seen: list[object] = []

        def note(*said: object) -> None:
            seen.append(said)

        connection = session.connection()
        sa.event.listen(connection, "before_cursor_execute", note)
        try:
            return operation(session, *arguments), len(seen)
        finally:
            sa.event.remove(connection, "before_cursor_execute", note)

    return count


async def test_looking_at_many_runs_takes_no_more_statements_than_at_one(ws: Harness) -> None:
    await ended(ws)
    look = ("demo", "train", retention.Policy(0, 1), None)
    await ended(ws)
    one, of_one = await ws.workspace.database.read(counted(retention.page), *look)
    for _ in range(3):
        await ended(ws)
    four, of_four = await ws.workspace.database.read(counted(retention.page), *look)
    assert (len(one), len(four)) == (1, 4)
    assert of_four == of_one


async def test_the_archive_is_for_members_and_names_what_is_missing(ws: Harness) -> None:
    name, stub = f"{DEMO}/archivedRuns/{uuid4()}", ws.archives()
    stranger = ws.archives(ws.token(STRANGER))
    messages = run_archives_pb2
    calls: list[Callable[[Any], Any]] = [
        lambda s: s.GetArchivedRun(messages.GetArchivedRunRequest(name=name)),
        lambda s: s.ListArchivedSteps(messages.ListArchivedStepsRequest(parent=name)),
        lambda s: s.ReadArchivedLogs(
            messages.ReadArchivedLogsRequest(name=name, log_stream_id="x")
        ),
        lambda s: s.ListArchivedRuns(messages.ListArchivedRunsRequest(parent="projects/none")),
        lambda s: s.PreviewRetention(messages.PreviewRetentionRequest(parent="projects/none")),
    ]
    for call in calls:
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await call(stub)
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await call(stranger)
