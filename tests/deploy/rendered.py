"""The chart as Helm renders it, and what its documents say of each other."""

import functools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/weft"
Document = dict[str, Any]
SERVICES = ("controlplane", "workspace", "workloads", "gateway")


class Rendering:
    """All documents that one set of values makes."""

    def __init__(self, text: str, notes: str = "") -> None:
        self.text = text
        self.notes = notes

    @functools.cached_property
    def documents(self) -> list[Document]:
        return [document for document in yaml.load_all(self.text, yaml.CSafeLoader) if document]

    def of(self, *kinds: str) -> list[Document]:
        return [document for document in self.documents if document["kind"] in kinds]

    def one(self, kind: str, name: str) -> Document:
        [found] = [it for it in self.of(kind) if it["metadata"]["name"] == name]
        return found

    def controller(self, service: str) -> Document:
        """The Deployment or StatefulSet of a service."""
        [found] = [
            it
            for it in self.of("Deployment", "StatefulSet")
            if it["metadata"]["name"] == f"weft-{service}"
        ]
        return found

    def replicas(self, name: str) -> int:
        """How many pods there are of a name."""
        [found] = [
            it for it in self.of("Deployment", "StatefulSet") if it["metadata"]["name"] == name
        ]
        return int(found["spec"]["replicas"])

    def pods(self) -> dict[str, Document]:
        """Every pod template's specification, by the name of what makes its pods."""
        makers = self.of("Deployment", "StatefulSet", "Job")
        return {it["metadata"]["name"]: it["spec"]["template"]["spec"] for it in makers}


@dataclass(frozen=True)
class Helm:
    """What Helm answered to each set of values: a rendering, or what it had against them."""

    renderings: dict[str, Rendering]
    problems: dict[str, str]


def ask_helm(values: dict[str, Document]) -> Helm:
    """Renders each set of values; in a process of its own, because Go moves in for good."""
    process = subprocess.run(
        [sys.executable, str(ROOT / "deploy/render.py"), "--json"],
        input=json.dumps(list(values.values())),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}", "HOME": "/nonexistent"},
    )
    assert process.returncode == 0, process.stderr
    answers = dict(zip(values, json.loads(process.stdout), strict=True))
    return Helm(
        {
            name: Rendering(text, notes)
            for name, (text, problem, notes) in answers.items()
            if not problem
        },
        {name: problem for name, (_, problem, _) in answers.items() if problem},
    )


def read_values(path: Path) -> Document:
    return dict(yaml.safe_load(path.read_text()))
