"""Runs a module as a server that ends with the process that started it.

`python -m weft._tethered PID MODULE`. A `weft up` that is killed cannot stop its servers; ones
that lived on would hold the ports and write to the data beside the next mesh's.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

_POLL_S = 1.0


def main() -> None:
    """Ties this process to its parent, and runs the module in it."""
    parent, module = int(sys.argv[1]), sys.argv[2]
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _watch(parent: int) -> None:
    """Waits for the parent to be gone: then this process is somebody else's child."""
    while os.getppid() == parent:
        threading.Event().wait(_POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
