"""Values that code logs about its run and its steps, as soon as it logs them."""

from typing import Any
from uuid import uuid4

import grpc

from tests.workspace.harness import Harness, refused, run_report, step_report
from weftapi.workspace.v1 import reports_pb2, run_types_pb2, runs_pb2, steps_pb2


async def write(
    ws: Harness, run: str, values: dict[str, Any], *, step: str = "", token: str | None = None
) -> None:
    request = reports_pb2.WriteMetadataRequest(run=run, step_id=step)
    request.values.update(values)
    await ws.reports(token).WriteMetadata(request)


async def running(ws: Harness) -> tuple[str, str]:
    run, reporter = (await ws.create_run()).name, str(uuid4())
    await ws.add_steps(run, "fit")
    await ws.report(run, reporter, run_report(1, "RUNNING"), step_report(2, "fit", "RUNNING"))
    return run, reporter


async def get(ws: Harness, run: str) -> run_types_pb2.Run:
    return await ws.runs().GetRun(runs_pb2.GetRunRequest(name=run))


async def step_of(ws: Harness, run: str) -> run_types_pb2.Step:
    return await ws.steps().GetStep(steps_pb2.GetStepRequest(name=f"{run}/steps/fit"))


async def test_values_of_a_run_and_of_a_step_are_merged(ws: Harness) -> None:
    run, reporter = await running(ws)
    await write(ws, run, {"commit": "abc", "tags": ["a", "b"]})
    await write(ws, run, {"commit": "def", "is_final": True})
    found = (await get(ws, run)).metadata
    assert (found["commit"], list(found["tags"]), found["is_final"]) == ("def", ["a", "b"], True)
    token = await ws.run_token(run)
    await write(ws, run, {"loss": 0.5}, step="fit", token=token)
    await write(ws, run, {"loss": 0.25, "epoch": 2}, step="fit", token=token)
    # What a report carries joins what was written before.
    await ws.report(run, reporter, step_report(3, "fit", "SUCCEEDED", metadata={"f1": 0.9}))
    values = (await step_of(ws, run)).metadata
    assert (values["loss"], values["epoch"], values["f1"]) == (0.25, 2, 0.9)


async def test_what_cannot_be_written_is_refused(ws: Harness) -> None:
    run, reporter = await running(ws)
    other, _ = await running(ws)
    for value in ({"nested": {"x": 1}}, {"none": None}, {"list": [{"x": 1}]}):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await write(ws, run, value)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await write(ws, run, {"x": 1}, step="../x")
    async with refused("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"):
        await write(ws, run, {"text": "x" * (65 << 10)})
    await write(ws, run, {"a": "x" * (40 << 10)}, step="fit")
    async with refused("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"):
        await write(ws, run, {"b": "x" * (40 << 10)}, step="fit")
    long = {"b": "x" * (40 << 10)}
    answer = await ws.report(run, reporter, step_report(3, "fit", "RUNNING", metadata=long))
    assert answer.results[0].error.code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await write(ws, run, {"x": 1}, step="absent")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await write(ws, "projects/demo/runs/absent", {"x": 1})
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await write(ws, other, {"x": 1}, token=await ws.run_token(run))
    await ws.report(run, reporter, run_report(3, "FAILED"))
    async with refused("FAILED_PRECONDITION", "ILLEGAL_TRANSITION"):
        await write(ws, run, {"x": 1})
