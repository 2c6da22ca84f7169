"""`weft runs compare` and `weft runs diagnose`: what differs, and what went wrong first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._names import run_name, short
from weft.cli._output import (
    as_dict,
    note,
    output_option,
    print_document,
    print_fields,
    print_table,
)
from weft.cli._run_calls import connect, get_run
from weft.cli._text import coloured

if TYPE_CHECKING:
    from weft._connection import Connection
    from weft.cli._run_facts import Facts
    from weftapi.common.v1 import types_pb2
    from weftapi.workspace.v1 import run_types_pb2

_FEWEST, _MOST = 2, 200
_LAST_LINES = 12


@click.command()
@click.argument("run", nargs=-1, required=True)
@click.option("--all", "everything", is_flag=True, help="Also what is the same everywhere.")
@output_option
def compare(*, run: tuple[str, ...], everything: bool, output: str) -> None:
    """Lay runs side by side: what differs in parameters, code, requirements, metrics and steps.

    \b
      weft runs compare @prev @latest
    """
    from weft.cli._run_facts import differences, facts_of, shown

    connection, stub = connect()
    names = list(dict.fromkeys(run_name(connection, each) for each in run))
    if not _FEWEST <= len(names) <= _MOST:
        raise CommandError(f"name {_FEWEST} to {_MOST} different runs", Exit.USAGE)
    columns = [facts_of(connection, get_run(connection, stub, name)) for name in names]
    rows = (
        list(dict.fromkeys(f for c in columns for f in c)) if everything else differences(columns)
    )
    if output == "name":
        click.echo("\n".join(rows))
    elif output != "table":
        print_document(
            [_row_of(name, rows, c) for name, c in zip(names, columns, strict=True)], output
        )
    elif not rows:
        note("these runs do not differ in anything that is known of them")
    else:
        header = ("", *(short(name) for name in names), "")
        cells = [[c.get(row) for c in columns] for row in rows]
        table = zip(rows, cells, strict=True)
        print_table(header, [(row, *map(shown, found), _trend(found)) for row, found in table])


@click.command()
@click.argument("run", default="@latest")
@output_option
def diagnose(*, run: str, output: str) -> None:
    """Say why a run failed: what went wrong first, its last lines, what the last success had.

    RUN is the newest one unless it is named.
    """
    from weft.cli._runview import print_failures, run_state

    connection, stub = connect()
    found = get_run(connection, stub, run)
    culprit = _first_failure(connection, found)
    lines = _last_lines(connection, culprit.log_stream) if culprit and culprit.log_stream else []
    good = _last_success(connection, stub, found)
    changed = _changes(connection, good, found)
    if output == "name":
        click.echo(culprit.name if culprit else found.name)
    elif output != "table":
        document = {
            "run": as_dict(found),
            "step": as_dict(culprit) if culprit else None,
            "lastLines": [line.message for line in lines],
            "lastSuccess": good.name if good else "",
            "changes": changed,
        }
        print_document(document, output)
    elif run_state(found) == "SUCCEEDED":
        click.echo(f"{short(found.name)} succeeded: there is nothing to explain")
    else:
        print_fields(
            [
                ("run", found.name),
                ("state", run_state(found).lower()),
                ("why", _why(found, culprit)),
            ]
        )
        print_failures(found, [culprit] if culprit else [])
        for line in lines:
            click.echo(f"    | {coloured(line.message)}")
        _say_changes(good, changed)
        name = short(found.name)
        note(f"all its lines: weft logs {name} · mended? weft runs retry {name} --from-failed")


def _row_of(run: str, rows: list[str], facts: Facts) -> dict[str, Any]:
    return {"run": run, **{row: facts.get(row) for row in rows}}


def _trend(cells: list[Any]) -> str:
    """Whether a number rose or fell from the first run to the last."""
    first, last = cells[0], cells[-1]
    numbers = (int, float)
    if not isinstance(first, numbers) or not isinstance(last, numbers) or first == last:
        return ""
    return "▲" if last > first else "▼"


def _first_failure(connection: Connection, run: run_types_pb2.Run) -> run_types_pb2.Step | None:
    """The step that failed first: what failed later may only have followed from it."""
    from weft.cli._run_facts import steps_of
    from weft.cli._runview import step_state

    failed = [s for s in steps_of(connection, run.name) if step_state(s) == "FAILED"]
    # A fan-out fails because an item did: that one has the cause.
    groups = {step.map_group for step in failed if step.map_group}
    own = [step for step in failed if step.step_id not in groups]
    return min(own, key=lambda s: s.end_time.ToNanoseconds(), default=None)


def _why(run: run_types_pb2.Run, step: run_types_pb2.Step | None) -> str:
    if step is None:
        return run.state_reason or run.failure.message
    tries = f" after {step.attempt_count} attempts" if step.attempt_count > 1 else ""
    return f"step {step.step_id} failed first{tries}"


def _last_lines(connection: Connection, stream: str) -> list[types_pb2.LogLine]:
    from weftapi.workspace.v1 import logs_pb2, logs_pb2_grpc

    stub = connection.workspace.stub(logs_pb2_grpc.LogServiceStub)
    call = connection.workspace.call
    end = call(stub.GetLogStream, logs_pb2.GetLogStreamRequest(name=stream)).next_offset
    request = logs_pb2.ReadLogsRequest(
        log_stream=stream, offset=max(0, end - _LAST_LINES), max_lines=_LAST_LINES
    )
    return list(call(stub.ReadLogs, request).lines)


def _last_success(
    connection: Connection, stub: Any, run: run_types_pb2.Run
) -> run_types_pb2.Run | None:
    """The newest run of the same pipeline that had succeeded before this one began."""
    from weftapi.workspace.v1 import runs_pb2

    began = run.create_time.ToJsonString()
    query = f'pipeline = "{short(run.pipeline)}" AND state = SUCCEEDED AND create_time < "{began}"'
    request = runs_pb2.ListRunsRequest(parent=connection.project, filter=query, page_size=1)
    found = connection.workspace.call(stub.ListRuns, request).runs
    return found[0] if found else None


def _changes(
    connection: Connection, good: run_types_pb2.Run | None, run: run_types_pb2.Run
) -> list[dict[str, Any]]:
    """What a run had that the last success had not; how it went is no cause."""
    from weft.cli._run_facts import differences, facts_of

    if good is None:
        return []
    before, after = facts_of(connection, good), facts_of(connection, run)
    causes = ("parameter ", "code", "stack", "python", "requires ")
    names = [name for name in differences([before, after]) if name.startswith(causes)]
    return [{"what": n, "before": before.get(n), "now": after.get(n)} for n in names]


def _say_changes(good: run_types_pb2.Run | None, changed: list[dict[str, Any]]) -> None:
    from weft.cli._run_facts import shown

    if good is None:
        click.echo("no run of this pipeline had succeeded before")
        return
    click.echo(
        f"since {short(good.name)}, the last success:{'' if changed else ' nothing changed'}"
    )
    if changed:
        rows = [(c["what"], shown(c["before"]), shown(c["now"])) for c in changed]
        print_table(("WHAT", "THEN", "NOW"), rows)
