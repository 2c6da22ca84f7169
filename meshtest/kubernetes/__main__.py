"""`python -m meshtest.kubernetes DIRECTORY`: a fake cluster for whoever has its kubeconfig.

Prints the path of that file when it serves; ends, and all its pods with it, when its input does.
"""

import asyncio
import os
import sys
from pathlib import Path

from meshtest.kubernetes.cluster import FakeCluster


async def serve(directory: Path) -> None:
    async with FakeCluster(directory) as cluster:
        # Pods find the packages that are here, as an image would have them.
        cluster.kubelet.environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        sys.stdout.write(f"{cluster.kubeconfig}\n")
        sys.stdout.flush()
        await _until_left()


async def _until_left() -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await reader.read()
    transport.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
