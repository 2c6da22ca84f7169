"""`weft mcp` as assistants use it: the real protocol, over the pipes of a real process."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import TextContent

from tests.sdk.cli.conftest import Runs, Weft
from weft.cli._exit import CommandError
from weft.cli.mcp import mcp

_LOOKING = {
    *("list_runs", "show_run", "list_steps", "read_logs", "diagnose_run", "compare_runs"),
    *("list_artifacts", "show_artifact"),
}
_ACTING = {"run_snapshot", "retry_run", "stop_run"}


@asynccontextmanager
async def served(environment: dict[str, str], home: Path, *options: str) -> AsyncIterator[Client]:
    command = ["-m", "weft", "mcp", *options]
    params = StdioServerParameters(command=sys.executable, args=command, env=environment, cwd=home)
    async with Client(params) as client:
        yield client


async def told(client: Client, tool: str, **arguments: object) -> str:
    """What a tool says, which must not be an error."""
    answer = await client.call_tool(tool, arguments)
    (content,) = answer.content
    assert isinstance(content, TextContent)
    assert not answer.is_error, content.text
    return content.text


async def refused(client: Client, tool: str, **arguments: object) -> str:
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error, answer
    (content,) = answer.content
    assert isinstance(content, TextContent)
    return content.text


async def test_an_assistant_looks_and_changes_nothing(
    environment: dict[str, str], home: Path, runs: Runs
) -> None:
    async with served(environment, home) as client:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == _LOOKING
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
        failed = json.loads(await told(client, "list_runs", query="state = FAILED"))
        assert runs.bad in {run["name"] for run in failed}
        assert json.loads(await told(client, "show_run", run=runs.good))["name"] == runs.good
        steps = json.loads(await told(client, "list_steps", run=runs.good))
        assert [step["stepId"] for step in steps] == ["load", "train"]
        assert "epoch 1" in await told(client, "read_logs", run=runs.bad, step="train")
        id_ = runs.bad.rpartition("/")[2]
        assert "loaded 3 rows" in await told(client, "read_logs", run=id_, step="load", grep="rows")
        assert json.loads(await told(client, "diagnose_run", run=runs.bad))["step"]
        differing = await told(client, "compare_runs", runs=[runs.good, runs.bad])
        assert json.loads(differing)[1]["parameter fail"] is True
        made = json.loads(await told(client, "list_artifacts", limit=5))
        found = json.loads(await told(client, "show_artifact", artifact=made[0]["name"]))
        assert found["name"].startswith("projects/default/artifacts/")
        # What is asked for is never an option, and errors are those of the command.
        assert "request id" in await refused(client, "show_run", run="absent")
        assert "resource name" in await refused(client, "show_run", run="--help")
        assert "colour" in await refused(client, "list_runs", query="colour = red")
        assert await refused(client, "list_runs", limit=0)
        assert (await client.call_tool("stop_run", {"run": runs.good})).is_error


async def test_an_assistant_acts_where_it_may(
    environment: dict[str, str], home: Path, runs: Runs, weft: Weft
) -> None:
    snapshot = json.loads(weft("runs", "show", runs.good, "-o", "json").out)["snapshot"]
    async with served(environment, home, "--allow-actions") as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == _LOOKING | _ACTING
        made = await told(client, "run_snapshot", snapshot=snapshot, parameters={"rows": 2})
        name = json.loads(made)["name"]
        assert weft("runs", "wait", name).code == 0
        again = json.loads(await told(client, "retry_run", run=runs.bad, what="failed"))
        assert again["origin"] == runs.bad
        weft("runs", "wait", again["name"], "--for", "ended")
        assert "SUCCEEDED" in await refused(client, "stop_run", run=name, reason="--force")


@pytest.mark.parametrize("missing", ["mcp", "anyio"])
def test_without_the_extra_it_says_how_to_get_it(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "weft._mcp_tools", raising=False)
    for name in (missing, *(m for m in sys.modules if m.startswith(f"{missing}."))):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(CommandError, match=r'pip install "weft\[mcp\]"'):
        mcp.callback(allow_actions=False)  # type: ignore[misc]
