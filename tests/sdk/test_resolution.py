"""The SDK lives in other people's environments: with the newest and the oldest of what it allows.

Resolving reads metadata only; two environments with its seven small dependencies are installed.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = (sys.executable, "-m", "uv")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# What people have beside it, each in an environment of its own: whether they agree with each other
# is not for us to say, and takes a resolver minutes.
BESIDE = ("torch", "dagster", "kfp", "mlflow")
PROGRAM = """
from weft import pipeline, step

@step
def one() -> int:
    print("said")
    return 1

@pipeline
def whole() -> int:
    return one()

if __name__ == "__main__":
    # Every stub and message: generated code checks what it runs on when it is imported.
    import importlib, pkgutil
    import weftapi.controlplane.v1, weftapi.workspace.v1
    for package in (weftapi.controlplane.v1, weftapi.workspace.v1):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    print("RESULT", whole().result())
"""


def dependencies() -> list[str]:
    """What the two distributions of users ask for."""
    found = []
    for distribution in ("sdk", "generated"):
        file = ROOT / distribution / "pyproject.toml"
        found += tomllib.loads(file.read_text())["project"]["dependencies"]
    return [dependency for dependency in found if dependency != "weft-api"]


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def resolve(directory: Path, *beside: str, resolution: str = "highest") -> dict[str, str]:
    """Versions by name; skips where no index answers, which in CI is a failure."""
    wanted, chosen = directory / "wanted.in", directory / "chosen.txt"
    wanted.write_text("\n".join([*dependencies(), *beside]))
    compiled = run(
        *(*UV, "pip", "compile", "--quiet", "--no-header", "--no-annotate"),
        *("--python-version", PYTHON, "--resolution", resolution),
        *(str(wanted), "--output-file", str(chosen)),
        cwd=directory,
    )
    if compiled.returncode and "No solution found" not in compiled.stderr:
        if os.environ.get("CI"):
            pytest.fail(compiled.stderr)
        pytest.skip("no package index can be reached")
    assert compiled.returncode == 0, compiled.stderr
    pins = [line.split("==") for line in chosen.read_text().splitlines() if "==" in line]
    return {name: version.split(" ")[0] for name, version in pins}


@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
def test_the_oldest_and_the_newest_work(tmp_path: Path, resolution: str) -> None:
    chosen = resolve(tmp_path, resolution=resolution)
    if resolution == "lowest-direct":
        floors = [dependency.split(",")[0].split(">=") for dependency in dependencies()]
        assert all(chosen[name].startswith(floor) for name, floor in floors)
    environment = tmp_path / "environment"
    python = environment / "bin" / "python"
    made = run(*UV, "venv", "--quiet", "--python", sys.executable, str(environment), cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    pins = [f"{name}=={version}" for name, version in chosen.items()]
    installed = run(
        *(*UV, "pip", "install", "--quiet", "--python", str(python), "--no-deps", *pins),
        cwd=tmp_path,
    )
    assert installed.returncode == 0, installed.stderr
    (tmp_path / "program.py").write_text(PROGRAM)
    own = {
        "PYTHONPATH": f"{ROOT / 'sdk'}:{ROOT / 'generated'}",
        "PYTHONWARNINGS": "error",
        "WEFT_OFFLINE": "1",
        "WEFT_ECHO": "1",
        "WEFT_DATA_DIR": str(tmp_path / "data"),
        "WEFT_CONFIG_DIR": str(tmp_path / "config"),
    }
    done = run(str(python), "program.py", cwd=tmp_path, **own)
    assert (done.returncode, done.stdout) == (0, "said\nRESULT 1\n"), done.stderr
    helped = run(str(python), "-m", "weft", "--help", cwd=tmp_path, **own)
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "weft run train.py" in helped.stdout


@pytest.mark.parametrize("beside", BESIDE)
def test_it_stands_beside_others(tmp_path: Path, beside: str) -> None:
    assert beside in resolve(tmp_path, beside)
