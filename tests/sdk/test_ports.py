"""Ports that one mesh has, and no other takes."""

import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from weft._ports import Ports

ELSEWHERE = (
    "import sys; from weft._ports import Ports; print(Ports().take({'p': int(sys.argv[1])})['p'])"
)


@pytest.fixture
def ports() -> Iterator[Ports]:
    made = Ports()
    yield made
    made.release()


def test_a_port_in_use_gives_way_to_another(ports: Ports) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        given = ports.take({"wanted": port, "any": 0})
        assert port not in given.values()
        assert len(set(given.values())) == 2
    assert ports.take({"wanted": port}) == {"wanted": port}


def test_a_port_that_nobody_listens_on_yet_is_taken_all_the_same(ports: Ports) -> None:
    other = Ports()
    port = ports.take({"mine": 0})["mine"]
    try:
        assert other.take({"wanted": port})["wanted"] != port
        # Also for other processes.
        command = [sys.executable, "-c", ELSEWHERE, str(port)]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
        assert int(said.stdout) != port
        ports.release()
        assert other.take({"wanted": port}) == {"wanted": port}
    finally:
        other.release()


def test_where_nothing_can_be_written_looking_has_to_do(
    ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    monkeypatch.setattr(tempfile, "tempdir", str(in_the_way))
    assert ports.take({"any": 0})["any"]


def test_others_of_this_machine_do_not_hold_our_ports(
    ports: Ports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ports.take({"any": 0})
    [folder] = tmp_path.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.stat().st_uid == os.getuid()
