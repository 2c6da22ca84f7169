"""Which runs are archived, that none is lost on the way, and that they can be read."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from meshkit.jobs import Lease, acquire
from tests.workspace.harness import STRANGER, Harness, refused, run_report, step_report
from tests.workspace.log_clients import text, write
from weftapi.workspace.v1 import (
    artifacts_pb2,
    logs_pb2,
    models_pb2,
    projects_pb2,
    run_archives_pb2,
    run_types_pb2,
    runs_pb2,
    statistics_pb2,
    steps_pb2,
)
from workspace.backup.checks import check
from workspace.backup.files import check_content, check_logs
from workspace.logs.backend import LogKey, LogStoreError
from workspace.objects.files import FileStore
from workspace.objects.port import ObjectStoreError
from workspace.operations import retention
from workspace.store.schema import MESH_TABLES

DEMO = "projects/demo"


async def keep(ws: Harness, *, days: int = 0, last: int = 0) -> None:
    project = projects_pb2.Project(name=DEMO, keep_run_days=days, keep_last_runs=last)
    mask = {"paths": ["keep_run_days", "keep_last_runs"]}
    await ws.projects().UpdateProject(
        projects_pb2.UpdateProjectRequest(project=project, update_mask=mask)
    )


async def lease(ws: Harness) -> Lease:
    """A lease as the runner of jobs would hold it; the server's own jobs wait an hour."""
    name = str(uuid4())
    held = await ws.workspace.database.write(acquire, MESH_TABLES, name, name, 600.0)
    assert held
    return held


async def archive(ws: Harness) -> None:
    [job] = [job for job in ws.workspace.jobs if job.name == "retention"]
    await job.run(await lease(ws))


async def ended(ws: Harness, *, pipeline: str = "train", **fields: Any) -> run_types_pb2.Run:
    """A run of two steps, one of them tried twice, with a complete log of five lines."""
    run = run_types_pb2.Run(pipeline=f"{DEMO}/pipelines/{pipeline}", **fields)
    made = await ws.runs().CreateRun(runs_pb2.CreateRunRequest(parent=DEMO, run=run))
    await ws.add_steps(made.name, "load", "fit")
    short = made.name.rpartition("/")[2]
    log = await ws.logs().CreateLogStream(
        logs_pb2.CreateLogStreamRequest(
            parent=DEMO, log_stream_id=f"log-{short}", log_stream={"run": made.name}
        )
    )
    await write(ws.logs(), log.name, 0, 5)
    await ws.logs().SealLogStream(logs_pb2.SealLogStreamRequest(name=log.name))
    await ws.report(
        made.name,
        str(uuid4()),
        run_report(1, "RUNNING"),
        step_report(2, "load", "RUNNING", log_stream=log.name),
        step_report(3, "load", "RETRYING"),
        step_report(4, "load", "RUNNING", attempt=2),
        step_report(5, "load", "SUCCEEDED", attempt=2),
        run_report(6, "SUCCEEDED"),
    )
    return await ws.runs().GetRun(runs_pb2.GetRunRequest(name=made.name))


async def archived(ws: Harness) -> dict[str, run_archives_pb2.ArchivedRun]:
    """What is in the archive, by the names that runs had."""
    request = run_archives_pb2.ListArchivedRunsRequest(parent=DEMO)
    listed = await ws.archives().ListArchivedRuns(request)
    return {run.run_name: run for run in listed.archived_runs}


def move(ws: Harness, *, days: int) -> None:
    """Days pass, in which the control plane was heard of."""
    ws.clock.move(days=days)
    ws.workspace.policies.confirm()


def objects(ws: Harness) -> list[Path]:
    """What is in the store of archives."""
    folder = Path(ws.workspace.settings.archive_store.removeprefix("file://"))
    return [path for path in folder.rglob("*") if path.is_file()]


async def there(ws: Harness) -> set[str]:
    listed = await ws.runs().ListRuns(runs_pb2.ListRunsRequest(parent=DEMO))
    return {run.name for run in listed.runs}


async def nothing_is_wrong(ws: Harness) -> None:
    def silent(_what: str, _count: int) -> None:
        return

    settings = ws.workspace.settings
    assert await check(settings.database) == []
    assert await check_logs(settings, silent) == []
    assert await check_content(settings, silent) == []


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


def stop_at(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """What goes wrong between writing an archive and deleting its run."""
    put = FileStore.put

    async def damaged(self: FileStore, key: str, data: bytes) -> None:
        await put(self, key, data[:-1] + b"x")

    def killed(*_arguments: object) -> bool:
        raise ObjectStoreError("killed")

    if place == "damaged":
        monkeypatch.setattr(FileStore, "put", damaged)
    else:
        monkeypatch.setattr(retention, "put_away", killed)


@pytest.mark.parametrize("place", ["damaged", "before it is deleted"])
async def test_a_pass_that_is_cut_off_loses_and_doubles_nothing(
    ws: Harness, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    old, new = await ended(ws), await ended(ws)
    await keep(ws, last=1)
    with monkeypatch.context() as broken:
        stop_at(broken, place)
        await archive(ws)
    assert await there(ws) == {old.name, new.name}
    assert await archived(ws) == {}
    ws.clock.move(minutes=1)
    await archive(ws)
    await archive(ws)
    assert await there(ws) == {new.name}
    assert set(await archived(ws)) == {old.name}
    assert len(objects(ws)) == 1
    await nothing_is_wrong(ws)


async def test_a_run_that_cannot_be_archived_keeps_no_other_and_is_tried_ever_more_rarely(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good, new = [await ended(ws) for _ in range(3)]
    await keep(ws, last=1)
    put, tried = FileStore.put, []

    async def refuse_one(self: FileStore, key: str, data: bytes) -> None:
        if bad.uid in key:
            tried.append(key)
            raise ObjectStoreError("this one not")
        await put(self, key, data)

    with monkeypatch.context() as broken:
        broken.setattr(FileStore, "put", refuse_one)
        await archive(ws)
        assert await there(ws) == {bad.name, new.name}
        assert set(await archived(ws)) == {good.name}
        await archive(ws)
        assert len(tried) == 1
        for _ in range(12):
            ws.clock.move(seconds=11)
            await archive(ws)
        assert len(tried) == 4, "after 10, 20, 40 and 80 seconds"
    ws.clock.move(hours=1)
    await archive(ws)
    assert await there(ws) == {new.name}
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


async def test_a_run_that_changes_while_it_is_archived_stays(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = await ended(ws), await ended(ws)
    await keep(ws, last=1)
    put_away = retention.put_away

    def labelled(session: Any, *arguments: Any) -> bool:
        [run] = [
            whole.run for whole in arguments if hasattr(whole, "run") and hasattr(whole, "logs")
        ]
        session.connection().execute(
            sa.text("UPDATE runs SET changes = changes + 1 WHERE id = :id"), {"id": run.id}
        )
        return put_away(session, *arguments)

    monkeypatch.setattr(retention, "put_away", labelled)
    await archive(ws)
    assert old.name in await there(ws)
    assert await archived(ws) == {}


@pytest.mark.parametrize(
    "harm",
    [lambda path: path.write_bytes(b"{}"), lambda path: path.unlink()],
    ids=["bytes", "gone"],
)
async def test_a_damaged_archive_is_refused_and_found(
    ws: Harness, harm: Callable[[Path], object]
) -> None:
    old, _ = await ended(ws), await ended(ws)
    await keep(ws, last=1)
    await archive(ws)
    found = (await archived(ws))[old.name]
    harm(Path(found.uri.removeprefix("file://")))
    async with refused("FAILED_PRECONDITION", "ARCHIVE_DAMAGED"):
        await ws.archives().GetArchivedRun(run_archives_pb2.GetArchivedRunRequest(name=found.name))
    [finding] = await check_content(ws.workspace.settings, lambda *_: None)
    assert found.name in finding.problem


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


async def test_old_logs_of_archived_runs_are_forgotten_too(ws: Harness) -> None:
    old, _ = await ended(ws), await ended(ws)
    await keep(ws, last=1)
    await archive(ws)
    found = (await archived(ws))[old.name]
    move(ws, days=3)
    await ws.workspace.logs.forget_old(timedelta(days=2), await lease(ws))
    got = await ws.archives().GetArchivedRun(
        run_archives_pb2.GetArchivedRunRequest(name=found.name)
    )
    assert list(got.log_stream_ids) == []
    assert list((ws.workspace.settings.log_directory / "demo").iterdir()) == []


async def test_lines_that_cannot_be_deleted_keep_no_other_log(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = await ended(ws), await ended(ws)
    await keep(ws, last=1)
    await archive(ws)
    await ended(ws)
    move(ws, days=3)
    logs = ws.workspace.logs
    directory = ws.workspace.settings.log_directory / "demo"
    before = len(list(directory.iterdir()))
    delete, refused_ones = type(logs.logs.backend).delete, set[object]()

    async def refuse_the_first(self: Any, key: LogKey) -> None:
        if len(refused_ones) < 1 or key in refused_ones:
            refused_ones.add(key)
            raise LogStoreError("this one not")
        await delete(self, key)

    with monkeypatch.context() as broken:
        broken.setattr(type(logs.logs.backend), "delete", refuse_the_first)
        await logs.forget_old(timedelta(days=2), await lease(ws))
    assert before == 3
    assert len(list(directory.iterdir())) == 1
    [left] = (
        await ws.logs().ListLogStreams(logs_pb2.ListLogStreamsRequest(parent=DEMO))
    ).log_streams
    assert left.run in {old.name, new.name}
    await logs.forget_old(timedelta(days=2), await lease(ws))
    assert list(directory.iterdir()) == []


async def test_lines_that_a_deletion_left_behind_go_later(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await ended(ws)
    directory = ws.workspace.settings.log_directory / "demo"

    async def down(*_arguments: object) -> None:
        raise LogStoreError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(type(ws.workspace.logs.logs.backend), "delete", down)
        await ws.runs().DeleteRun(runs_pb2.DeleteRunRequest(name=run.name))
    assert len(list(directory.iterdir())) == 1
    await nothing_is_wrong(ws)
    await ws.workspace.logs.remove_left(await lease(ws))
    assert list(directory.iterdir()) == []


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
