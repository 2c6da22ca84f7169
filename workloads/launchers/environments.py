"""The interpreter of a workload: the submitter's own, or one rebuilt from its requirements."""

import hashlib
import os
import platform
import sys
from pathlib import Path

from workloads import rebuild
from workloads.model import WorkloadSpec


def host_identity() -> str:
    """Names this machine as submitters do in `PythonEnvironment.host` (sdk: weft/_environment.py).

    The machine id is confidential by its own documentation, so only a digest of it is shown.
    """
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except OSError:
        machine = ""
    return hashlib.sha256(f"weft:{machine}:{platform.node()}".encode()).hexdigest()[:32]


class Environments:
    """Chooses interpreters for workloads on this host; `cache` holds those that were rebuilt."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._host = host_identity()

    def command(self, spec: WorkloadSpec) -> list[str]:
        """The command line that executes the workload's arguments in its environment."""
        wanted = spec.environment
        if wanted.host == self._host and os.access(wanted.executable, os.X_OK):
            return [wanted.executable, *spec.args]
        if not (wanted.version or wanted.requirements):
            return [sys.executable, *spec.args]
        builder = [sys.executable, "-I", rebuild.__file__, str(self._cache), wanted.version]
        return [*builder, *wanted.requirements, "--", *spec.args]
