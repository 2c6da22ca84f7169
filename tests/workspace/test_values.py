"""Lists by labels and metadata: what they are found by follows every change of a resource."""

import pytest
import sqlalchemy as sa
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Value

from meshkit.session import Session
from tests.workspace.harness import Harness, refused, step_report
from tests.workspace.reading import reading
from tests.workspace.test_artifacts import make, new
from tests.workspace.test_metadata import write
from tests.workspace.test_models import delete as delete_model_version
from tests.workspace.test_models import update_version
from tests.workspace.test_run_changes import ended, running, update
from weftapi.workspace.v1 import (
    artifact_types_pb2,
    artifacts_pb2,
    model_types_pb2,
    models_pb2,
    reports_pb2,
    runs_pb2,
    snapshots_pb2,
    steps_pb2,
)
from workspace.store import collections
from workspace.store.schema_values import ListedValue

DEMO = "projects/demo"


async def runs(ws: Harness, filter_: str, *, parent: str = DEMO, size: int = 0) -> list[str]:
    """Ids of all runs that match, over as many pages as it takes."""
    request = runs_pb2.ListRunsRequest(parent=parent, filter=filter_, page_size=size)
    found: list[str] = []
    while True:
        page = await ws.runs().ListRuns(request)
        found += [run.name.rpartition("/")[2] for run in page.runs]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


async def kept(ws: Harness) -> int:
    """How many values are kept."""

    def count(session: Session) -> int:
        query = sa.select(sa.func.count()).select_from(ListedValue.__table__)
        return int(session.connection().execute(query).scalar_one())

    return await ws.workspace.database.read(count)


async def test_runs_are_found_by_labels_and_metadata(
    ws: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, team in enumerate(("a", "b", "a", "a")):
        labels = {"team": team, "odd": ""} if number % 2 else {"team": team}
        run, _ = await running(ws, run_id=f"run-{number}", labels=labels)
        await write(ws, run.name, {"f1": number / 10, "ok": number > 1, "epoch": number})
    expected = {
        'labels.team = "a"': [3, 2, 0],
        "labels:odd": [3, 1],
        "labels.odd:*": [],
        "labels.team = b*": [1],
        "-labels.team = a": [1],
        "metadata.f1 > 0.1": [3, 2],
        "metadata.f1 >= 0.1 metadata.f1 < 0.3": [2, 1],
        "metadata.epoch = 3": [3],
        'metadata.epoch = "3"': [],
        "metadata.ok = true": [3, 2],
        "metadata.ok = true labels.team = a metadata.epoch < 3": [2],
        "metadata.ok = true OR labels.team = b": [3, 2, 1],
        "NOT metadata:f1": [],
        "state = RUNNING labels.team = a pipeline = train": [3, 2, 0],
        "state = FAILED labels.team = a": [],
    }
    # With few matches, which are sorted, and with many, which are passed by in order.
    for few in (1_000, 0):
        monkeypatch.setattr(collections, "FEW", few)
        for text, numbers in expected.items():
            for parent in (DEMO, "projects/-"):
                found = await runs(ws, text, parent=parent, size=1)
                assert found == [f"run-{number}" for number in numbers], (text, few)
        oldest_first = runs_pb2.ListRunsRequest(
            parent=DEMO, filter="metadata.f1 > 0", order_by="create_time", page_size=2
        )
        first = await ws.runs().ListRuns(oldest_first)
        oldest_first.page_token = first.next_page_token
        second = await ws.runs().ListRuns(oldest_first)
        names = [run.name[-1] for run in (*first.runs, *second.runs)]
        assert names == ["1", "2", "3"]
    for bad in ('metadata.f1 > "0.1"', "metadata = 3", "labels.team > a"):
        async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
            await runs(ws, bad)


async def test_what_runs_are_found_by_follows_them(ws: Harness) -> None:
    run = await ended(ws, run_id="one", labels={"team": "a", "stays": "x"})
    await ws.runs().UpdateRun(update(run.name, "labels", labels={"team": "b", "stays": "x"}))
    assert await runs(ws, "labels.team = a") == []
    assert await runs(ws, "labels.team = b labels.stays = x") == ["one"]
    await ws.runs().UpdateRun(update(run.name, "labels"))
    assert await runs(ws, "labels:team OR labels:stays") == []
    other, _ = await running(ws, run_id="two")
    await write(ws, other.name, {"f1": 0.5, "kind": "text", "long": "x" * 300})
    await write(ws, other.name, {"f1": "gone bad", "kind": 7, "tried": [1, 2]})
    assert await runs(ws, 'metadata.f1 = "gone bad" metadata.kind = 7') == ["two"]
    assert await runs(ws, "metadata.f1 = 0.5 OR metadata.kind = text") == []
    assert await runs(ws, "metadata:long metadata.long:* metadata.tried:*") == ["two"]
    assert await runs(ws, "metadata.long:x OR metadata.tried = 1") == []
    await ws.runs().DeleteRun(runs_pb2.DeleteRunRequest(name=run.name))
    assert await kept(ws) == 4


async def test_a_watch_and_a_list_agree(ws: Harness) -> None:
    run, _ = await running(ws, run_id="one")
    request = runs_pb2.WatchRunsRequest(
        parent=DEMO, filter="metadata.f1 > 0.9", send_initial_state=True
    )
    async with reading(ws.runs().WatchRuns(request)) as reader:
        await reader.until(lambda response: response.bookmark.initial_complete)
        await write(ws, run.name, {"f1": 0.5})
        await write(ws, run.name, {"f1": 0.95})
        await reader.until(lambda response: any(e.matches_filter for e in response.events))
        assert await runs(ws, "metadata.f1 > 0.9") == ["one"]
        await write(ws, run.name, {"f1": "0.95"})
        await reader.until(lambda response: any(not e.matches_filter for e in response.events))
        assert await runs(ws, "metadata.f1 > 0.9") == []
    assert [event.matches_filter for event in reader.events] == [True, False]


async def test_what_steps_measure_stands_for_their_run(ws: Harness) -> None:
    run, reporter = await running(ws, run_id="one")
    new_steps = [
        reports_pb2.NewStep(step_id="fit"),
        reports_pb2.NewStep(step_id="each-1", map_group="each", map_index=1),
    ]
    await ws.reports().BatchCreateSteps(
        reports_pb2.BatchCreateStepsRequest(parent=run.name, steps=new_steps)
    )
    await write(ws, run.name, {"f1": 0.5, "kind": "tree", "ok": True}, step="fit")
    await write(ws, run.name, {"part": 1}, step="each-1")
    assert await runs(ws, "metadata.f1 = 0.5") == ["one"]
    assert await runs(ws, "metadata:kind OR metadata:ok OR metadata:part") == []
    reports = [step_report(2, "fit", "RUNNING", metadata={"f1": 0.7})]
    reports.append(step_report(3, "fit", "SUCCEEDED", metadata={"f1": 0.9, "auc": 1}))
    await ws.report(run.name, reporter, *reports)
    assert await runs(ws, "metadata.f1 > 0.8 metadata.auc = 1") == ["one"]
    assert await runs(ws, "metadata.f1 < 0.8") == []
    # What is too much for the run is the step's alone.
    await write(ws, run.name, {"long": "x" * (65_000)})
    await ws.add_steps(run.name, "more")
    await write(ws, run.name, {f"number-{n}": n for n in range(100)}, step="more")
    assert await runs(ws, "metadata.number-7 = 7") == []


async def test_steps_are_found_by_metadata(ws: Harness) -> None:
    run, reporter = await running(ws)
    await ws.add_steps(run.name, "load", "fit")
    report = step_report(2, "fit", "RUNNING")
    report.step.metadata.update({"f1": 0.9, "kind": "tree"})
    await ws.report(run.name, reporter, report)

    async def steps(filter_: str) -> list[str]:
        request = steps_pb2.ListStepsRequest(parent=run.name, filter=filter_)
        return [step.step_id for step in (await ws.steps().ListSteps(request)).steps]

    assert await steps('metadata.f1 >= 0.9 metadata.kind = "tree"') == ["fit"]
    assert await steps("-metadata:kind") == ["load"]
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await steps("metadata.f1 > high")


async def test_artifacts_and_their_versions_are_found_by_labels_and_metadata(ws: Harness) -> None:
    facts = {
        "rows": Value(number_value=3),
        "clean": Value(bool_value=True),
        "no": Value(null_value=0),
    }
    first, second = await make(
        ws, new("table", metadata=facts, labels={"team": "a"}), new("other", metadata=facts)
    )
    stub = ws.artifacts()

    async def versions(parent: str, filter_: str) -> list[str]:
        request = artifacts_pb2.ListArtifactVersionsRequest(parent=parent, filter=filter_)
        return [v.name for v in (await stub.ListArtifactVersions(request)).artifact_versions]

    every, own = f"{DEMO}/artifacts/-", f"{DEMO}/artifacts/table"
    both = [second.name, first.name]
    assert sorted(await versions(every, "metadata.rows > 2 metadata.clean = true")) == sorted(both)
    assert await versions(own, "metadata.rows > 2 -metadata:no") == [first.name]
    assert await versions(every, "labels.team = a") == [first.name]
    changed = artifact_types_pb2.ArtifactVersion(
        name=first.name, metadata={"rows": Value(number_value=1)}
    )
    await stub.UpdateArtifactVersion(
        artifacts_pb2.UpdateArtifactVersionRequest(
            artifact_version=changed, update_mask=FieldMask(paths=["metadata"])
        )
    )
    assert await versions(own, "metadata.rows > 2 OR metadata:clean") == []
    artifact = artifact_types_pb2.Artifact(name=own, labels={"tier": "gold"}, metadata=facts)
    await stub.UpdateArtifact(
        artifacts_pb2.UpdateArtifactRequest(
            artifact=artifact, update_mask=FieldMask(paths=["labels", "metadata"])
        )
    )
    for filter_ in ("labels.tier = gold", "metadata.rows = 3", "metadata.rows < 9"):
        listed = await stub.ListArtifacts(
            artifacts_pb2.ListArtifactsRequest(parent=DEMO, filter=filter_)
        )
        assert [found.name for found in listed.artifacts] == [own]
    for name in (first.name, second.name):
        await stub.DeleteArtifactVersion(artifacts_pb2.DeleteArtifactVersionRequest(name=name))
    await stub.DeleteArtifact(artifacts_pb2.DeleteArtifactRequest(name=own))
    assert await kept(ws) == 0


async def test_model_versions_are_found_by_their_scores(ws: Harness) -> None:
    stub = ws.models()
    await stub.CreateModel(models_pb2.CreateModelRequest(parent=DEMO, model_id="fraud"))
    made = []
    for score in (0.8, 0.9):
        version = model_types_pb2.ModelVersion(labels={"by": "me"})
        version.metadata.update({"auc": score, "nested": {"deep": 1}})
        request = models_pb2.CreateModelVersionRequest(
            parent=f"{DEMO}/models/fraud", model_version=version
        )
        made.append(await stub.CreateModelVersion(request))

    async def versions(filter_: str, model: str = "fraud") -> list[str]:
        request = models_pb2.ListModelVersionsRequest(
            parent=f"{DEMO}/models/{model}", filter=filter_
        )
        return [v.name for v in (await stub.ListModelVersions(request)).model_versions]

    assert await versions("metadata.auc > 0.85 metadata:nested labels.by = me") == [made[1].name]
    assert await versions("metadata.auc > 0.1", "-") == [made[1].name, made[0].name]
    worse = model_types_pb2.ModelVersion(name=made[1].name, metadata={"auc": 0.1})
    await update_version(ws, worse, "metadata")
    assert await versions("metadata.auc > 0.85 OR metadata:nested") == [made[0].name]
    for version in made:
        await delete_model_version(ws, version.name)
    assert await kept(ws) == 0


async def test_snapshots_are_found_by_labels(ws: Harness) -> None:
    made = await ws.create_snapshot(labels={"team": "a"})
    request = snapshots_pb2.ListSnapshotsRequest(parent=DEMO, filter="labels.team = a")
    (found,) = (await ws.snapshots().ListSnapshots(request)).snapshots
    assert found.name == made.name
    await ws.snapshots().DeleteSnapshot(snapshots_pb2.DeleteSnapshotRequest(name=made.name))
    assert await kept(ws) == 0
