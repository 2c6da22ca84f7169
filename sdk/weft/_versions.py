"""Artifact versions of one run: made in the workspace, read from it, and known by name."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from weft._connection import Endpoint
from weft._records import ArtifactVersion, RunRecord
from weft._run_ref import RunRef
from weft.errors import NotPermittedError

if TYPE_CHECKING:
    from weftapi.workspace.v1 import artifacts_pb2_grpc

_PAGE = 500


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
        """The resource name of a version; empty for one that this workspace never recorded.

        Raises ApiError, where another run of this process has made it: the workspace is asked.
        """
        if version.uid in self._names:
            return self._names[version.uid]
        if version.resource or version.producer_run in {"", self._run.name}:
            return version.resource
        # A run's own token may not look for what other runs have made.
        with suppress(NotPermittedError):
            self._names[version.uid] = find(self._endpoint, self._parent, version)
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


def find(endpoint: Endpoint, project: str, version: ArtifactVersion) -> str:
    """The name of a version, among those of the run that made it; "" where it has none."""
    from weftapi.workspace.v1 import artifacts_pb2, artifacts_pb2_grpc

    stub = endpoint.stub(artifacts_pb2_grpc.ArtifactServiceStub)
    request = artifacts_pb2.ListArtifactVersionsRequest(
        parent=f"{project}/artifacts/-",
        page_size=_PAGE,
        filter=f'producer_run = "{version.producer_run}"',
    )
    while True:
        page = endpoint.call(stub.ListArtifactVersions, request)
        for found in page.artifact_versions:
            if found.uid == version.uid:
                return str(found.name)
        if not page.next_page_token:
            return ""
        request.page_token = page.next_page_token
