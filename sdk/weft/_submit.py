"""Hands a pipeline to a workspace, to be run by its workload manager."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import logging
import os
import sys
import tarfile
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from weft._checkout import Checkout, look_at
from weft._code_source import CodeSource, repository_of
from weft._connection import Connection
from weft._environment import environment
from weft._pipeline import Pipeline
from weft._project_file import FILE, with_step_images
from weft.errors import SubmitError, WeftError

if TYPE_CHECKING:
    from weft._config import RunConfig
    from weft._graph import Graph
    from weft._image import Image
    from weftapi.workspace.v1 import run_types_pb2, snapshot_types_pb2

_log = logging.getLogger("weft")
Listener = Callable[[str], None]
_MAX_ARCHIVE_BYTES = 64 << 20
# Fetching a commit takes the workspace two minutes at most.
_FETCH_TIMEOUT_S = 150.0
_MAX_FOLDER_BYTES = 256 << 20
_MAX_FILE_MIB = 4
_MAX_FILE_BYTES = _MAX_FILE_MIB << 20
# Modules that a runner has imported before it comes to the pipeline.
_OURS = frozenset({"weft", "weftapi", "google", "grpc", "obstore", "click"})
_SKIPPED = frozenset({"__pycache__", "node_modules", "build", "dist"})


@dataclass(frozen=True, slots=True)
class Archive:
    """Packed code, and the names of files too large to be code."""

    content: bytes
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """A file with a pipeline, loaded: its folder is what the runner gets."""

    folder: Path
    module: str
    pipeline: Pipeline[..., Any]

    @property
    def entrypoint(self) -> str:
        """What the runner imports."""
        return f"{self.module}:{self.pipeline.entrypoint.partition(':')[2]}"


def load_code(target: str) -> Code:
    """Loads `file.py` or `file.py::pipeline`; a file's only pipeline needs no name.

    Raises:
        SubmitError: There is no such file, it cannot be imported, or holds no such pipeline.
    """
    path_text, _, wanted = target.partition("::")
    path = Path(path_text).resolve()
    if not path.is_file():
        raise SubmitError(f"there is no file {path_text}")
    module = _import(path)
    found = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, Pipeline) and value.function.__module__ == module.__name__
    }
    names = ", ".join(sorted(found)) or "none"
    if wanted and wanted not in found:
        raise SubmitError(f"{path_text} holds no pipeline {wanted!r}; it has {names}")
    if not wanted and len(found) != 1:
        raise SubmitError(f"say which pipeline as {path_text}::NAME; it has {names}")
    pipeline = found[wanted] if wanted else next(iter(found.values()))
    return Code(path.parent, path.stem, pipeline)


def submit(
    connection: Connection,
    code: Code,
    parameters: Mapping[str, Any],
    *,
    config: RunConfig,
    cache: bool = True,
    stack: str | None = None,
    labels: Mapping[str, str] | None = None,
    source: CodeSource = CodeSource.AUTO,
    listener: Listener = _log.info,
) -> run_types_pb2.Run:
    """Makes a snapshot of a pipeline and runs it, on the context's stack unless told otherwise.

    `config` says how steps run this time, and what the run is called; its parameters, labels,
    stack and use of the cache are for the caller to hand over. `listener` hears how images are
    found or built, line by line.

    Raises:
        ApiError: The workspace refuses it.
        ConfigError: The settings do not fit the pipeline.
        SubmitError: The code is too large, or not where `source` says.
        ImageError: An image that it asks for cannot be built.
    """
    from weft import _spec
    from weftapi.workspace.v1 import snapshots_pb2, snapshots_pb2_grpc

    chosen = connection.context.stack if stack is None else stack.removeprefix("stacks/")
    graph = draw(code, parameters)
    planned = config.applied(graph)
    image = config.image or code.pipeline.image
    build = _see_to_images(connection, code.folder, planned, image, stack=chosen, listener=listener)
    snapshot = _create_snapshot(connection, code, graph, source, build)
    request = snapshots_pb2.RunSnapshotRequest(
        name=snapshot.name,
        cache_disabled=not cache,
        labels=labels,
        request_id=str(uuid.uuid4()),
        stack=f"stacks/{chosen}" if chosen else "",
        display_name=config.value("name", ""),
    )
    for step, settings in _spec.settings_between(graph, planned).items():
        request.step_settings[step].CopyFrom(settings)
    request.parameters.CopyFrom(_spec.struct(code.pipeline.parameters.dump(parameters)))
    stub = connection.workspace.stub(snapshots_pb2_grpc.SnapshotServiceStub)
    return connection.workspace.call(stub.RunSnapshot, request)


def make_snapshot(
    connection: Connection,
    code: Code,
    parameters: Mapping[str, Any],
    *,
    source: CodeSource = CodeSource.AUTO,
    stack: str = "",
    listener: Listener = _log.info,
) -> snapshot_types_pb2.Snapshot:
    """Draws the graph, sees to code and images, and creates the snapshot."""
    graph = draw(code, parameters)
    image = code.pipeline.image
    build = _see_to_images(connection, code.folder, graph, image, stack=stack, listener=listener)
    return _create_snapshot(connection, code, graph, source, build)


def _create_snapshot(
    connection: Connection, code: Code, graph: Graph, source: CodeSource, build: str
) -> snapshot_types_pb2.Snapshot:
    from weft import _spec
    from weftapi.workspace.v1 import snapshots_pb2, snapshots_pb2_grpc

    request = snapshots_pb2.CreateSnapshotRequest(
        parent=connection.project, request_id=str(uuid.uuid4())
    )
    snapshot = request.snapshot
    snapshot.pipeline = f"{connection.project}/pipelines/{graph.pipeline}"
    snapshot.spec.CopyFrom(_spec.pipeline_spec(graph))
    snapshot.parameters_schema.CopyFrom(_spec.struct(graph.parameters_schema))
    snapshot.code.CopyFrom(_place_code(connection, code, source))
    snapshot.environment.CopyFrom(environment())
    snapshot.build = build
    stub = connection.workspace.stub(snapshots_pb2_grpc.SnapshotServiceStub)
    return connection.workspace.call(stub.CreateSnapshot, request, timeout_s=_FETCH_TIMEOUT_S)


def _see_to_images(
    connection: Connection,
    folder: Path,
    graph: Graph,
    image: Image | None,
    *,
    stack: str,
    listener: Listener,
) -> str:
    """The build with the images that a pipeline asks for; "" where it asks for none."""
    is_asked = image or any(node.step.image for node in graph.nodes.values())
    # Most pipelines ask for none: nothing more is loaded for them.
    if not (is_asked or (folder / FILE).is_file()):
        return ""
    from weft._images import see_to

    return see_to(connection, graph, image, folder, stack=stack, listener=listener)


def pack(folder: Path) -> Archive:
    """Packs the code of a folder: the same files give the same bytes.

    Raises:
        SubmitError: It is larger than any archive may be.
    """
    import gzip

    raw = io.BytesIO()
    left_out = []
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for path in code_files(folder):
            name, status = path.relative_to(folder).as_posix(), path.stat()
            if status.st_size > _MAX_FILE_BYTES:
                left_out.append(name)
                continue
            content = path.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755 if status.st_mode & 0o100 else 0o644
            tar.addfile(entry, io.BytesIO(content))
            if raw.tell() > _MAX_FOLDER_BYTES:
                raise _too_large(folder, f"{_MAX_FOLDER_BYTES >> 20} MiB unpacked")
    packed = gzip.compress(raw.getvalue(), mtime=0)
    if len(packed) > _MAX_ARCHIVE_BYTES:
        raise _too_large(folder, f"{_MAX_ARCHIVE_BYTES >> 20} MiB packed")
    return Archive(packed, tuple(left_out))


def _too_large(folder: Path, limit: str) -> SubmitError:
    return SubmitError(
        f"the code in {folder} is larger than a snapshot takes ({limit}): give the pipeline a "
        "folder of its own, and keep data out of it"
    )


def _import(path: Path) -> ModuleType:
    """Imports a file under its own name, as `python file.py` would find its neighbours."""
    name = path.stem
    if not name.isidentifier() or name in sys.stdlib_module_names or name in _OURS:
        raise SubmitError(
            f"{path.name} cannot be imported as {name!r}, a name that is no module's or that is "
            "another module's: rename it"
        )
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SubmitError(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SystemExit:
        raise SubmitError(
            f"{path.name} exits when it is imported: put what should only happen as a script "
            'under `if __name__ == "__main__":`'
        ) from None
    except Exception as error:
        raise SubmitError(f"{path.name} cannot be imported: {_told(error, path)}") from error
    return module


def draw(code: Code, parameters: Mapping[str, Any]) -> Graph:
    """The graph; what the pipeline's own function raises while it is drawn is told as its own."""
    try:
        return with_step_images(code.pipeline.trace(parameters), code.folder)
    except WeftError:
        raise
    except Exception as error:
        path = Path(code.pipeline.function.__code__.co_filename)
        raise SubmitError(
            f"pipeline {code.pipeline.name} cannot be drawn: {_told(error, path)}"
        ) from error


def _told(error: Exception, path: Path) -> str:
    """An exception with the line of a file where it came from."""
    if isinstance(error, SyntaxError):
        return f"{error.msg} ({Path(error.filename or path).name}, line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    here = [frame.lineno for frame in frames if Path(frame.filename) == path]
    where = f" ({path.name}, line {here[-1]})" if here else ""
    return f"{type(error).__name__}: {error}{where}"


def code_files(folder: Path, left_out: list[Path] | None = None) -> Iterator[Path]:
    """What belongs to the code, in order: no hidden files, no environments, no links, no pipes.

    `left_out` gets what does not, without what is inside of it.
    """
    for parent, folders, names in os.walk(folder):
        found = {name: Path(parent, name) for name in sorted([*folders, *names])}
        kept = {name for name, path in found.items() if _is_code(path)}
        if left_out is not None:
            left_out += [path for name, path in found.items() if name not in kept]
        folders[:] = sorted(kept.intersection(folders))
        yield from (found[name] for name in sorted(kept.intersection(names)))


def _is_code(path: Path) -> bool:
    if path.name.startswith(".") or path.is_symlink():
        return False
    if path.is_dir():
        return path.name not in _SKIPPED and not (path / "pyvenv.cfg").exists()
    return path.is_file()


def _place_code(
    connection: Connection, code: Code, source: CodeSource
) -> snapshot_types_pb2.CodeArchive:
    """A commit that the workspace has a code repository for, or else an upload."""
    from weftapi.workspace.v1 import snapshot_types_pb2

    checkout = look_at(code.folder)
    repository, why = repository_of(connection, checkout, source)
    if checkout is None or not repository:
        if why:
            _log.warning("the code is uploaded: %s", why)
        return _upload(connection, code, checkout)
    return snapshot_types_pb2.CodeArchive(
        code_repository=repository,
        commit=checkout.commit,
        directory=checkout.directory,
        entrypoint=code.entrypoint,
    )


def _upload(
    connection: Connection, code: Code, checkout: Checkout | None
) -> snapshot_types_pb2.CodeArchive:
    """Writes the archive under its own hash; one that is there already is not written again."""
    from weft._objects import write_bytes
    from weftapi.workspace.v1 import server_pb2, server_pb2_grpc, snapshot_types_pb2

    archive = pack(code.folder)
    if archive.left_out:
        _log.warning(
            "%s: not sent along, more than %d MiB each", ", ".join(archive.left_out), _MAX_FILE_MIB
        )

    stub = connection.workspace.stub(server_pb2_grpc.ServerServiceStub)
    info = connection.workspace.call(stub.GetServerInfo, server_pb2.GetServerInfoRequest())
    sha256 = hashlib.sha256(archive.content).hexdigest()
    uri = f"{info.artifact_store_uri.rstrip('/')}/code/{sha256}.tar.gz"
    write_bytes(uri, archive.content)
    return snapshot_types_pb2.CodeArchive(
        uri=uri,
        sha256=sha256,
        size_bytes=len(archive.content),
        entrypoint=code.entrypoint,
        commit=checkout.commit if checkout else "",
        dirty=checkout.is_dirty if checkout else False,
    )
