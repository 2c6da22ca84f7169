"""How much a workspace says that it holds."""

from tests.workspace.harness import STRANGER, VIEWER, Harness, refused
from tests.workspace.test_artifacts import make, new, running
from weftapi.workspace.v1 import server_pb2


async def test_usage_counts_what_is_there(ws: Harness) -> None:
    await ws.create_run()
    await running(ws, "load")
    await make(ws, new("data", size_bytes=5), new("data", size_bytes=6))
    usage = await ws.server(ws.token(VIEWER)).GetUsage(server_pb2.GetUsageRequest())
    assert usage == server_pb2.Usage(
        project_count=1, pipeline_count=1, run_count=2, active_run_count=2, artifact_bytes=11
    )


async def test_usage_is_for_members(ws: Harness) -> None:
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.server(ws.token(STRANGER)).GetUsage(server_pb2.GetUsageRequest())
