"""A container registry on loopback: Debian's `docker-registry`, the distribution's own program."""

import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weft._servers import free_ports

_START_S = 20.0


def program(directory: Path) -> Path:
    """The program: that of the machine, or the one of Debian's package, which is not installed."""
    if found := shutil.which("docker-registry"):
        return Path(found)
    download = ["apt-get", "download", "docker-registry"]
    if subprocess.run(download, cwd=directory, check=False).returncode:
        # A machine that never asked what there is.
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(download, cwd=directory, check=True)
    [package] = directory.glob("docker-registry_*.deb")
    subprocess.run(["dpkg-deb", "--extract", package, directory / "package"], check=True)
    return directory / "package/usr/bin/docker-registry"


@contextmanager
def registry(directory: Path) -> Iterator[str]:
    """Starts it with nothing in it; gives its host and port."""
    port = free_ports({"registry": 0})["registry"]
    settings = directory / "registry.yaml"
    settings.write_text(
        "version: 0.1\n"
        f"storage: {{filesystem: {{rootdirectory: {directory / 'images'}}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with (directory / "registry.log").open("wb") as log:
        process = subprocess.Popen([program(directory), "serve", settings], stdout=log, stderr=log)
        try:
            _await(f"http://127.0.0.1:{port}/v2/", process)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        assert process.poll() is None
        try:
            with urllib.request.urlopen(url, timeout=_START_S):
                return
        except OSError:
            # There is nothing to listen to before it listens.
            subprocess.run(["sleep", "0.1"], check=True)
    raise AssertionError("the registry does not start")
