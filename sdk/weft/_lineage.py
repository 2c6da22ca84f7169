"""Where an artifact comes from, and what was made of it, as the workspace knows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from weft.errors import WeftError

if TYPE_CHECKING:
    from weft._artifact import Artifact
    from weft._connection import Endpoint
    from weft._models import Keeping
    from weft._records import ArtifactVersion
    from weftapi.workspace.v1 import artifact_types_pb2, artifacts_pb2

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Lineage:
    """The neighbours of one artifact version, across pipelines and runs, nearest first.

    Attributes:
        made_of: What the step that made it took, what those were made of, and so on.
        used_for: What steps that took it have made, and so on.
    """

    made_of: tuple[Artifact[Any], ...]
    used_for: tuple[Artifact[Any], ...]


def lineage_of(version: ArtifactVersion, depth: int) -> Lineage:
    """Ask the workspace in use."""
    from weft._load import in_use
    from weft._models import keeping_of
    from weft._versions import find
    from weftapi.workspace.v1 import artifacts_pb2

    endpoint, project = in_use()
    name = version.resource or find(endpoint, project, version)
    if not name:
        raise WeftError(
            f"{project} has no record of {version.name} of run {version.producer_run}: "
            "`weft sync` hands over what was recorded on this machine"
        )
    keeping = keeping_of(endpoint)

    def neighbours(
        direction: artifacts_pb2.LineageDirection.ValueType,
    ) -> tuple[Artifact[Any], ...]:
        request = artifacts_pb2.GetLineageRequest(name=name, depth=depth, direction=direction)
        found = _pages(endpoint, request)
        return tuple(_artifact(message, keeping) for message in found if message.name != name)

    return Lineage(
        neighbours(artifacts_pb2.LINEAGE_DIRECTION_UPSTREAM),
        neighbours(artifacts_pb2.LINEAGE_DIRECTION_DOWNSTREAM),
    )


def _artifact(message: artifact_types_pb2.ArtifactVersion, keeping: Keeping) -> Artifact[Any]:
    from weft import _wire
    from weft._artifact import Artifact

    return Artifact(_wire.artifact_version(message), **keeping._asdict())


def _pages(
    endpoint: Endpoint, request: artifacts_pb2.GetLineageRequest
) -> Iterator[artifact_types_pb2.ArtifactVersion]:
    from weftapi.workspace.v1 import artifacts_pb2_grpc

    stub = endpoint.stub(artifacts_pb2_grpc.ArtifactServiceStub)
    request.page_size = _PAGE
    while True:
        page = endpoint.call(stub.GetLineage, request)
        yield from page.artifact_versions
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
