"""`weft projects`: what a workspace is divided into, and what each may take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from weft.cli._names import short
from weft.cli._output import output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged
from weft.cli._run_actions import describe
from weft.cli._run_calls import request_id

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import projects_pb2, projects_pb2_grpc

_UNITS = {"": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
_SIZE = re.compile(r"(\d{1,12})\s*([KMGT]iB|)", re.IGNORECASE)


class _Size(click.ParamType[int]):
    """Bytes, as people write them."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        match = _SIZE.fullmatch(str(value).strip())
        if not match:
            self.fail(f"{value!r} is not a size such as 500MiB, 2GiB or 0", param, ctx)
        return int(match[1]) * _UNITS[match[2].upper()]


_LIMITS: dict[str, tuple[str, click.ParamType[int], str]] = {
    "max_concurrent_runs": (
        "--concurrent-runs",
        click.IntRange(min=0),
        "Runs that are executed at the same time; 0 for any number.",
    ),
    "max_run_log_bytes": (
        "--run-log-bytes",
        _Size(),
        "What is kept of the logs of a run, such as 1GiB; 0 for what the workspace says.",
    ),
    "max_run_log_lines": (
        "--run-log-lines",
        click.IntRange(min=0),
        "Likewise in lines.",
    ),
    "max_log_stream_bytes": (
        "--log-bytes",
        _Size(),
        "What is kept of each log, which is one attempt of a step; 0 likewise.",
    ),
    "max_log_stream_lines": ("--log-lines", click.IntRange(min=0), "Likewise in lines."),
    "max_runs": (
        "--max-runs",
        click.IntRange(min=0),
        "Runs that are kept, archived ones not counted; 0, as below, for any number.",
    ),
    "max_artifact_versions": (
        "--max-artifact-versions",
        click.IntRange(min=0),
        "Versions of artifacts; what runs make that are under way is kept beyond it.",
    ),
    "max_artifact_bytes": (
        "--max-artifact-bytes",
        _Size(),
        "What they weigh together, such as 500GiB; likewise.",
    ),
    "max_log_bytes": (
        "--max-log-bytes",
        _Size(),
        "What is kept of all logs together; further lines are not.",
    ),
    "max_pipelines": ("--max-pipelines", click.IntRange(min=0), "Pipelines."),
    "max_snapshots": ("--max-snapshots", click.IntRange(min=0), "Snapshots and builds."),
    "max_model_versions": (
        "--max-model-versions",
        click.IntRange(min=0),
        "Versions of models; those of runs that are under way are kept beyond it.",
    ),
    "max_automations": (
        "--max-automations",
        click.IntRange(min=0),
        "Schedules, triggers, webhooks, alerters and code repositories.",
    ),
}


@click.group()
def projects() -> None:
    """List, make and change projects. PROJECT is an id or a name."""


@projects.command("list")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=50, show_default=True)
@output_option
def list_projects(*, limit: int, output: str) -> None:
    """List the projects that you may see."""
    from weftapi.workspace.v1 import projects_pb2

    connection, stub = _connect()
    request = projects_pb2.ListProjectsRequest()
    pages = paged(lambda r: connection.workspace.call(stub.ListProjects, r), request, limit)
    print_messages(
        [project for page in pages for project in page.projects],
        output,
        header=("PROJECT", "NAME", "ABOUT", "MADE"),
        row=lambda p: (
            short(p.name),
            p.display_name,
            p.description,
            p.create_time.ToDatetime().strftime("%Y-%m-%d %H:%M:%S"),
        ),
        empty="no projects that you may see",
    )


@projects.command()
@click.argument("project")
@output_option
def show(*, project: str, output: str) -> None:
    """Show a project."""
    from weftapi.workspace.v1 import projects_pb2

    connection, stub = _connect()
    request = projects_pb2.GetProjectRequest(name=_name(project))
    _print(connection.workspace.call(stub.GetProject, request), output)


def _limits(command: click.decorators.FC) -> click.decorators.FC:
    """The options that bound what runs of a project take."""
    for field, (flag, kind, text) in reversed(_LIMITS.items()):
        command = click.option(flag, field, type=kind, help=text)(command)
    return command


@projects.command()
@click.argument("project")
@click.option("--name", "display_name", help="The name that people read.")
@click.option("--description", help="What it is for.")
@_limits
@output_option
def create(
    *,
    project: str,
    display_name: str | None,
    description: str | None,
    output: str,
    **limits: int | None,
) -> None:
    """Make a project. PROJECT is its id, which no other ever had."""
    from weftapi.workspace.v1 import projects_pb2

    connection, stub = _connect()
    request = projects_pb2.CreateProjectRequest(project_id=project, request_id=request_id())
    made = request.project
    made.display_name, made.description = display_name or "", description or ""
    for field, value in limits.items():
        setattr(made, field, value or 0)
    _print(connection.workspace.call(stub.CreateProject, request), output)


@projects.command()
@click.argument("project")
@click.option("--name", "display_name", help="The name that people read.")
@click.option("--description", help="What it is for.")
@_limits
@output_option
def update(
    *,
    project: str,
    display_name: str | None,
    description: str | None,
    output: str,
    **limits: int | None,
) -> None:
    """Change a project: what is not given stays as it is."""
    from weftapi.workspace.v1 import projects_pb2

    connection, stub = _connect()
    request = projects_pb2.UpdateProjectRequest(request_id=request_id())
    request.project.name = _name(project)
    describe(request.project, request.update_mask, display_name, description)
    for field, value in limits.items():
        if value is not None:
            setattr(request.project, field, value)
            request.update_mask.paths.append(field)
    if not request.update_mask.paths:
        raise click.UsageError("nothing to change: give --name, --description or a limit")
    _print(connection.workspace.call(stub.UpdateProject, request), output)


@projects.command()
@click.argument("project")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, project: str, yes: bool) -> None:
    """Delete an empty project; its id is never used again."""
    from weftapi.workspace.v1 import projects_pb2

    connection, stub = _connect()
    name = _name(project)
    if not yes:
        click.confirm(f"Delete {short(name)}?", abort=True, err=True)
    connection.workspace.call(stub.DeleteProject, projects_pb2.DeleteProjectRequest(name=name))
    click.echo(f"{short(name)} is deleted")


def _print(found: projects_pb2.Project, output: str) -> None:
    limits = [
        (flag.removeprefix("--").replace("-", " "), f"{getattr(found, field):,}")
        for field, (flag, _, _) in _LIMITS.items()
        if getattr(found, field)
    ]
    fields = [
        ("project", found.name),
        ("name", found.display_name),
        ("about", found.description),
        ("labels", ", ".join(f"{k}={v}" for k, v in sorted(found.labels.items()))),
        ("stack", found.default_stack),
        ("by", found.creator),
        *limits,
    ]
    print_message(found, output, lambda: print_fields(fields))


def _connect() -> tuple[Connection, projects_pb2_grpc.ProjectServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import projects_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(projects_pb2_grpc.ProjectServiceStub)


def _name(text: str) -> str:
    return text if text.startswith("projects/") else f"projects/{text}"
