"""Executes one run of a workspace: what a workload manager starts (`python -m weft.runner`).

It learns everything from its environment: WEFT_ENDPOINT and WEFT_CA_FILE say where the
workspace is, WEFT_RUN which run, and WEFT_RUN_TOKEN_FILE holds a token for that run alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import os
import sys
import tarfile
import tempfile
import threading
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict

from weft._backoff import persist
from weft._connection import Endpoint
from weft._models import of_run
from weft._records import Failure, Nobody, RunRecord, RunReport, now
from weft._remote import RemoteRecorder
from weft._run_ref import RunRef
from weft._secrets import source
from weft._stack_store import access_of
from weft._states import RunState
from weft.errors import ApiError, RunnerError

if TYPE_CHECKING:
    from weft._objects import Access
    from weft._pipeline import Pipeline
    from weftapi.workspace.v1 import reports_pb2, run_types_pb2, snapshot_types_pb2

_MAX_ARCHIVE_BYTES = 64 << 20
_MAX_UNPACKED_BYTES = 512 << 20
_CLAIM_S = 300.0


class RunToken:
    """The token of the run: from its file at first, then as heartbeats renew it."""

    def __init__(self, file: Path) -> None:
        self._token = file.read_text(encoding="utf-8").strip()
        # Steps and what they start have no business with it. A file that is mounted stays.
        with contextlib.suppress(OSError):
            file.unlink()

    def __call__(self, *, is_fresh: bool) -> str:  # noqa: ARG002 - only heartbeats bring fresh ones
        return self._token

    def renew(self, token: str) -> None:
        """Uses a fresh token from now on."""
        self._token = token


def main() -> int:
    """Executes the run; 0 says that its end, good or bad, is on record."""
    token = RunToken(Path(os.environ.pop("WEFT_RUN_TOKEN_FILE")))
    ca_pem = Path(os.environ["WEFT_CA_FILE"]).read_text(encoding="utf-8")
    endpoint = Endpoint(os.environ["WEFT_ENDPOINT"], ca_pem=ca_pem, token=token)
    recorder = RemoteRecorder(endpoint, existing=True, on_token=token.renew)
    try:
        # A workspace that restarts at this very moment is waited for.
        instructions = persist(lambda: recorder.claim(os.environ["WEFT_RUN"]), stop=patience())
    except ApiError as error:
        sys.stderr.write(f"{os.environ['WEFT_RUN']} is not for this runner: {error}\n")
        return 1
    os.environ["WEFT_ARTIFACT_STORE"] = instructions.artifact_store_uri
    if instructions.pickle_refused:
        os.environ["WEFT_ALLOW_PICKLE"] = "0"
    source.endpoint = endpoint
    with tempfile.TemporaryDirectory(prefix="weft-code-") as directory:
        try:
            run = instructions.run
            snapshot = persist(lambda: snapshot_of(endpoint, run), stop=patience())
            pipeline = load_pipeline(snapshot, Path(directory))
            access = access_of(endpoint, instructions.stack, instructions.artifact_store_uri)
        except Exception as error:  # noqa: BLE001 - the run ends with it, whatever it is
            _report_unusable(recorder, instructions.run, error)
            return 0
        of_run.set((endpoint, RunRef.parse(instructions.run.name).parent))
        execute(pipeline, recorder, instructions, access)
    return 0


def patience() -> threading.Event:
    """Is set when a workspace has been away for so long that nobody may wait for this run."""
    end = threading.Event()
    timer = threading.Timer(_CLAIM_S, end.set)
    timer.daemon = True
    timer.start()
    return end


def execute(
    pipeline: Pipeline[..., Any],
    recorder: RemoteRecorder,
    instructions: reports_pb2.RunInstructions,
    access: Access | None = None,
) -> None:
    """Draws the graph for the run's parameters and executes it."""
    from weft._local import execute as run_engine
    from weft._options import Options
    from weft._project_file import with_step_images
    from weft._settings import settings
    from weft._step_settings import isolation_of, with_isolation, with_settings

    run = instructions.run
    try:
        # Its folder is where the code of the snapshot was unpacked.
        graph = with_step_images(pipeline.trace(MessageToDict(run.parameters)), Path.cwd())
    except Exception as error:  # noqa: BLE001 - the pipeline's own function may raise anything
        _report_unusable(recorder, run, error)
        return
    graph = with_settings(graph, run.step_settings)
    graph = with_isolation(graph, isolation_of(instructions.step_isolation))
    store = instructions.artifact_store_uri
    local = replace(settings(), artifact_store=store, store_access=access)
    # Who names a step wants to see it executed.
    cache = not (run.cache_disabled or run.only_step)
    options = Options(cache=cache, allow_pickle=local.allow_pickle, only=run.only_step)
    if instructions.max_step_workloads:
        options = replace(options, max_workloads=instructions.max_step_workloads)
    record = replace(record_of(run), model=graph.model)
    run_engine(graph, record, recorder, local, options)


def load_pipeline(snapshot: snapshot_types_pb2.Snapshot, directory: Path) -> Pipeline[..., Any]:
    """Fetches the code of a snapshot, checks it, unpacks it and imports its pipeline.

    Raises:
        RunnerError: The archive is not what the snapshot says, or holds no such pipeline.
    """
    from weft._pipeline import Pipeline

    unpack(fetch(snapshot.code.uri), snapshot.code.sha256, directory)
    # As `python file.py` in the folder of the file: neighbours are found, and files beside it.
    os.chdir(directory)
    sys.path.insert(0, str(directory))
    module, _, attribute = snapshot.code.entrypoint.partition(":")
    found: Any = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, Pipeline):
        raise RunnerError(f"{snapshot.code.entrypoint} is not a pipeline in the code of this run")
    return found


def fetch(uri: str) -> bytes:
    """The code archive; raises RunnerError where it is gone, or larger than any may be."""
    from weft._objects import read_bytes
    from weft.errors import ArtifactStoreError

    try:
        return read_bytes(uri, _MAX_ARCHIVE_BYTES)
    except (ArtifactStoreError, FileNotFoundError) as error:
        raise RunnerError(f"the code archive cannot be had: {error}") from error


def unpack(archive: bytes, sha256: str, directory: Path) -> None:
    """Unpacks an archive that has this hash; nothing lands outside of the directory."""
    if hashlib.sha256(archive).hexdigest() != sha256:
        raise RunnerError("the code archive is not the one that the snapshot was made with")
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        size = 0
        # One by one: an archive that unpacks to far more than it is stops before the disk is full.
        for member in tar:
            size += member.size
            if size > _MAX_UNPACKED_BYTES:
                raise RunnerError("the code archive unpacks to more than any may")
            tar.extract(member, directory, filter="data")


def record_of(run: run_types_pb2.Run) -> RunRecord:
    """The run as the engine knows it."""
    ref = RunRef.parse(run.name)
    pipeline = run.pipeline.rpartition("/")[2]
    parameters = MessageToDict(run.parameters)
    return RunRecord(run.uid, ref.run, ref.project, pipeline, parameters, "", now(), {})


def snapshot_of(endpoint: Endpoint, run: run_types_pb2.Run) -> snapshot_types_pb2.Snapshot:
    """The snapshot that a run executes; raises ApiError."""
    from weftapi.workspace.v1 import snapshots_pb2, snapshots_pb2_grpc

    stub = endpoint.stub(snapshots_pb2_grpc.SnapshotServiceStub)
    return endpoint.call(stub.GetSnapshot, snapshots_pb2.GetSnapshotRequest(name=run.snapshot))


def _report_unusable(recorder: RemoteRecorder, run: run_types_pb2.Run, error: Exception) -> None:
    """Ends a run whose code cannot even be loaded, with the reason."""
    failure = Failure(
        kind="USER",
        code="CODE_NOT_LOADED",
        message=f"{type(error).__name__}: {error}",
        exception=type(error).__name__,
        traceback="".join(traceback.format_exception(error)),
    )
    recording = recorder.begin(record_of(run), Nobody())
    recording.report_run(RunReport(0, RunState.FAILED, now(), failure.message[:500], failure))
    recording.close()


if __name__ == "__main__":
    sys.exit(main())
