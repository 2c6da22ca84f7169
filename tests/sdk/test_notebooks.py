"""Cells of a real IPython, whose event loop runs: steps defined anew, a run of its own, `await`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

KERNEL = """
import asyncio, json, sys
from IPython.core.interactiveshell import InteractiveShell

async def main(cells):
    shell = InteractiveShell.instance()
    shown = []
    for cell in cells:
        code = shell.transform_cell(cell)
        result = await shell.run_cell_async(cell, store_history=True, transformed_cell=code)
        result.raise_error()
        html = getattr(result.result, "_repr_html_", None)
        shown.append([repr(result.result), html() if html else ""])
    print("SHOWN", json.dumps(shown))

asyncio.run(main(json.loads(sys.argv[1])))
"""
DEFINE = """
import asyncio, weft
from weft import pipeline, step

@step
def load() -> int:
    print("loading")
    return {value}

@step(cache=False)
async def double(n: int) -> int:
    await asyncio.sleep(0)
    return n * 2

@pipeline
def whole() -> int:
    return double(load())
"""
OWN = """
with weft.start_run("notebook") as own:
    print("looking around")
    weft.log_metric("rows", 3)
    own.log_artifact("rows", [1, 2, 3])
own.name
"""


def shown(tmp_path: Path, *cells: str) -> tuple[list[list[str]], str]:
    """What each cell shows as text and as HTML, and everything that was printed."""
    script = tmp_path / "kernel.py"
    script.write_text(KERNEL)
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(cells)],
        env={**os.environ, "WEFT_OFFLINE": "1", "WEFT_ECHO": "1", "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = next(line for line in done.stdout.splitlines() if line.startswith("SHOWN "))
    return json.loads(told.removeprefix("SHOWN ")), done.stdout


def test_cells_define_steps_anew_while_a_loop_runs(tmp_path: Path) -> None:
    run = "run = whole()\nrun"
    state = "(run.result(), run.steps['load'].state.name)"
    results, printed = shown(
        tmp_path,
        DEFINE.format(value=1),
        run,
        state,
        run,
        state,
        # Another cell with a step of the same name: its result is another one.
        DEFINE.format(value=5),
        run,
        state,
        "run = await asyncio.to_thread(whole)\nrun",
        state,
    )
    texts = [text for text, _ in results]
    assert texts[2] == "(2, 'SUCCEEDED')"
    assert texts[4] == "(2, 'CACHED')"
    assert texts[7] == "(10, 'SUCCEEDED')"
    assert texts[9] == "(10, 'CACHED')"
    assert printed.count("loading") == 2
    assert "<svg" in results[1][1]


def test_a_cell_records_a_run_of_its_own(tmp_path: Path) -> None:
    _, printed = shown(tmp_path, DEFINE.format(value=1), OWN, "whole().result()")
    assert printed.count("looking around") == 1
    spool = Path(os.environ["WEFT_DATA_DIR"]) / "spool"
    assert len(list(spool.iterdir())) == 2
