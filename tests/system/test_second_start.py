"""A mesh is stopped and started again, its old ports taken: everything is still there."""

from pathlib import Path

import pytest

from tests.system.mesh import Mesh
from tests.system.project import state_of


@pytest.mark.fault
def test_a_second_start_on_other_ports_goes_on_where_the_first_ended(
    tmp_path: Path, gate: Path
) -> None:
    gate.touch()
    first = Mesh(tmp_path)
    try:
        first.start()
        project = first.project("kept")
        run = project.submit("gated.py", gate=gate, lines=1)
        assert state_of(project.watch_to_end(run)) == "SUCCEEDED"
        events = project.list_events()
    finally:
        first.stop()

    second = Mesh(tmp_path)
    try:
        second.start()
        again = second.project("kept", is_new=False)
        assert again.list_events()[: len(events)] == events
        done = again.submit("gated.py", gate=gate, lines=1)
        ended = again.watch_to_end(done)
        assert state_of(ended) == "SUCCEEDED"
        assert ended.step_counts["CACHED"] == 2
        # Every member found the control plane where it is now.
        for name in ("workspace", "workloads", "gateway"):
            second.wait_logged(name, "linked", after=1)
    finally:
        second.stop()
