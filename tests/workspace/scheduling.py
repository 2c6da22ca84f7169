"""A workspace whose scheduler looks when the test says so, by a clock that the test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from meshkit.jobs import Lease, acquire
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import FakeClock, Harness, run_report, workspace
from weftapi.workspace.v1 import run_types_pb2, runs_pb2, schedule_types_pb2, schedules_pb2
from workspace.scheduler import Scheduler

DEMO = "projects/demo"
NIGHTLY = f"{DEMO}/schedules/nightly"
ALLOW, SKIP, BUFFER_ONE = (
    schedule_types_pb2.OVERLAP_ALLOW,
    schedule_types_pb2.OVERLAP_SKIP,
    schedule_types_pb2.OVERLAP_BUFFER_ONE,
)
LATEST, ALL = schedule_types_pb2.CATCH_UP_LATEST, schedule_types_pb2.CATCH_UP_ALL
Schedule = schedule_types_pb2.Schedule


class SetClock(FakeClock):
    """Stands still between the moves of the test."""

    def __init__(self, start: datetime | None = None) -> None:
        super().__init__()
        self._now = start or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)

    def now(self) -> datetime:
        return self._now + self.offset

    def go_to(self, time: datetime) -> None:
        self.offset = time - self._now


class Plan:
    """A workspace, a snapshot to run, and a scheduler of the test's own."""

    def __init__(self, ws: Harness) -> None:
        self.ws = ws
        self.snapshot = ""
        workspace_ = ws.workspace
        self.scheduler = Scheduler(
            workspace_.database,
            workspace_.policies.refusal,
            clock=ws.clock,
            wake=workspace_.reconciler.wake,
        )
        self._lease: Lease | None = None

    @property
    def now(self) -> datetime:
        return self.ws.clock.now()

    async def look(self) -> int:
        """The scheduler's look, under a lease of the test's own; how many schedules fired."""
        if self._lease is None:
            database = self.ws.workspace.database
            self._lease = await database.write(acquire, database.tables, "test", "test", 3600.0)
        assert self._lease
        return await self.scheduler.run(self._lease)

    async def wait(self, *, linked: bool = True, **by: float) -> int:
        """Lets time pass, in which the control plane was heard of, then looks."""
        self.ws.clock.move(**by)
        if linked:
            self.ws.workspace.policies.confirm()
        return await self.look()

    async def create(
        self, schedule: str = "nightly", *, token: str | None = None, **fields: Any
    ) -> Schedule:
        """A schedule of the snapshot; every hour, unless told otherwise."""
        return await self.ws.schedules(token).CreateSchedule(
            schedules_pb2.CreateScheduleRequest(
                parent=DEMO, schedule_id=schedule, schedule=self.message(**fields)
            )
        )

    def message(self, *, every: timedelta | None = None, **fields: Any) -> Schedule:
        message = Schedule(**{"snapshot": self.snapshot, **fields})
        if message.WhichOneof("timing") is None:
            message.interval.FromTimedelta(every or timedelta(hours=1))
        return message

    async def get(self, name: str = NIGHTLY) -> Schedule:
        return await self.ws.schedules().GetSchedule(schedules_pb2.GetScheduleRequest(name=name))

    async def runs(self) -> list[run_types_pb2.Run]:
        """What schedules have made, oldest first."""
        request = runs_pb2.ListRunsRequest(
            parent=DEMO, filter="trigger = SCHEDULE", order_by="create_time", page_size=500
        )
        return list((await self.ws.runs().ListRuns(request)).runs)

    async def firings(self, filter_: str = "", name: str = NIGHTLY) -> list[tuple[str, str]]:
        """What became of its times, oldest first: outcome and reason."""
        request = schedules_pb2.ListScheduleFiringsRequest(
            parent=name, filter=filter_, page_size=500
        )
        found = (await self.ws.schedules().ListScheduleFirings(request)).firings
        return [(outcome(firing.outcome), firing.reason) for firing in reversed(found)]

    async def end(self, run: str) -> None:
        """Ends a run, as its runner would say it."""
        said = [run_report(1, "RUNNING"), run_report(2, "SUCCEEDED")]
        await self.ws.report(run, str(uuid4()), *said)


def outcome(number: Any) -> str:
    return schedule_types_pb2.FiringOutcome.Name(number).removeprefix("FIRING_OUTCOME_")


@asynccontextmanager
async def planned(
    directory: Path, database_url: str, *, clock: FakeClock | None = None, **settings: Any
) -> AsyncIterator[Plan]:
    """A workspace with project, snapshot and a manager that nobody watches."""
    chosen = {"schedule_interval_s": 3600.0, "launch_interval_s": 3600.0, **settings}
    async with workspace(
        directory,
        database_url,
        managers=FakeManager(),
        clock=clock or SetClock(),
        **chosen,
    ) as ws:
        plan = Plan(ws)
        await ws.create_project()
        plan.snapshot = (await ws.create_snapshot()).name
        yield plan
