"""What becomes of archives that hosts of code send, the honest and the hostile."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from workspace.repositories import packing
from workspace.repositories.model import Tarball
from workspace.repositories.packing import Packed, PackingError, pack

Write = Callable[[tarfile.TarFile], None]


def add(archive: tarfile.TarFile, name: str, content: bytes = b"x", **fields: object) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    for field, value in fields.items():
        setattr(entry, field, value)
    archive.addfile(entry, io.BytesIO(content))


def packed(folder: Path, write: Write, *, depth: int = 1, directory: str = "") -> Packed:
    file = folder / "in.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        write(archive)
    return pack(Tarball(file, depth), directory)


def names(found: Packed) -> dict[str, int]:
    with tarfile.open(fileobj=io.BytesIO(found.data), mode="r:gz") as archive:
        return {member.name: member.mode for member in archive}


def test_plain_files_come_out_the_same_every_time(tmp_path: Path) -> None:
    def write(archive: tarfile.TarFile) -> None:
        archive.pax_headers = {"comment": "a" * 40}
        add(archive, "top/train.py", mtime=os.getpid(), uid=7, uname="ada")
        add(archive, "top/run.sh", mode=0o4777)
        add(archive, "top/deep/a.py")

    first = packed(tmp_path, write)
    assert names(first) == {"train.py": 0o644, "run.sh": 0o755, "deep/a.py": 0o644}
    assert packed(tmp_path, write) == first
    assert names(packed(tmp_path, write, directory="deep")) == {"a.py": 0o644}
    assert "top/train.py" in names(packed(tmp_path, write, depth=0))


def test_links_and_devices_are_left_out(tmp_path: Path) -> None:
    def write(archive: tarfile.TarFile) -> None:
        add(archive, "top/train.py")
        for name, type_ in (("s", tarfile.SYMTYPE), ("h", tarfile.LNKTYPE)):
            add(archive, f"top/{name}", b"", type=type_, linkname="/etc/passwd")
        for name, type_ in (("c", tarfile.CHRTYPE), ("f", tarfile.FIFOTYPE)):
            add(archive, f"top/{name}", b"", type=type_)
        # Through a link that nobody made: a plain file, since the link is not there.
        add(archive, "top/s/owned")

    assert names(packed(tmp_path, write)) == {"train.py": 0o644, "s/owned": 0o644}


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "top/../../x", "..", "top//x", "./top/x", "top/./x", "top/a/../b"],
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PackingError, match="leads out"):
        packed(tmp_path, lambda archive: add(archive, name))


def test_archives_that_are_none_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "in.tar.gz"
    good = io.BytesIO()
    with tarfile.open(fileobj=good, mode="w:gz") as archive:
        add(archive, "top/train.py", os.urandom(5000))
    for content in (b"", b"x" * 600, b"\x1f\x8b", good.getvalue()[:3000], gzip.compress(b"x")):
        file.write_bytes(content)
        with pytest.raises(PackingError):
            pack(Tarball(file, 1), "")


def test_what_is_too_large_is_refused_wherever_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MAX_UNPACKED_BYTES", 100_000)
    monkeypatch.setattr(packing, "MAX_PACKED_BYTES", 50_000)
    monkeypatch.setattr(packing, "MAX_FILES", 10)
    monkeypatch.setattr(packing, "_MAX_READ_BYTES", 500_000)
    with pytest.raises(PackingError, match="than a snapshot takes"):
        packed(tmp_path, lambda a: add(a, "top/zeros", bytes(100_001)))
    with pytest.raises(PackingError, match="than a snapshot takes"):
        packed(tmp_path, lambda a: add(a, "top/noise", os.urandom(90_000)))
    with pytest.raises(PackingError, match="than a snapshot takes"):
        packed(tmp_path, lambda a: [add(a, f"top/{n}") for n in range(11)] and None)
    # Also what nobody asked for costs time to read.
    with pytest.raises(PackingError, match="unpacks to more"):
        packed(tmp_path, lambda a: add(a, "top/zeros", bytes(600_000)), directory="elsewhere")


def test_headers_that_are_bombs_are_refused(tmp_path: Path) -> None:
    def write(archive: tarfile.TarFile) -> None:
        add(archive, "top/long", bytes(2 << 20), type=tarfile.GNUTYPE_LONGNAME)
        add(archive, "top/train.py")

    with pytest.raises(PackingError, match="longer than any"):
        packed(tmp_path, write)

    def sparse(archive: tarfile.TarFile) -> None:
        pax = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x"}
        archive.format = tarfile.PAX_FORMAT
        add(archive, "top/x", b"1\n0\n1\n", pax_headers=pax)

    with pytest.raises(PackingError, match="sparse"):
        packed(tmp_path, sparse)
    with pytest.raises(PackingError, match="sparse"):
        packed(tmp_path, lambda a: add(a, "top/x", type=tarfile.GNUTYPE_SPARSE))
