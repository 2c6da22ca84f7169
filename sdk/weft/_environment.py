"""The interpreter of this process, described so that it is found here or rebuilt elsewhere."""

from __future__ import annotations

import hashlib
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weftapi.common.v1 import types_pb2

_MAX_REQUIREMENTS = 1000


def host_identity() -> str:
    """Names this machine as workload managers do (workloads/launchers/environments.py).

    The machine id is confidential by its own documentation, so only a digest of it is shown.
    """
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except OSError:
        machine = ""
    return hashlib.sha256(f"weft:{machine}:{platform.node()}".encode()).hexdigest()[:32]


def environment() -> types_pb2.PythonEnvironment:
    """This interpreter on the wire."""
    from weftapi.common.v1 import types_pb2

    return types_pb2.PythonEnvironment(
        executable=sys.executable,
        host=host_identity(),
        version=platform.python_version(),
        requirements=requirements()[:_MAX_REQUIREMENTS],
    )


def requirements() -> list[str]:
    """The packages installed here, pinned; not those that come from a folder of this machine."""
    from importlib.metadata import distributions

    pins = set()
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name and distribution.read_text("direct_url.json") is None:
            pins.add(f"{name}=={distribution.version}")
    return sorted(pins)
