"""`weft.run_snapshot`: runs without their code, waited for by threads and by loops."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sdk.cli.conftest import Runs, Weft
from weft import RunState, run_snapshot
from weft._connection import Connection
from weft.errors import ConflictError, InvalidRequestError, NotFoundError
from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc


@pytest.fixture
def _signed_in(home: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_CONFIG_DIR", str(home / "config"))


def snapshot_of(connection: Connection, run: str) -> str:
    stub = connection.workspace.stub(runs_pb2_grpc.RunServiceStub)
    return connection.workspace.call(stub.GetRun, runs_pb2.GetRunRequest(name=run)).snapshot


@pytest.fixture
def snapshot(connection: Connection, runs: Runs) -> str:
    """The snapshot of a run of `teach`."""
    return snapshot_of(connection, runs.good)


@pytest.mark.usefixtures("_signed_in")
def test_all_who_wait_hear_of_the_same_end(snapshot: str) -> None:
    run = run_snapshot(snapshot, {"rows": 4}, labels={"by": "test"}, name="Four rows")
    assert repr(run) == f"<run {run.id} {run.state}>"
    with ThreadPoolExecutor(3) as threads:
        ends = [threads.submit(run.wait, 60) for _ in range(3)]
        assert {end.result() for end in ends} == {RunState.SUCCEEDED}
    assert run.output("load").load() == [0, 1, 2, 3]
    with pytest.raises(LookupError, match="has no output 'loss'; it has output"):
        run.output("train", "loss")
    with pytest.raises(NotFoundError):
        run.output("absent")


@pytest.mark.usefixtures("_signed_in")
async def test_a_loop_goes_on_while_it_waits(
    snapshot: str, train_file: Path, weft: Weft, connection: Connection
) -> None:
    weft("snapshots", "publish", snapshot, "lesson")
    failing = run_snapshot("lesson", {"fail": True}, cache=False)
    assert await failing is RunState.FAILED
    assert "bad batch 3" in failing.reason
    made = weft("run", f"{train_file}::sleepy", "--detach", "-o", "name").out.strip()
    weft("runs", "stop", made, "--force")
    endless = run_snapshot(snapshot_of(connection, made))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await endless
    with pytest.raises(TimeoutError):
        endless.wait(timeout_s=0.01)
    endless.stop("enough", force=True)
    assert await endless is RunState.STOPPED
    assert endless.refresh() is RunState.STOPPED
    with pytest.raises(ConflictError):
        endless.stop()


@pytest.mark.usefixtures("_signed_in")
def test_what_does_not_fit_is_said_before_anything_runs(snapshot: str) -> None:
    with pytest.raises(InvalidRequestError, match="rows"):
        run_snapshot(snapshot, {"rows": "many"})
    with pytest.raises(NotFoundError):
        run_snapshot("absent")
    with pytest.raises(TypeError):
        run_snapshot(snapshot, {"rows": object()})
