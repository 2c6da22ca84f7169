"""Time travel for schedules: a test says when it is, and sees what was started."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from weft._records import Json

if TYPE_CHECKING:
    from meshtest.travel import Traveller
    from weft._mesh_testing import MeshWeft
    from weftapi.workspace.v1 import run_types_pb2

_PAGE = 500


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A run that a schedule started.

    Attributes:
        name: `projects/<id>/runs/<id>`.
        schedule: Id of the schedule.
        time: When it was, in UTC.
    """

    name: str
    schedule: str
    pipeline: str
    time: dt.datetime
    parameters: Mapping[str, Json]


class WeftClock:
    """The time of the workspace.

    Attributes:
        ends_runs: Whether runs that schedules start succeed at once; nothing executes them. Where
            not, they go on, and schedules do what their overlap policy says.
    """

    def __init__(self, mesh: MeshWeft, traveller: Traveller) -> None:
        self._mesh = mesh
        self._traveller = traveller
        self._seen: set[str] = set()
        self.ends_runs: bool = True

    @property
    def now(self) -> dt.datetime:
        """What time it is, in UTC."""
        return self._mesh.mesh.clock.now()

    def move_to(self, moment: dt.datetime | str, *, time_zone: str = "UTC") -> list[StartedRun]:
        """Let time pass until a moment, and give the runs that schedules started meanwhile.

        Every time of a schedule on the way is stopped at, as if it had been waited for.

        Args:
            moment: Such as "2031-01-06 07:00"; in `time_zone`, unless it says another.

        Raises:
            ValueError: It is in the past: time only goes forward.
        """
        until = _moment(moment, time_zone)
        if until < self.now:
            raise ValueError(f"it is {self.now:%Y-%m-%d %H:%M} already, and time goes forward")
        started: list[StartedRun] = []
        while (due := self._next_time()) is not None and due <= until:
            started += self._arrive(due)
        return started + self._arrive(until)

    def move(self, **by: float) -> list[StartedRun]:
        """Let so much time pass, as in `move(hours=2)`: see `move_to`."""
        return self.move_to(self.now + dt.timedelta(**by))

    def _next_time(self) -> dt.datetime | None:
        return self._mesh.background.run(self._traveller.next_time(self._mesh.project))

    def _arrive(self, moment: dt.datetime) -> list[StartedRun]:
        if not self._mesh.background.run(self._traveller.arrive(moment)):
            return []
        runs = self._new_runs()
        if self.ends_runs:
            for run in runs:
                self._end(run.name)
        return [_started(run) for run in runs]

    def _new_runs(self) -> list[run_types_pb2.Run]:
        from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc

        request = runs_pb2.ListRunsRequest(
            parent=self._mesh.connection.project,
            filter="trigger = SCHEDULE",
            order_by="create_time desc",
            page_size=_PAGE,
        )
        listed = self._mesh.call(runs_pb2_grpc.RunServiceStub, "ListRuns", request).runs
        found = [run for run in reversed(listed) if run.name not in self._seen]
        self._seen.update(run.name for run in found)
        return found

    def _end(self, run: str) -> None:
        from weftapi.workspace.v1 import reports_pb2, reports_pb2_grpc, run_types_pb2

        states = (run_types_pb2.RUN_STATE_RUNNING, run_types_pb2.RUN_STATE_SUCCEEDED)
        request = reports_pb2.BatchReportRequest(run=run, reporter=str(uuid.uuid4()))
        for number, state in enumerate(states, 1):
            request.reports.add(sequence=number, run=reports_pb2.RunReport(state=state))
        self._mesh.call(reports_pb2_grpc.ReportServiceStub, "BatchReport", request)


def _moment(moment: dt.datetime | str, time_zone: str) -> dt.datetime:
    found = dt.datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    local = found if found.tzinfo else found.replace(tzinfo=ZoneInfo(time_zone))
    return local.astimezone(dt.UTC)


def _started(run: run_types_pb2.Run) -> StartedRun:
    from google.protobuf import json_format

    parameters: dict[str, Any] = json_format.MessageToDict(run.parameters)
    time = run.create_time.ToDatetime(tzinfo=dt.UTC)
    return StartedRun(
        run.name,
        run.started_by.rpartition("/")[2],
        run.pipeline.rpartition("/")[2],
        time,
        parameters,
    )
