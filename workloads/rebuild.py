"""Rebuilds a Python environment from its requirements, and becomes its interpreter.

    python -I rebuild.py CACHE VERSION [REQUIREMENT...] -- ARGS...

It runs as the workload itself, on purpose: what pip says is in the workload's log, and its
timeout, its limits and an order to cancel hold. Standard library only.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

# Written last: an environment without it was broken off, and is made again.
_READY = "weft-ready"


def main(cache: str, version: str, *rest: str) -> None:
    """Becomes the interpreter; does not return."""
    end = rest.index("--")
    requirements, args = sorted(rest[:end]), rest[end + 1 :]
    python = _interpreter(version)
    key = hashlib.sha256(json.dumps([python, requirements]).encode()).hexdigest()
    environment = Path(cache) / key
    environment.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The lock ends with its holder, however that one ends; others wait instead of building twice.
    with environment.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (environment / _READY).exists():
            _build(environment, python, requirements)
    executable = str(environment / "bin" / "python")
    os.execv(executable, [executable, *args])  # noqa: S606


def _interpreter(version: str) -> str:
    """An interpreter of the same minor version; our own where none was asked for."""
    minor = ".".join(version.split(".")[:2])
    if not minor or minor == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{minor}")
    if found is None:
        sys.exit(f"weft: this host has no Python {minor}, which the environment asks for")
    return found


def _build(environment: Path, python: str, requirements: list[str]) -> None:
    sys.stderr.write(f"weft: rebuilding the environment ({len(requirements)} requirements)\n")
    shutil.rmtree(environment, ignore_errors=True)
    _run(python, "-m", "venv", str(environment))
    if requirements:
        pip = (str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check")
        # "--" ends the options: a requirement is never read as one.
        _run(*pip, "install", "--no-input", "--", *requirements)
    (environment / _READY).touch()


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False)  # noqa: S603  # the submitter's own requirements
    if done.returncode:
        sys.exit(f"weft: {' '.join(command[1:4])} ended with {done.returncode}")


if __name__ == "__main__":
    main(*sys.argv[1:])
