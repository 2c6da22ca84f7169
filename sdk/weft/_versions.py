"""Artifact versions of one run: made in the workspace, read from it, and known by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from weft._connection import Endpoint
from weft._records import ArtifactVersion, RunRecord
from weft._run_ref import RunRef

if TYPE_CHECKING:
    from weftapi.workspace.v1 import artifacts_pb2_grpc


class Versions:
    """Remembers the resource names of versions, by their uids."""

    def __init__(self, endpoint: Endpoint, run: RunRecord) -> None:
        self._endpoint = endpoint
        self._run = run
        self._parent = RunRef(run.project, run.name).parent
        self._names: dict[str, str] = {}

    @property
    def _stub(self) -> artifacts_pb2_grpc.ArtifactServiceStub:
        from weftapi.workspace.v1 import artifacts_pb2_grpc

        return self._endpoint.stub(artifacts_pb2_grpc.ArtifactServiceStub)

    def name_of(self, version: ArtifactVersion) -> str:
        """The resource name of a version; empty for one that this workspace never recorded."""
        return self._names.get(version.uid, "")

    def create(self, step: str, outputs: Mapping[str, tuple[ArtifactVersion, ...]]) -> None:
        """Makes what a step (of a fan-out, the whole) put out; raises ApiError."""
        from weft import _wire
        from weftapi.workspace.v1 import artifacts_pb2

        new = [
            _wire.new_artifact_version(v, self._run, step=step, output=output)
            for output, versions in outputs.items()
            for v in versions
            if v.uid not in self._names
        ]
        if not new:
            return
        request = artifacts_pb2.BatchCreateArtifactVersionsRequest(
            parent=self._parent, requests=new
        )
        answer = self._endpoint.call(self._stub.BatchCreateArtifactVersions, request)
        self._names.update({version.uid: version.name for version in answer.artifact_versions})

    def read(self, outputs: Mapping[str, str]) -> dict[str, tuple[ArtifactVersion, ...]]:
        """Reads versions by their names, for each output one; raises ApiError."""
        from weft import _wire
        from weftapi.workspace.v1 import artifacts_pb2

        found: dict[str, tuple[ArtifactVersion, ...]] = {}
        for slot, name in outputs.items():
            request = artifacts_pb2.GetArtifactVersionRequest(name=name)
            answer = self._endpoint.call(self._stub.GetArtifactVersion, request)
            version = _wire.artifact_version(answer)
            self._names[version.uid] = name
            found[slot] = (version,)
        return found
