"""Help, completion and `import weft` load next to nothing: a command should answer in a blink."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys

import pytest

import weft.cli

HEAVY = (
    "grpc",
    "google.protobuf",
    "numpy",
    "pandas",
    "yaml",
    "obstore",
    "asyncio",
    "sqlalchemy",
    "pydantic",
    "meshkit",
    "importlib.metadata",
    "rich",
    "textual",
)
MODULES = [module.name for module in pkgutil.iter_modules(weft.cli.__path__)]


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after some code."""
    script = f"{code}\nimport json, sys\nprint()\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def heavy(modules: set[str], *allowed: str) -> set[str]:
    return {name for name in HEAVY if name in modules and name not in allowed}


def test_importing_the_sdk_is_light() -> None:
    assert heavy(loaded_by("import weft")) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["runs", "--help"]])
def test_help_is_light(arguments: list[str]) -> None:
    code = f"import weft.cli\ntry:\n    weft.cli.main({arguments!r})\nexcept SystemExit:\n    pass"
    allowed = {"importlib.metadata"} if arguments == ["--version"] else set()
    assert heavy(loaded_by(code), *allowed) == set()


@pytest.mark.parametrize("name", MODULES)
def test_no_command_is_heavy_when_it_is_imported(name: str) -> None:
    assert heavy(loaded_by(f"import weft.cli.{name}")) == set()
