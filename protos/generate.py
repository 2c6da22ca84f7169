"""Regenerates the stubs under generated/ from protos/; run it by `make protos`.

The whole package, and the TypeScript beside it, is built anew beside the old one and then takes its
place, so that a removed proto leaves nothing behind and a broken one leaves the old stubs. Message
modules carry typed stubs with the protos' comments; service modules exist only for files that
hold a service. The descriptor set keeps comments: grpcurl, buf lint, the OpenAPI document and
the contract tests read it.
"""

import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from google.api import annotations_pb2
from google.protobuf import descriptor_pb2
from grpc_tools import protoc

import typescript

ROOT = Path(__file__).resolve().parent
OUTPUT = ROOT.parent / "generated"
TOOLS = Path(sys.executable).parent
COMMON = Path(annotations_pb2.__file__).parents[2]
INCLUDES = [f"-I{ROOT}", f"-I{files('grpc_tools') / '_proto'}", f"-I{COMMON}"]
PLUGINS = [
    f"--plugin={TOOLS / 'protoc-gen-mypy'}",
    f"--plugin={TOOLS / 'protoc-gen-mypy_grpc'}",
]


def main() -> int:
    """Rebuilds the package and answers protoc's exit code."""
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory)
        INCLUDES.append(f"-I{_renamed(output / 'renamed')}")
        code = _generate(output)
        if code == 0:
            typescript.write(
                output / "weftapi" / "weftapi.protoset", _folder(output / "typescript")
            )
            _replace(output / "weftapi", OUTPUT / "weftapi")
            _replace(output / "typescript", OUTPUT / "typescript")
    return code


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _renamed(folder: Path) -> Path:
    """A folder with the one file that the package keeps under another name than its modules say."""
    known_as = folder / "google/longrunning/operations.proto"
    known_as.parent.mkdir(parents=True)
    shutil.copyfile(COMMON / "google/longrunning/operations_proto.proto", known_as)
    return folder


def _generate(output: Path) -> int:
    package = output / "weftapi"
    package.mkdir()
    sources = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("weftapi/**/*.proto"))
    code = _protoc(
        f"--python_out={output}",
        f"--mypy_out=quiet:{output}",
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={package / 'weftapi.protoset'}",
        *sources,
    )
    services = _services(package) if code == 0 else []
    if services:
        code = _protoc(f"--grpc_python_out={output}", f"--mypy_grpc_out=quiet:{output}", *services)
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").touch()
    (package / "py.typed").touch()
    return code


def _replace(made: Path, kept: Path) -> None:
    """Makes `kept` equal to `made`, touching only files that differ."""
    new = {path.relative_to(made) for path in made.rglob("*") if path.is_file()}
    for path in [path for path in kept.rglob("*") if path.is_file()]:
        if path.relative_to(kept) not in new:
            path.unlink()
    for name in new:
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        if not (kept / name).exists() or (kept / name).read_bytes() != (made / name).read_bytes():
            shutil.copyfile(made / name, kept / name)


def _protoc(*arguments: str) -> int:
    return int(protoc.main(["protoc", *INCLUDES, *PLUGINS, *arguments]))


def _services(package: Path) -> list[str]:
    descriptors = descriptor_pb2.FileDescriptorSet.FromString(
        (package / "weftapi.protoset").read_bytes()
    )
    return [file.name for file in descriptors.file if file.service]


if __name__ == "__main__":
    sys.exit(main())
