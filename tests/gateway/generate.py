"""Rebuilds toy.protoset from toy.proto: `.venv-protos/bin/python tests/gateway/generate.py`.

The set is committed, because the environment of the tests holds no protoc. The hash of the
source stands beside it, and a test compares them.
"""

import hashlib
import sys
from importlib.resources import files
from pathlib import Path

from google.api import annotations_pb2
from grpc_tools import protoc

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Builds the set and answers protoc's exit code."""
    source = HERE / "toy.proto"
    includes = [
        HERE,
        HERE.parents[1] / "protos",
        Path(str(files("grpc_tools"))) / "_proto",
        Path(annotations_pb2.__file__).parents[2],
    ]
    code = protoc.main(
        [
            "protoc",
            *(f"-I{path}" for path in includes),
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={HERE / 'toy.protoset'}",
            source.name,
        ]
    )
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    (HERE / "toy.proto.sha256").write_text(f"{digest}\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
