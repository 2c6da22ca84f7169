"""What the fixtures of `weft.pytest_plugin` give; docs/testing.md shows their use."""

from __future__ import annotations

from weft._cluster_testing import ClusterWeft
from weft._local_testing import LocalWeft
from weft._mesh_testing import CommandResult, MeshWeft
from weft._recorded import RunRecords
from weft._tested import Outputs, RecordedRun, TestClock
from weft._travel import StartedRun, WeftClock

__all__ = [
    "ClusterWeft",
    "CommandResult",
    "LocalWeft",
    "MeshWeft",
    "Outputs",
    "RecordedRun",
    "RunRecords",
    "StartedRun",
    "TestClock",
    "WeftClock",
]
