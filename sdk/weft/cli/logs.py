"""`weft logs`: what a run printed, live and afterwards."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli._access import start_of
from weft.cli._exit import CommandError, Exit
from weft.cli._names import run_and_step, short
from weft.cli._output import as_dict, note, print_streamed, streamed_output_option
from weft.cli._pages import paged
from weft.cli._text import coloured
from weft.cli.log_files import save

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.common.v1 import types_pb2
    from weftapi.workspace.v1 import logs_pb2

# The workspace lets nobody hold more than 64 streams; some are left for other commands.
_MOST_TAILS = 40
_COLOURS = ("cyan", "magenta", "blue", "yellow", "green", "bright_cyan", "bright_magenta")


@click.command()
@click.argument("run", metavar="RUN[/STEP]")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option(
    "--tail",
    "last_lines",
    type=click.IntRange(min=1),
    default=None,
    help="Only so many lines of each step before the end.",
)
@click.option("--timestamps", is_flag=True, help="Print when each line was written.")
@click.option("--grep", "needle", default="", help="Only lines that contain this text.")
@click.option(
    "--level",
    type=click.Choice(("debug", "info", "warning", "error", "critical")),
    help="Only lines of this level, or a graver one.",
)
@click.option("--since", help="Only lines since: 10m, 2h, 1d ago, or a time.")
@click.option("--until", help="Only lines before: 10m, 2h, 1d ago, or a time.")
@click.option("--failed", is_flag=True, help="Only of the steps that failed.")
@streamed_output_option
@click.option(
    "--save",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each log whole into a file of this folder, as far as it is by now; prints none.",
)
def logs(
    *,
    run: str,
    follow: bool,
    last_lines: int | None,
    timestamps: bool,
    needle: str,
    level: str | None,
    since: str | None,
    until: str | None,
    failed: bool,
    output: str,
    folder: Path | None,
) -> int:
    """Print the logs of a run, or of one step of it; -f follows them over any break."""
    from weft._connection import Connection

    connection = Connection.current()
    name, step = run_and_step(connection, run)
    _check(connection, name, step)
    wanted = _filter(needle, level, since, until)
    if folder is not None:
        if follow or last_lines or wanted.ListFields():
            raise CommandError("--save writes whole logs: leave what chooses lines out", Exit.USAGE)
        save(connection, _streams(connection, name, step), folder)
        return Exit.DONE
    if failed and (follow or step):
        raise CommandError("--failed is of a whole run that is not followed", Exit.USAGE)
    steps = _failed(connection, name) if failed else [step]
    lines = _followed if follow else _stored
    painter = _Painter(timestamps=timestamps, is_alone=bool(step), output=output)
    count = 0
    for each in steps:
        for stream, line in lines(connection, name, each, last_lines or 0, wanted):
            count += 1
            painter.paint(stream, line)
    painter.sum_up()
    if not count:
        is_whole = not wanted.ListFields()
        note(f"nothing {'was written to' if is_whole else 'like this is in'} the log of {run} yet")
    return Exit.DONE


def _failed(connection: Connection, run: str) -> list[str]:
    """The steps of a run that failed; raises CommandError where none did."""
    from weft.cli._run_facts import steps_of
    from weft.cli._runview import step_state

    steps = [s.step_id for s in steps_of(connection, run) if step_state(s) == "FAILED"]
    if not steps:
        raise CommandError(f"no step of {short(run)} failed", Exit.NOT_FOUND)
    return steps


def _filter(
    needle: str, level: str | None, since: str | None, until: str | None
) -> logs_pb2.LogFilter:
    """What the server is asked for; raises CommandError for a time that is none."""
    from weftapi.common.v1 import types_pb2
    from weftapi.workspace.v1 import logs_pb2

    now = datetime.now(UTC)
    name = f"LOG_LEVEL_{(level or 'unspecified').upper()}"
    return logs_pb2.LogFilter(
        contains=needle,
        min_level=types_pb2.LogLevel.Value(name),
        since=start_of(since, now) if since else None,
        until=start_of(until, now) if until else None,
    )


def _check(connection: Connection, run: str, step: str) -> None:
    """Asks for the run and the step themselves: a list of no logs is no error by itself."""
    from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc, steps_pb2, steps_pb2_grpc

    endpoint = connection.workspace
    if step:
        wanted = steps_pb2.GetStepRequest(name=f"{run}/steps/{step}")
        endpoint.call(endpoint.stub(steps_pb2_grpc.StepServiceStub).GetStep, wanted)
    else:
        stub = endpoint.stub(runs_pb2_grpc.RunServiceStub)
        endpoint.call(stub.GetRun, runs_pb2.GetRunRequest(name=run))


class _Painter:
    """Prints lines, each with its step in front where several are mixed."""

    def __init__(self, *, timestamps: bool, is_alone: bool, output: str) -> None:
        self._output = output
        self._timestamps = timestamps
        self._is_alone = is_alone
        self._colours: dict[str, str] = {}
        # Lines of each log that were not kept, and how often it was said.
        self._dropped: dict[str, list[int]] = {}

    def sum_up(self) -> None:
        """Says how many lines were not kept in all, of logs of which it was said piecemeal."""
        for label, counts in self._dropped.items():
            if len(counts) > 1:
                note(f"{sum(counts):,} lines of {label} were not kept in all")

    def paint(self, stream: logs_pb2.LogStream, line: types_pb2.LogLine) -> None:
        if self._output != "text":
            print_streamed({"step": stream.step_id, **as_dict(line)}, self._output)
            return
        label = stream.step_id or "runner"
        if line.dropped_lines:
            counts = self._dropped.setdefault(label, [])
            counts.append(line.dropped_lines)
            if len(counts) > 1:
                # Followed live it comes again with every few lines: once says it all.
                return
        parts = [coloured(line.message)]
        if not self._is_alone:
            colour = self._colours.setdefault(label, _COLOURS[len(self._colours) % len(_COLOURS)])
            parts.insert(0, click.style(f"{label:<16} |", fg=colour))
        if self._timestamps:
            parts.insert(0, line.time.ToDatetime().isoformat(timespec="milliseconds") + "Z")
        click.echo(" ".join(parts))


Found = Iterator[tuple["logs_pb2.LogStream", "types_pb2.LogLine"]]


def _stored(
    connection: Connection, run: str, step: str, last_lines: int, wanted: logs_pb2.LogFilter
) -> Found:
    """The lines that are there, one stream after the other."""
    from weftapi.workspace.v1 import logs_pb2, logs_pb2_grpc

    stub = connection.workspace.stub(logs_pb2_grpc.LogServiceStub)
    for stream in _streams(connection, run, step):
        offset = max(0, stream.next_offset - last_lines) if last_lines else 0
        while True:
            request = logs_pb2.ReadLogsRequest(
                log_stream=stream.name, offset=offset, max_lines=10_000, filter=wanted
            )
            page = connection.workspace.call(stub.ReadLogs, request)
            yield from ((stream, line) for line in page.lines)
            # A page that a filter left empty is not the end.
            if page.end_of_stream or page.next_offset == offset:
                break
            offset = page.next_offset


def _followed(
    connection: Connection, run: str, step: str, last_lines: int, wanted: logs_pb2.LogFilter
) -> Found:
    """Lines as they come, of each stream as it appears, until the run has ended."""
    follower = _Follower(connection, last_lines, wanted)
    threading.Thread(target=follower.watch, args=(run, step), daemon=True).start()
    return follower.lines()


class _Follower:
    """Tails the streams of a run, some at a time, and mixes the lines as they come.

    A stream that finds no place waits for one: those of a fan-out end soon, one after another.
    """

    def __init__(self, connection: Connection, last_lines: int, wanted: logs_pb2.LogFilter) -> None:
        self._connection = connection
        self._wanted = wanted
        self._last_lines = last_lines
        self._places = threading.Semaphore(_MOST_TAILS)
        # A line with its stream, an error, or None for the end.
        self._arrivals: queue.Queue[
            tuple[logs_pb2.LogStream, types_pb2.LogLine] | Exception | None
        ] = queue.Queue(maxsize=10_000)

    def lines(self) -> Found:
        """Yields lines until the run has ended; raises what went wrong."""
        while (arrival := self._arrivals.get()) is not None:
            if isinstance(arrival, Exception):
                raise arrival
            yield arrival

    def watch(self, run: str, step: str) -> None:
        """Tails each stream as it appears."""
        tails: list[threading.Thread] = []
        try:
            for stream in _appearing(self._connection, run, step):
                self._places.acquire()
                tails = [thread for thread in tails if thread.is_alive()]
                tails.append(threading.Thread(target=self._tail, args=(stream,), daemon=True))
                tails[-1].start()
        except Exception as error:  # noqa: BLE001 - raised again where the lines are read
            self._arrivals.put(error)
        for thread in tails:
            thread.join()
        self._arrivals.put(None)

    def _tail(self, stream: logs_pb2.LogStream) -> None:
        from weft._streams import tail_logs

        try:
            endpoint = self._connection.workspace
            batches = tail_logs(
                endpoint, stream.name, last_lines=self._last_lines, wanted=self._wanted
            )
            for batch in batches:
                for line in batch.lines:
                    self._arrivals.put((stream, line))
        except Exception as error:  # noqa: BLE001 - as above
            self._arrivals.put(error)
        finally:
            self._places.release()


def _appearing(connection: Connection, run: str, step: str) -> Iterator[logs_pb2.LogStream]:
    """Each log stream of a run once, as the run's steps start, until the run has ended."""
    from weft._streams import watch_run

    seen: set[str] = set()
    for event in watch_run(connection.workspace, run):
        is_news = event.WhichOneof("resource") == "step" and event.step.log_stream not in seen
        if event.WhichOneof("resource") == "run" or (is_news and event.step.log_stream):
            for stream in _streams(connection, run, step):
                if stream.name not in seen:
                    seen.add(stream.name)
                    yield stream
    for stream in _streams(connection, run, step):
        if stream.name not in seen:
            yield stream


def _streams(connection: Connection, run: str, step: str) -> list[logs_pb2.LogStream]:
    from weftapi.workspace.v1 import logs_pb2, logs_pb2_grpc

    stub = connection.workspace.stub(logs_pb2_grpc.LogServiceStub)
    condition = f'run = "{short(run)}"' + (f' AND step_id = "{step}"' if step else "")
    request = logs_pb2.ListLogStreamsRequest(parent=run.partition("/runs/")[0], filter=condition)
    pages = paged(lambda r: connection.workspace.call(stub.ListLogStreams, r), request)
    return [stream for page in pages for stream in page.log_streams][::-1]
