"""Tests of pipelines on a mesh in the test's own process."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft._connection import Connection
from weft._contexts import Context, ContextStore, SignIn
from weft._mirrored import Mirror
from weft._recording import of_workspace
from weft._tested import Runs
from weft.errors import NotPermittedError, NotSignedInError

if TYPE_CHECKING:
    from meshtest.background import Background
    from meshtest.mesh import Mesh
    from weft._pipeline import Pipeline
    from weft._records import Recorder
    from weft._settings import Settings

_CONTEXT = "test"
_POLICY_S = 60.0


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended, and what it printed."""

    exit_code: int
    out: str
    err: str


class MeshWeft(Runs):
    """Runs pipelines in this process, on record in a project of a real workspace.

    Attributes:
        project: The project of the test; no other test has it.
        connection: The mesh, called as an administrator of it.
    """

    def __init__(self, mesh: Mesh, background: Background, project: str) -> None:
        self._mirror = Mirror()
        super().__init__(self._mirror.runs)
        self.mesh = mesh
        self.background = background
        self.project = project
        self.connection: Connection

    @contextmanager
    def signed_in(self, tokens: Mapping[str, tuple[str, float]]) -> Iterator[MeshWeft]:
        """Make the context of this test, and its project; `tokens` spare a sign-in."""
        place = self.mesh.place
        context = Context(
            name=_CONTEXT,
            control_plane=place.control_plane,
            organization=place.organization,
            workspace=place.workspace_name,
            workspace_endpoint=place.workspace,
            project=self.project,
            ca_pem=place.ca_pem,
        )
        store = ContextStore()
        store.put(context)
        key = place.personal_access_token
        store.sign_in(_CONTEXT, SignIn(personal_access_token=key, tokens=tokens))
        self.connection = Connection(context, store)
        try:
            self._make_project()
            with self.surrounding():
                yield self
        finally:
            self.connection.close()

    @property
    def tokens(self) -> Mapping[str, tuple[str, float]]:
        """Those that the next test may use."""
        return ContextStore().sign_in_of(_CONTEXT).tokens

    def call(self, service: Callable[..., Any], method: str, request: Any) -> Any:
        """Call an RPC of the workspace: `call(RunServiceStub, "GetRun", GetRunRequest(...))`.

        Raises:
            ApiError: It is refused.
        """
        workspace = self.connection.workspace
        return workspace.call(getattr(workspace.stub(service), method), request)

    def weft(self, *arguments: str) -> CommandResult:
        """Call the command line, in this process: `weft("runs", "list", "-o", "json")`."""
        from weft.cli import main

        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main([*arguments])
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
        return CommandResult(code, out.getvalue(), err.getvalue())

    def schedule(
        self, name: str, pipeline: Pipeline[..., Any], /, *, cron: str, time_zone: str = "UTC"
    ) -> str:
        """Let a pipeline run by itself, with its parameters' defaults; gives the full name.

        The code that is stored is the folder of the pipeline's file, as for `weft run`.

        Raises:
            ApiError: The time makes no sense, or the name is taken.
        """
        from weft._submit import Code, make_snapshot
        from weftapi.workspace.v1 import schedules_pb2, schedules_pb2_grpc

        file = Path(pipeline.function.__code__.co_filename)
        code = Code(file.parent, file.stem, pipeline)
        values = pipeline.parameters.bind()
        request = schedules_pb2.CreateScheduleRequest(
            parent=self.connection.project, schedule_id=name
        )
        request.schedule.snapshot = make_snapshot(self.connection, code, values).name
        request.schedule.cron = cron
        request.schedule.time_zone = time_zone
        stub = schedules_pb2_grpc.ScheduleServiceStub
        return str(self.call(stub, "CreateSchedule", request).name)

    def _make_project(self) -> None:
        """Make the project; of the first one the workspace may not have heard yet who may."""
        from weftapi.workspace.v1 import projects_pb2, projects_pb2_grpc

        request = projects_pb2.CreateProjectRequest(project_id=self.project)
        deadline = time.monotonic() + _POLICY_S
        while True:
            try:
                self.call(projects_pb2_grpc.ProjectServiceStub, "CreateProject", request)
            except (NotSignedInError, NotPermittedError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def _choose(self, local: Settings) -> tuple[Recorder, Settings]:
        recorder, chosen = of_workspace(local)
        return self._mirror.before(recorder), chosen
