"""Artifacts by their names, wherever somebody needs one: a notebook, a script, a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weft._models import keeping_of, of_run
from weft.errors import WeftError

if TYPE_CHECKING:
    from weft._artifact import Artifact
    from weft._connection import Endpoint


def artifact(name: str) -> Artifact[Any]:
    """Find an artifact in the project in use, without reading it.

    Args:
        name: `name` for the newest version, `name:3` or `name:alias` for another one (or with
            `@`, as on the command line); or a whole resource name.

    Raises:
        NotFoundError: There is no such artifact or version.
        ContextError: No workspace is known here: sign in first.
    """
    endpoint, project = in_use()
    return version_of(endpoint, _name(endpoint, project, name))


def version_of(endpoint: Endpoint, name: str) -> Artifact[Any]:
    """Find a version by its resource name; raises ApiError."""
    from weft import _wire
    from weft._artifact import Artifact
    from weftapi.workspace.v1 import artifacts_pb2, artifacts_pb2_grpc

    stub = endpoint.stub(artifacts_pb2_grpc.ArtifactServiceStub)
    request = artifacts_pb2.GetArtifactVersionRequest(name=name)
    message = endpoint.call(stub.GetArtifactVersion, request)
    keeping = keeping_of(endpoint)
    return Artifact(_wire.artifact_version(message), **keeping._asdict())


def in_use() -> tuple[Endpoint, str]:
    """Give the workspace and the project of the run, or of the context, that is in use.

    Raises:
        ContextError: No workspace is known here: sign in first.
    """
    from weft._connection import Connection

    if (running := of_run.get()) is not None:
        return running
    connection = Connection.current()
    return connection.workspace, connection.project


def load_artifact(name: str) -> Any:
    """Read an artifact of the project in use, with the type that it had; `name` as for `artifact`.

    Raises:
        PickleRefusedError: It is pickled, and the policy refuses that.
        ArtifactStoreError: Its files are gone, or in a store that is not configured here.
        NotFoundError, ContextError: As for `artifact`.
    """
    return artifact(name).load()


def _name(endpoint: Endpoint, project: str, text: str) -> str:
    from weftapi.workspace.v1 import artifacts_pb2, artifacts_pb2_grpc

    if text.startswith("projects/"):
        return text
    id_, mark, version = text.replace("@", ":", 1).partition(":")
    if not id_ or (mark and not version):
        raise WeftError(f"{text!r} is not the name of an artifact, or name:version")
    whole = f"{project}/artifacts/{id_}"
    if not version:
        stub = endpoint.stub(artifacts_pb2_grpc.ArtifactServiceStub)
        request = artifacts_pb2.GetArtifactRequest(name=whole)
        version = str(endpoint.call(stub.GetArtifact, request).latest_version)
    return f"{whole}/versions/{version}"
