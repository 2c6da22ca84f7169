"""One step of a run again, in this process, on the inputs that it had; nothing is recorded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict

from weft import _secrets, _wire
from weft._arguments import NodeResult, Results, resolve
from weft._attempt import Attempt
from weft._context import StepContext
from weft._fan_out import expand
from weft._models import Keeping, keeping_of
from weft._records import Alert, ArtifactVersion, Metadata, Metric
from weft._settings import settings
from weft._step_settings import with_settings
from weft._store import open_store
from weft._values import load_value
from weft.errors import NotFoundError, WeftError

if TYPE_CHECKING:
    from weft._connection import Endpoint
    from weft._graph import Graph
    from weft._pipeline import Pipeline
    from weftapi.workspace.v1 import run_types_pb2


class Unrecorded:
    """Takes what a step says of itself, and keeps none of it."""

    def write_metadata(self, metadata: Metadata) -> None:
        """Keep nothing."""

    def write_metrics(self, metrics: Sequence[Metric]) -> None:
        """Keep nothing."""

    def write_alert(self, alert: Alert) -> None:
        """Tell nobody."""


@dataclass(frozen=True)
class Past:
    """A run as the workspace has it: where the inputs of its steps come from."""

    endpoint: Endpoint
    run: run_types_pb2.Run
    steps: Mapping[str, run_types_pb2.Step]
    graph: Graph

    @cached_property
    def store(self) -> Any:
        """Where its artifacts are, read with what this machine may read."""
        return open_store(self._keeping.store)

    @property
    def allow_pickle(self) -> bool:
        """Whether the workspace and this machine allow it."""
        return self._keeping.allow_pickle is not False and settings().allow_pickle

    @cached_property
    def _keeping(self) -> Keeping:
        return keeping_of(self.endpoint)

    def attempt(self, step: run_types_pb2.Step) -> Attempt:
        """The step's next attempt, made for this process.

        Raises:
            WeftError: An input is not there, or the code has no such step.
        """
        wanted = step.map_group or step.step_id
        node = self.graph.nodes.get(wanted)
        if node is None:
            known = ", ".join(self.graph.nodes)
            if self.graph.author:
                raise WeftError(
                    f"the code calls no step {wanted} before it looks at a result, and what it "
                    f"calls later cannot be executed by itself; these can: {known}"
                )
            raise WeftError(f"the code has no step {wanted}; it has {known}")
        arguments = {name: resolve(item, self.result_of) for name, item in node.inputs.items()}
        if step.map_group:
            arguments = expand(node, arguments, self._read)[step.map_index]
        index = step.map_index if step.map_group else None
        project, run = self.run.name.split("/")[1::2]
        names = (project, self.graph.pipeline, run, step.step_id)
        context = StepContext(*names, step.attempt_count + 1, index, Unrecorded())
        return Attempt(node.step, arguments, context, self.store, self.allow_pickle)

    def result_of(self, step: str) -> NodeResult:
        """What a step gave to those after it."""
        node, found = self.graph.nodes[step], self.steps.get(step)
        if node.fan_out:
            items = [s for s in self.steps.values() if s.map_group == step]
            ordered = sorted(items, key=lambda item: item.map_index)
            return node.step.outputs, [self._results(item) for item in ordered]
        if found is None:
            raise WeftError(
                f"the run has no step {step}: take the code that it ran, without --file"
            )
        return node.step.outputs, self._results(found)

    def _results(self, step: run_types_pb2.Step) -> Results:
        if step.HasField("failure"):
            return _wire.read_failure(step.failure)
        if not step.HasField("end_time"):
            raise WeftError(f"step {step.step_id} has not ended: what it gives is not there yet")
        return {name: self._version(version) for name, version in step.outputs.items()}

    def _version(self, name: str) -> ArtifactVersion:
        from weftapi.workspace.v1 import artifacts_pb2, artifacts_pb2_grpc

        stub = self.endpoint.stub(artifacts_pb2_grpc.ArtifactServiceStub)
        try:
            request = artifacts_pb2.GetArtifactVersionRequest(name=name)
            return _wire.artifact_version(self.endpoint.call(stub.GetArtifactVersion, request))
        except NotFoundError:
            raise WeftError(
                f"the input {name} was deleted: the step cannot have it again"
            ) from None

    def _read(self, version: ArtifactVersion) -> Any:
        return load_value(self.store, version, allow_pickle=self.allow_pickle)


def past_of(
    endpoint: Endpoint,
    run: run_types_pb2.Run,
    steps: Sequence[run_types_pb2.Step],
    pipeline: Pipeline[..., Any],
) -> Past:
    """A run beside the code of its pipeline, drawn for the run's own parameters."""
    graph = with_settings(pipeline.trace(MessageToDict(run.parameters)), run.step_settings)
    return Past(endpoint, run, {step.step_id: step for step in steps}, graph)


def code_of_run(endpoint: Endpoint, run: run_types_pb2.Run, directory: Path) -> Pipeline[..., Any]:
    """The pipeline as the run had it, unpacked into a directory.

    Raises:
        RunnerError: The code is gone, or is not what it was.
        WeftError: The run was recorded without its code.
    """
    from weft.runner import load_pipeline, snapshot_of

    if not run.snapshot:
        raise WeftError("this run was recorded without its code: name it with --file FILE")
    return load_pipeline(snapshot_of(endpoint, run), directory)


def execute(attempt: Attempt, endpoint: Endpoint) -> Any:
    """Calls the step's function and gives what it returns; what it raises is raised here."""
    _secrets.source.endpoint = endpoint
    secrets = attempt.read_secrets()
    os.environ.update(_secrets.resolved(dict(attempt.step.environment), secrets))
    return replace(attempt, secrets=secrets).call()
