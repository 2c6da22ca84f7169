"""A step that looks for the token of its run wherever it can."""

import gc
import json
import os
import time
from pathlib import Path

from weft import pipeline, step


@step
def snoop(found: str) -> int:
    began_with = dict(
        entry.partition("=")[::2]
        for entry in Path("/proc/self/environ").read_text().split("\0")
        if entry
    )
    file = Path(began_with["WEFT_RUN_TOKEN_FILE"])
    in_memory = [thing for thing in gc.get_objects() if type(thing).__name__ == "RunToken"]
    seen = {
        "variables": [name for name in os.environ if "TOKEN" in name],
        "file": file.read_text() if file.exists() else "",
        "folder": [path.name for path in file.parent.glob("*")],
        # Nothing can be hidden from code of the same process.
        "token": in_memory[0](is_fresh=False),
    }
    Path(found).write_text(json.dumps(seen))
    while not Path(f"{found}.gate").exists():
        time.sleep(0.02)
    return 1


@pipeline
def snooping(found: str) -> None:
    snoop(found)
