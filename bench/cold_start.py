"""(i) The embedded mesh from nothing to healthy: what `weft up` takes the first time.

The limit: as many Python processes as there are servers, each importing gRPC and SQLAlchemy, as
the mesh starts them (the control plane first, the others together).
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from bench.figures import Figure, stay_below
from bench.load import Options
from bench.processes import ROOT, environment
from bench.run import main
from bench.site import Site

_IMPORTS = "import grpc.aio, sqlalchemy.orm, google.protobuf.descriptor_pb2"
_UP = """
import sys, time
from pathlib import Path
from weft._contexts import ContextStore
from weft._embedded import EmbeddedMesh
start = time.monotonic()
mesh = EmbeddedMesh(Path(sys.argv[1]))
try:
    mesh.start(lambda _line: None)
    print(time.monotonic() - start)
finally:
    mesh.stop()
"""


async def measure(site: Site, options: Options) -> list[Figure]:
    turns = 1 if options.quick else 2
    ours = min([await _up(site.new_directory("mesh")) for _ in range(turns)])
    bare = min([await _imports() for _ in range(turns)])
    return [Figure("i", "embedded mesh, cold to healthy", "s", ours, bare, stay_below(4.0))]


async def _up(directory: Path) -> float:
    """Seconds; in a process of its own, as gRPC's clients would slow down the forks."""
    home = environment(WEFT_CONFIG_DIR=str(directory), HOME=str(directory))
    return float(await _output("-c", _UP, str(directory / "data"), env=home))


async def _imports() -> float:
    start = time.monotonic()
    await _output("-c", _IMPORTS)
    await asyncio.gather(*(_output("-c", _IMPORTS) for _ in range(3)))
    return time.monotonic() - start


async def _output(*arguments: str, env: dict[str, str] | None = None) -> str:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env=env or dict(os.environ),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await child.communicate()
    if child.returncode:
        raise RuntimeError(errors.decode()[-2000:])
    return output.decode()


if __name__ == "__main__":
    main(measure)
