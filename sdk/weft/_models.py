"""Models: what a pipeline's runs make versions of, and versions as users load them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from weft._enums import word
from weft.errors import WeftError

if TYPE_CHECKING:
    from weft._artifact import Artifact
    from weft._connection import Endpoint
    from weft._run_ref import RunRef
    from weftapi.workspace.v1 import model_types_pb2

_MOST_LINKS = 100
# Inside of a run that a workload manager executes: its workspace and project.
of_run: ContextVar[tuple[Endpoint, str] | None] = ContextVar("weft_models_of_run", default=None)


@dataclass(frozen=True, slots=True)
class Model:
    """The model that a pipeline makes: each of its runs makes a version.

    Attributes:
        name: Id of the model in the project; made with its first version.
        description: What is new in the version.
        labels: Labels of the version.
    """

    name: str
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Model | str | None) -> Model | None:
        """Give the model that somebody names."""
        return cls(given) if isinstance(given, str) else given


class ModelVersion:
    """One version of a model. Nothing of it is read before `load()`."""

    def __init__(self, endpoint: Endpoint, message: model_types_pb2.ModelVersion) -> None:
        self._endpoint = endpoint
        self._message = message

    @property
    def name(self) -> str:
        """`projects/<id>/models/<id>/versions/<number>`."""
        return self._message.name

    @property
    def number(self) -> int:
        """The number, from 1."""
        return self._message.number

    @property
    def stage(self) -> str:
        """NONE, STAGING, PRODUCTION or ARCHIVED."""
        from weftapi.workspace.v1 import model_types_pb2

        return word(model_types_pb2.ModelStage, self._message.stage)

    @property
    def metadata(self) -> dict[str, Any]:
        """Facts about it, by name."""
        from google.protobuf import json_format

        return json_format.MessageToDict(self._message.metadata)

    @cached_property
    def artifacts(self) -> dict[str, Artifact[Any]]:
        """What it consists of, by `step.output`.

        Raises:
            ApiError: The workspace cannot say.
        """
        from weft import _wire
        from weft._artifact import Artifact
        from weftapi.workspace.v1 import artifacts_pb2, artifacts_pb2_grpc

        stub = self._endpoint.stub(artifacts_pb2_grpc.ArtifactServiceStub)
        versions = []
        for name in self._linked():
            request = artifacts_pb2.GetArtifactVersionRequest(name=name)
            message = self._endpoint.call(stub.GetArtifactVersion, request)
            versions.append(_wire.artifact_version(message))
        keeping = keeping_of(self._endpoint)
        return {version.name: Artifact(version, **keeping._asdict()) for version in versions}

    def load(self, output: str | None = None) -> Any:
        """Read a value of it.

        Args:
            output: `step.output`; by default the trained model, or the only value there is.

        Raises:
            WeftError: There is no such value, or several that could be meant.
        """
        return self.artifact(output).load()

    def artifact(self, output: str | None = None) -> Artifact[Any]:
        """Give a value of it without reading it; as for `load`."""
        known = self.artifacts
        if output is not None and output in known:
            return known[output]
        trained = [a for a in known.values() if a.version.type == "MODEL"] or list(known.values())
        if output is None and len(trained) == 1:
            return trained[0]
        names = ", ".join(sorted(known)) or "nothing"
        raise WeftError(f"{self.name} has {names}: say which, as in load('step.output')")

    def _linked(self) -> Iterable[str]:
        from weftapi.workspace.v1 import models_pb2, models_pb2_grpc

        stub = self._endpoint.stub(models_pb2_grpc.ModelServiceStub)
        request = models_pb2.ListModelVersionLinksRequest(parent=self.name, page_size=500)
        while True:
            page = self._endpoint.call(stub.ListModelVersionLinks, request)
            yield from (link.artifact_version for link in page.links if link.artifact_version)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def __repr__(self) -> str:
        return f"<model version {self.name} {self.stage}>"

    def _repr_html_(self) -> str:
        from weft import _reprs

        return _reprs.of_model_version(self)


def model(name: str, version: int | str | None = None, *, stage: str | None = None) -> ModelVersion:
    """Find a version of a model in the project in use.

    Args:
        name: Id of the model.
        version: Its number or its own name; the newest version by default.
        stage: "production" or "staging" instead of a version.

    Raises:
        NotFoundError: There is no such version, or none in the stage.
        ContextError: No workspace is known here: sign in first.
    """
    from weft._connection import Connection
    from weftapi.workspace.v1 import models_pb2, models_pb2_grpc

    if version is not None and stage is not None:
        raise WeftError("name a version or a stage, not both")
    endpoint, project = of_run.get() or _in_use(Connection.current())
    which = stage.lower() if stage else version or "latest"
    request = models_pb2.GetModelVersionRequest(name=f"{project}/models/{name}/versions/{which}")
    stub = endpoint.stub(models_pb2_grpc.ModelServiceStub)
    return ModelVersion(endpoint, endpoint.call(stub.GetModelVersion, request))


class Keeping(NamedTuple):
    """Where a workspace keeps artifacts, unless this machine says otherwise, and how.

    `allow_pickle` is False where the workspace refuses it, and None where that is this machine's
    to say.
    """

    store: str
    allow_pickle: bool | None


def keeping_of(endpoint: Endpoint) -> Keeping:
    """Ask a workspace; raises ApiError."""
    from weftapi.workspace.v1 import server_pb2, server_pb2_grpc

    stub = endpoint.stub(server_pb2_grpc.ServerServiceStub)
    info = endpoint.call(stub.GetServerInfo, server_pb2.GetServerInfoRequest())
    store = os.environ.get("WEFT_ARTIFACT_STORE") or str(info.artifact_store_uri)
    return Keeping(store, False if info.pickle_refused else None)


def _in_use(connection: Any) -> tuple[Endpoint, str]:
    return connection.workspace, connection.project


class ModelLinks:
    """Links what a run makes to the version of a model that it makes.

    The version comes into being with the first output: a run that makes nothing leaves none.
    """

    def __init__(self, endpoint: Endpoint, ref: RunRef, made: Model | None) -> None:
        self._endpoint = endpoint
        self._ref = ref
        self._model = made
        self._version = ""
        self._linked: set[str] = set()

    def add(self, artifact_versions: Iterable[str]) -> None:
        """Links artifact versions, by name; raises ApiError."""
        if self._model is None:
            return
        new = [n for n in dict.fromkeys(artifact_versions) if n and n not in self._linked]
        for first in range(0, len(new), _MOST_LINKS):
            self._link(self._model, new[first : first + _MOST_LINKS])

    def _link(self, made: Model, names: list[str]) -> None:
        from weftapi.workspace.v1 import models_pb2, models_pb2_grpc

        stub = self._endpoint.stub(models_pb2_grpc.ModelServiceStub)
        if not self._version:
            self._version = self._endpoint.call(stub.CreateModelVersion, self._request(made)).name
        request = models_pb2.LinkModelVersionRequest(name=self._version, artifact_versions=names)
        self._endpoint.call(stub.LinkModelVersion, request)
        self._linked.update(names)

    def _request(self, made: Model) -> Any:
        from weftapi.workspace.v1 import model_types_pb2, models_pb2

        version = model_types_pb2.ModelVersion(
            run=self._ref.name, description=made.description, labels=dict(made.labels)
        )
        return models_pb2.CreateModelVersionRequest(
            parent=f"{self._ref.parent}/models/{made.name}", model_version=version
        )
