"""`kubectl` before a Node: as much of it as NOTES.txt and docs/install.md type.

kubectl -n NAMESPACE rollout status ...
kubectl -n NAMESPACE exec POD -- COMMAND...
kubectl -n NAMESPACE create secret generic NAME --from-file=KEY=FILE
"""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from tests.deploy.node import Node, Secrets
from tests.deploy.rendered import ROOT

_STATE = "KUBECTL_STATE"


class Kubectl:
    """The program in a directory of its own, and shells that find it."""

    def __init__(self, node: Node, directory: Path) -> None:
        self._node = node
        self._directory = directory
        program = directory / "kubectl"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.deploy.kubectl "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def type(self, text: str, **environment: str) -> str:
        """What a shell prints that is given these lines; they all have to succeed."""
        (self._directory / "pods.json").write_text(json.dumps(self._node.inside))
        paths = map(str, (ROOT, ROOT / "generated", ROOT / "sdk"))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            env={
                "PATH": f"{self._directory}:{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(self._directory),
                "PYTHONPATH": os.pathsep.join(paths),
                _STATE: str(self._directory),
                **environment,
            },
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def secrets(self) -> Secrets:
        """Those that were made, by name and key."""
        made = self._directory.glob("secrets/*")
        return {it.name: {key.name: key.read_text() for key in it.iterdir()} for it in made}


def main(arguments: list[str]) -> int:
    """The program."""
    state = Path(os.environ[_STATE])
    assert arguments[:2] == ["-n", "weft"]
    match arguments[2:]:
        case ["rollout", "status", _]:
            return 0
        case ["exec", pod, "--", *command]:
            return _exec(json.loads((state / "pods.json").read_text())[pod], command)
        case ["create", "secret", "generic", name, source]:
            key, _, path = source.removeprefix("--from-file=").partition("=")
            place = state / "secrets" / name
            # A Secret that is there already is refused, as by the API server.
            place.mkdir(parents=True)
            (place / key).write_text(Path(path).read_text())
            return 0
    raise SystemExit(f"unknown: {arguments}")


def _exec(pod: dict[str, dict[str, str]], command: list[str]) -> int:
    """Runs a command as its container would: with its variables, in its file system."""
    there = [_here(word, pod["places"]) for word in command]
    return subprocess.run(there, env={**os.environ, **pod["environment"]}, check=False).returncode


def _here(word: str, places: dict[str, str]) -> str:
    for path, place in places.items():
        if word.startswith(f"{path}/"):
            return place + word.removeprefix(path)
    return word


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
