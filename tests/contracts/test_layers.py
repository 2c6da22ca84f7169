"""The layers import what house.md lets them; reasons that are raised are in the contract."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from weftapi.common.v1 import errors_pb2

ROOT = Path(__file__).parents[2]
SERVICES = ("controlplane", "workspace", "workloads")
# Layer folder or file -> prefixes of modules that it must not import.
FORBIDDEN = {
    "servicers": ("sqlalchemy",),
    "operations": ("grpc", "weftapi", "google.protobuf"),
    "store": ("grpc", "weftapi", "google.protobuf"),
    "lifecycle.py": ("grpc", "weftapi", "google", "sqlalchemy", "meshkit", *SERVICES),
    "permissions.py": ("grpc", "weftapi", "google", "sqlalchemy", "meshkit"),
}


def _sources(*roots: str) -> Iterator[Path]:
    for root in roots:
        for path in sorted((ROOT / root).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _is_below(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(f"{prefix}.")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("layer", FORBIDDEN)
def test_layers_import_downwards(service, layer):
    home = ROOT / service / layer
    files = [home] if home.is_file() else list(home.rglob("*.py"))
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files
        for module in _imports(path)
        for prefix in FORBIDDEN[layer]
        if _is_below(module, prefix)
    ]
    assert wrong == []


@pytest.mark.parametrize("service", SERVICES)
def test_stores_do_not_import_operations(service):
    wrong = [
        str(path.relative_to(ROOT))
        for path in (ROOT / service / "store").rglob("*.py")
        for module in _imports(path)
        if _is_below(module, f"{service}.operations") or _is_below(module, f"{service}.servicers")
    ]
    assert wrong == []


@pytest.mark.parametrize("root", ["meshkit", "gateway", *SERVICES])
def test_servers_never_import_the_sdk(root):
    wrong = [str(p) for p in _sources(root) for module in _imports(p) if _is_below(module, "weft")]
    assert wrong == []


def test_nothing_that_serves_imports_what_tests_need():
    served = _sources("meshkit", "gateway", *SERVICES)
    wrong = [str(p) for p in served for module in _imports(p) if _is_below(module, "meshtest")]
    assert wrong == []


def test_the_sdk_never_imports_the_servers():
    servers = ("meshkit", "meshtest", "gateway", *SERVICES)
    allowed = {("sdk/weft/cli/up.py", "meshkit")}  # to see whether the servers are installed
    # Tests of pipelines may have a mesh, where it is installed.
    fixtures = ("pytest_plugin.py", "_mesh_testing.py", "_cluster_testing.py", "_travel.py")
    allowed |= {
        (f"sdk/weft/{file}", f"meshtest.{part}")
        for file in fixtures
        for part in ("background", "mesh", "travel", "cluster", "kubernetes.cluster")
    }
    wrong = [
        (str(path.relative_to(ROOT)), module)
        for path in _sources("sdk/weft")
        for module in _imports(path)
        if any(_is_below(module, server) for server in servers)
    ]
    assert set(wrong) <= allowed


@pytest.mark.parametrize("service", SERVICES)
def test_services_do_not_import_each_other(service):
    others = [other for other in (*SERVICES, "gateway") if other != service]
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in _sources(service)
        for module in _imports(path)
        if any(_is_below(module, other) for other in others)
    ]
    assert wrong == []


def test_meshkit_knows_no_service():
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in _sources("meshkit")
        for module in _imports(path)
        if any(_is_below(module, other) for other in (*SERVICES, "gateway"))
    ]
    assert wrong == []


def test_files_stay_small():
    """House rule 17: beyond 400 lines, split by noun."""
    large = {
        str(path.relative_to(ROOT)): lines
        for path in _sources("meshkit", "meshtest", "gateway", "sdk/weft", *SERVICES, "tests")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert large == {}


def test_every_reason_that_is_raised_is_in_the_contract():
    known = {name.removeprefix("ERROR_REASON_") for name in dict(errors_pb2.ErrorReason.items())}
    known |= {"ROUTE_NOT_FOUND"}
    kinds = {
        "InvalidArgument",
        "DeadlineExceeded",
        "NotFound",
        "AlreadyExists",
        "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition",
        "Aborted",
        "OutOfRange",
        "Unimplemented",
        "Internal",
        "Unavailable",
        "Unauthenticated",
    }
    unknown = set()
    for path in _sources("meshkit", *SERVICES):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            reason = node.args[0]
            is_text = isinstance(reason, ast.Constant) and isinstance(reason.value, str)
            if name in kinds and is_text and reason.value not in known:
                unknown.add(f"{path.relative_to(ROOT)}:{node.lineno} {reason.value}")
    assert unknown == set()


def test_a_workload_manager_starts_without_sqlalchemy() -> None:
    """It has no database: the import would be 40 % of its start, and 17 MB."""
    code = "import sys, workloads.server; sys.exit('sqlalchemy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
