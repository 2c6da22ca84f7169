"""A mixed load on several replicas, whose clients go on at another one when theirs is gone."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.workspace.cluster import Cluster, is_broken
from tests.workspace.harness import run_report, spec_step
from tests.workspace.log_clients import Writer, chunk
from weftapi.workspace.v1 import (
    logs_pb2,
    logs_pb2_grpc,
    projects_pb2,
    projects_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    run_types_pb2,
    runs_pb2,
    runs_pb2_grpc,
    schedule_types_pb2,
    schedules_pb2,
    schedules_pb2_grpc,
    snapshot_types_pb2,
    snapshots_pb2,
    snapshots_pb2_grpc,
    trigger_types_pb2,
    triggers_pb2,
    triggers_pb2_grpc,
)

DEMO = "projects/demo"
LOG = f"{DEMO}/logStreams/main"


class Load:
    """Clients of all replicas: what they were told is what must be there."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.runs: list[str] = []
        self.acked_lines = 0
        self.writer_openings = 0
        self._turn = 0
        self._progress = asyncio.Condition()
        self._is_over = False
        self._tasks: list[asyncio.Task[None]] = []

    async def prepare(self) -> int:
        """Makes what the load needs; the revision after it."""
        project = projects_pb2.CreateProjectRequest(project_id="demo")
        await self.call(projects_pb2_grpc.ProjectServiceStub, "CreateProject", project)
        snapshot = snapshot_types_pb2.Snapshot(
            pipeline=f"{DEMO}/pipelines/train",
            spec=snapshot_types_pb2.PipelineSpec(steps=[spec_step("fit")]),
        )
        snapshot.code.uri, snapshot.code.sha256 = "file:///code.tar.gz", "a" * 64
        snapshot.code.size_bytes, snapshot.code.entrypoint = 1, "train:train"
        making = snapshots_pb2.CreateSnapshotRequest(parent=DEMO, snapshot=snapshot)
        made = await self.call(snapshots_pb2_grpc.SnapshotServiceStub, "CreateSnapshot", making)
        schedule = schedule_types_pb2.Schedule(
            snapshot=made.name,
            overlap=schedule_types_pb2.OVERLAP_ALLOW,
            catch_up=schedule_types_pb2.CATCH_UP_ALL,
            catch_up_limit=50,
        )
        schedule.interval.FromTimedelta(timedelta(minutes=1))
        await self.call(
            schedules_pb2_grpc.ScheduleServiceStub,
            "CreateSchedule",
            schedules_pb2.CreateScheduleRequest(
                parent=DEMO, schedule_id="minutely", schedule=schedule
            ),
        )
        success = trigger_types_pb2.RunOccurrence(states=[run_types_pb2.RUN_STATE_SUCCEEDED])
        trigger = trigger_types_pb2.Trigger(
            snapshot=made.name, occurrence=trigger_types_pb2.Occurrence(run=success)
        )
        await self.call(
            triggers_pb2_grpc.TriggerServiceStub,
            "CreateTrigger",
            triggers_pb2.CreateTriggerRequest(parent=DEMO, trigger_id="follow", trigger=trigger),
        )
        run = await self.create("the log's")
        stream = logs_pb2.LogStream(run=run.name)
        log = logs_pb2.CreateLogStreamRequest(parent=DEMO, log_stream_id="main", log_stream=stream)
        await self.call(logs_pb2_grpc.LogServiceStub, "CreateLogStream", log)
        return run.revision

    def start(self) -> None:
        work = (self._runs(0), self._runs(1), self._lines())
        self._tasks = [asyncio.create_task(each) for each in work]

    async def more(self, runs: int) -> None:
        """Waits for so many more runs from their creation to their end."""
        goal = len(self.runs) + runs
        async with self._progress:
            waiting = asyncio.create_task(
                self._progress.wait_for(lambda: len(self.runs) >= goal or self._broken())
            )
            await waiting
        for task in self._tasks:
            if task.done():
                task.result()

    async def end(self) -> None:
        self._is_over = True
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def call(self, stub: Any, method: str, request: Any) -> Any:
        self._turn += 1
        return await self.cluster.call(self._turn, stub, method, request)

    def _broken(self) -> bool:
        return any(task.done() for task in self._tasks)

    async def create(self, name: str) -> Any:
        run = run_types_pb2.Run(pipeline=f"{DEMO}/pipelines/train", display_name=name)
        request = runs_pb2.CreateRunRequest(parent=DEMO, run=run, request_id=str(uuid4()))
        return await self.call(runs_pb2_grpc.RunServiceStub, "CreateRun", request)

    async def _runs(self, kind: int) -> None:
        """One run after another; reports of some are streamed."""
        number = 0
        try:
            while not self._is_over:
                number += 1
                run = await self.create(f"run {kind}-{number}")
                reporter = str(UUID(int=kind * 1_000_000 + number))
                said = [run_report(1, "RUNNING"), run_report(2, "SUCCEEDED")]
                await (self._stream if kind else self._report)(run.name, reporter, said)
                self.runs.append(run.name)
                async with self._progress:
                    self._progress.notify_all()
                await asyncio.sleep(0.05)
        finally:
            async with self._progress:
                self._progress.notify_all()

    async def _report(self, run: str, reporter: str, said: list[reports_pb2.Report]) -> None:
        for report in said:
            request = reports_pb2.BatchReportRequest(run=run, reporter=reporter, reports=[report])
            await self.call(reports_pb2_grpc.ReportServiceStub, "BatchReport", request)

    async def _stream(self, run: str, reporter: str, said: list[reports_pb2.Report]) -> None:
        opening = reports_pb2.OpenReports(run=run, reporter=reporter)

        async def converse(channel: Any) -> None:
            call = reports_pb2_grpc.ReportServiceStub(channel).StreamReports()
            try:
                await call.write(reports_pb2.StreamReportsRequest(open=opening))
                batch = reports_pb2.ReportBatch(reports=said)
                await call.write(reports_pb2.StreamReportsRequest(batch=batch))
                async for answer in call:
                    if answer.acked_sequence >= said[-1].sequence:
                        return
                raise EOFError
            finally:
                call.cancel()

        self._turn += 1
        await self.cluster.anywhere(self._turn, converse)

    async def _lines(self) -> None:
        """One writer, which goes on with its epoch wherever it comes."""
        epoch = 0
        while not self._is_over:
            self._turn += 1
            replica = self.cluster.replicas[self._turn % 3]
            writer = Writer(logs_pb2_grpc.LogServiceStub(replica.channel), LOG, epoch)
            try:
                async with asyncio.timeout(8.0):
                    await writer.open()
                self.writer_openings += 1
                epoch = writer.epoch
                assert writer.next_offset >= self.acked_lines
                self.acked_lines = writer.next_offset
                await self._write(writer)
            except Exception as error:
                if not is_broken(error):
                    raise
            finally:
                writer.cancel()
            await asyncio.sleep(0.05)

    async def _write(self, writer: Writer) -> None:
        while not self._is_over:
            first = self.acked_lines
            await writer.send(chunk(first, first + 10))
            async with asyncio.timeout(8.0):
                await writer.wait_for(first + 10)
            self.acked_lines = writer.acked
            await asyncio.sleep(0.02)
