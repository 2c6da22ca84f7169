"""A fake Argo Workflows: `python argo.py WORKFLOW_FILE NAME` executes a workflow.

It reads the workflow as the controller does and executes its containers' commands as processes,
with a namespace's objects on this machine: the config map `weft` is `weft.env`, `weft-files` is
the working directory, and a projected token is the file that `FAKE_ARGO_IDENTITY` names.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

Parameters = dict[str, str]


class Workflow:
    """One workflow under a name, its volumes in a directory of its own."""

    def __init__(self, spec: Any, name: str, directory: Path) -> None:
        self._spec = spec
        self._templates = {each["name"]: each for each in spec["templates"]}
        self._known = {"workflow.name": name}
        self._mounts = {
            volume["name"]: _mount(volume, directory / volume["name"]) for volume in spec["volumes"]
        }

    def run(self) -> str:
        """Executes it with its exit handler; answers its status."""
        status = "Succeeded" if self._execute(self._spec["entrypoint"], {}) else "Failed"
        self._known["workflow.status"] = status
        handled = self._execute(self._spec["onExit"], {})
        return status if handled else "Error"

    def _execute(self, name: str, given: Parameters) -> bool:
        template = self._templates[name]
        if "dag" in template:
            return self._dag(template["dag"]["tasks"])
        limit = int(template.get("retryStrategy", {}).get("limit", 0))
        inputs = {f"inputs.parameters.{key}": value for key, value in given.items()}
        # A container that ended badly, or was killed, has failed: all policies but `OnError` retry.
        return any(
            self._pod(template["container"], {**self._known, **inputs, "retries": str(retry)})
            for retry in range(limit + 1)
        )

    def _dag(self, tasks: list[Any]) -> bool:
        by_name = {task["name"]: task for task in tasks}
        graph = {name: task.get("depends", "").split() for name, task in by_name.items()}
        done: set[str] = set()
        for name in TopologicalSorter(graph).static_order():
            task = by_name[name]
            given = {p["name"]: p["value"] for p in task.get("arguments", {}).get("parameters", [])}
            if done.issuperset(graph[name]) and self._execute(task["template"], given):
                done.add(name)
        return done == by_name.keys()

    def _pod(self, container: Any, known: Parameters) -> bool:
        paths = {m["mountPath"]: str(self._mounts[m["name"]]) for m in container["volumeMounts"]}
        environment = {"PATH": os.environ["PATH"], **_config_maps(container["envFrom"])}
        for each in container["env"]:
            environment[each["name"]] = _mounted(each["value"], paths)
        command = [*container["command"], *(_filled(arg, known) for arg in container["args"])]
        process = subprocess.Popen(
            command,
            cwd=_mounted(container["workingDir"], paths),
            env=environment,
            start_new_session=True,
        )
        code = process.wait()
        # Nothing of a pod outlives its container.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return code == 0


def _mount(volume: Any, directory: Path) -> Path:
    if "configMap" in volume:
        assert volume["configMap"]["name"] == "weft-files"
        return Path.cwd()
    (source,) = volume["projected"]["sources"]
    assert source["serviceAccountToken"]["audience"] == "weft"
    directory.mkdir()
    token = directory / source["serviceAccountToken"]["path"]
    token.write_bytes(Path(os.environ["FAKE_ARGO_IDENTITY"]).read_bytes())
    return directory


def _config_maps(sources: list[Any]) -> dict[str, str]:
    names = [source["configMapRef"]["name"] for source in sources]
    lines = [line for name in names for line in Path(f"{name}.env").read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines)


def _mounted(path: str, paths: dict[str, str]) -> str:
    (mount,) = (mount for mount in paths if path == mount or path.startswith(f"{mount}/"))
    return paths[mount] + path.removeprefix(mount)


def _filled(text: str, known: Parameters) -> str:
    return re.sub(r"\{\{([a-z.]+)\}\}", lambda found: known[found[1]], text)


def main(file: str, name: str) -> int:
    """Executes the workflow of a file; answers 0 where it succeeded."""
    document = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    assert (document["apiVersion"], document["kind"]) == ("argoproj.io/v1alpha1", "Workflow")
    with tempfile.TemporaryDirectory() as directory:
        status = Workflow(document["spec"], name, Path(directory)).run()
    sys.stdout.write(f"{status}\n")
    return 0 if status == "Succeeded" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
