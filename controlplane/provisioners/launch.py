"""Becomes the server of a workspace: `python launch.py DIRECTORY VERSION COMMAND...`.

Run as a file, by any version's interpreter: it imports nothing but the standard library. It is
started with a lock on the directory among its files, which the server goes on holding; so the
server lives for as long as the lock is held, and who it is stands in the directory.
"""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Lets go of the control plane, says who it is, and becomes the command."""
    directory, version, *command = sys.argv[1:]
    # A child of nobody: the control plane may end before it, and need not wait for it.
    if os.fork():
        os._exit(0)
    os.setsid()
    said = Path(directory, "process.json.tmp")
    said.write_text(json.dumps({"pid": os.getpid(), "version": version}), encoding="utf-8")
    said.replace(said.with_suffix(""))
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
