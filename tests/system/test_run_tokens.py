"""The token of a run: where its code finds it, and how little it opens."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.system.project import Project, state_of
from weft._connection import Endpoint
from weft.errors import ApiError, ConflictError, NotPermittedError
from weftapi.workspace.v1 import (
    artifacts_pb2,
    artifacts_pb2_grpc,
    logs_pb2,
    logs_pb2_grpc,
    projects_pb2,
    projects_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
)

REPORTER = "00000000-0000-4000-8000-000000000003"


def test_the_token_of_a_run_is_out_of_reach_and_opens_nothing_else(
    project: Project, tmp_path: Path
) -> None:
    found = tmp_path / "found"
    run = project.submit("snooping.py", found=found)
    other = project.create_run().name
    project.add_steps(other, "step")
    project.until_step(run, "snoop")
    seen = json.loads(wait_for_file(project, run, found))

    assert seen["variables"] == []
    assert seen["file"] == ""
    assert "WEFT_RUN_TOKEN_FILE" not in seen["folder"]

    # Code that digs it out of its own memory gets no further with it.
    thief = Thief(project, seen["token"])
    assert thief.call("RunService", "GetRun", name=run).name == run
    for attempt in thief.attempts(run, other):
        with pytest.raises(ApiError) as refused:
            attempt()
        assert isinstance(refused.value, NotPermittedError), refused.value

    Path(f"{found}.gate").touch()
    assert state_of(project.watch_to_end(run)) == "SUCCEEDED"
    # It lives on for late logs; the run does not.
    with pytest.raises(ConflictError):
        thief.call("ReportService", "ClaimRun", name=run, reporter=REPORTER)


class Thief:
    """Somebody who holds a run's token."""

    def __init__(self, project: Project, token: str) -> None:
        self._project = project
        ca = project.connection.context.ca_pem
        self._endpoint = Endpoint(
            project.endpoint.target, ca_pem=ca, token=lambda *, is_fresh: token
        )
        self._modules = {
            "RunService": (runs_pb2, runs_pb2_grpc),
            "ReportService": (reports_pb2, reports_pb2_grpc),
            "LogService": (logs_pb2, logs_pb2_grpc),
            "ProjectService": (projects_pb2, projects_pb2_grpc),
            "ArtifactService": (artifacts_pb2, artifacts_pb2_grpc),
        }

    def call(self, service: str, method: str, **fields: Any) -> Any:
        messages, stubs = self._modules[service]
        stub = self._endpoint.stub(getattr(stubs, f"{service}Stub"))
        descriptor = messages.DESCRIPTOR.services_by_name[service].methods_by_name[method]
        request = getattr(messages, descriptor.input_type.name)(**fields)
        return self._endpoint.call(getattr(stub, method), request)

    def attempts(self, run: str, other: str) -> list[Callable[[], Any]]:
        """What the token must not open."""
        project = self._project.name
        log = logs_pb2.LogStream(run=other, step_id="step", attempt=1)
        calls: list[tuple[str, str, dict[str, Any]]] = [
            ("RunService", "ListRuns", {"parent": project}),
            ("RunService", "ListRuns", {"parent": "projects/-"}),
            ("RunService", "GetRun", {"name": other}),
            ("RunService", "StopRun", {"name": run}),
            ("RunService", "StopRun", {"name": other}),
            ("RunService", "RetryRun", {"name": other}),
            ("ReportService", "ClaimRun", {"name": other, "reporter": REPORTER}),
            ("ReportService", "Heartbeat", {"run": other, "reporter": REPORTER}),
            (
                "LogService",
                "CreateLogStream",
                {"parent": project, "log_stream_id": "stolen", "log_stream": log},
            ),
            ("ProjectService", "ListProjects", {}),
            ("ProjectService", "CreateProject", {"project_id": "stolen"}),
            ("ArtifactService", "ListArtifactVersions", {"parent": f"{project}/artifacts/-"}),
        ]
        return [
            lambda service=service, method=method, fields=fields: self.call(
                service, method, **fields
            )
            for service, method, fields in calls
        ]


def wait_for_file(project: Project, run: str, file: Path) -> str:
    """The content of a file that a step writes; the step's log says nothing of it."""
    while not file.exists() or not file.read_text():
        assert state_of(project.run(run)) == "RUNNING"
    return file.read_text()
