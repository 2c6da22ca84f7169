"""Every benchmark still runs, and measures something. How fast is no question for a test."""

import asyncio
import json
import sys

import pytest

from bench.processes import ROOT, environment
from bench.run import SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_quick_run_measures_ours_and_the_limit(script: str) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench", script, "--quick", "--no-postgres", "--json"),
        env=environment(),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await child.communicate()
    assert child.returncode == 0, errors.decode()
    figures = json.loads(output)
    assert figures
    assert all(figure["ours"] > 0 and figure["ratio"] > 0 for figure in figures), figures
