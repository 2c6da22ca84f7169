"""The program that builds an image, and what it is given, as files of its workload."""

import base64
import gzip
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

# In an order that says nothing: each is found by its name.
_MODULES = ("builder", "layers", "packages", "registry")
# As much as a file of a workload may hold, a little less; and as many as are left for this.
_PART_BYTES = 60_000
_MOST_PARTS = 12
_START = """\
import base64, os, runpy, tempfile
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "builder.zip")
    with open(os.environ["WEFT_BUILD_PROGRAM"]) as packed, open(path, "wb") as file:
        file.write(base64.b64decode(packed.read()))
    runpy.run_path(path, run_name="__main__")
"""
ARGS = ("-c", _START)


def files(recipe: Mapping[str, Any], login: Mapping[str, str]) -> dict[str, str]:
    """The secret files of a build's workload; ValueError for a recipe that is too large."""
    named = {f"WEFT_BUILD_RECIPE_{n:02}": part for n, part in enumerate(_parts(recipe))}
    if len(named) > _MOST_PARTS:
        message = f"takes more than {_MOST_PARTS * _PART_BYTES >> 10} KiB when it is compressed"
        raise ValueError(message)
    return {"WEFT_BUILD_PROGRAM": _program(), "WEFT_BUILD_LOGIN": json.dumps(dict(login)), **named}


def _parts(recipe: Mapping[str, Any]) -> Iterator[str]:
    packed = gzip.compress(json.dumps(dict(recipe), sort_keys=True).encode(), mtime=0)
    text = base64.b64encode(packed).decode()
    for begin in range(0, len(text), _PART_BYTES):
        yield text[begin : begin + _PART_BYTES]


@cache
def _program() -> str:
    """A zip archive that Python executes, in base64."""
    folder = Path(__file__).parent
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__main__.py", "from workspace.building.builder import main\nmain()\n")
        for package in ("workspace", "workspace/building"):
            archive.writestr(f"{package}/__init__.py", "")
        for module in _MODULES:
            archive.write(folder / f"{module}.py", f"workspace/building/{module}.py")
    return base64.b64encode(packed.getvalue()).decode()
