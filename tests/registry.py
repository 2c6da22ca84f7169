"""A container registry on loopback: Debian's `docker-registry`, the distribution's own program."""

import os
import re
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

_LISTENING = re.compile(r"listening on (127\.0\.0\.1:\d+)")


def _program() -> str:
    """Where it is; without it CI fails, and anybody else is told."""
    found = shutil.which("docker-registry")
    if found is None:
        message = "docker-registry is not installed: images are not pushed to a real registry"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    return found


@contextmanager
def registry(directory: Path) -> Iterator[str]:
    """Starts it with nothing in it; gives its host and port."""
    settings = directory / "registry.yaml"
    settings.write_text(
        "version: 0.1\n"
        f"storage: {{filesystem: {{rootdirectory: {directory / 'images'}}}}}\n"
        "http: {addr: '127.0.0.1:0'}\n"
    )
    with subprocess.Popen(
        [_program(), "serve", settings], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        place = _place(process.stdout)
        # It says much more, and shall never wait for somebody to read it.
        reader = threading.Thread(target=deque, args=[process.stdout, 0])
        reader.start()
        try:
            yield place
        finally:
            process.terminate()
            reader.join()


def _place(log: IO[str]) -> str:
    """Which host and port it was given, as it says once it listens."""
    said = []
    for line in log:
        said.append(line)
        if found := _LISTENING.search(line):
            return found[1]
    raise AssertionError("".join(said))
