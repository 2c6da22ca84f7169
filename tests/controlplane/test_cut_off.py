"""A workspace that hears nothing for a day, and then of everything (ruling 15, F11 and F12)."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.controlplane.harness import Plane, bind
from tests.controlplane.linked import OK, PATIENCE_S, W1, World, together
from tests.workspace.harness import run_report
from weftapi.controlplane.v1 import auth_pb2, enrollment_pb2
from weftapi.workspace.v1 import (
    projects_pb2,
    projects_pb2_grpc,
    reports_pb2,
    reports_pb2_grpc,
    run_types_pb2,
    runs_pb2,
    runs_pb2_grpc,
)
from workspace.membership import WorkspaceMember
from workspace.store import runs as run_store

# Within half the life of a run's token, so that a heartbeat renews it.
_BEAT_MINUTES = 35


class Runner:
    """A run under way, whose runner beats and reports."""

    def __init__(self, world: World, name: str, token: str) -> None:
        self._world = world
        self.name = name
        self._token = token
        self._me = str(uuid4())
        self._sequence = 0

    @classmethod
    async def start(cls, world: World) -> "Runner":
        admin = await (await world.visitor(world.admin)).let_in()
        projects = projects_pb2_grpc.ProjectServiceStub(admin.channel)
        await projects.CreateProject(projects_pb2.CreateProjectRequest(project_id="p"))
        run = await runs_pb2_grpc.RunServiceStub(admin.channel).CreateRun(
            runs_pb2.CreateRunRequest(
                parent="projects/p", run=run_types_pb2.Run(pipeline="projects/p/pipelines/train")
            )
        )
        row = await world.workspace.database.read(run_store.get, "p", run.name.split("/")[-1])
        assert row
        runner = cls(world, run.name, world.workspace.reconciler._tokens.issue(row))
        await runner.report("RUNNING")
        return runner

    async def report(self, state: str) -> None:
        self._sequence += 1
        request = reports_pb2.BatchReportRequest(
            run=self.name, reporter=self._me, reports=[run_report(self._sequence, state)]
        )
        await (await self._stub()).BatchReport(request)

    async def beat(self) -> None:
        request = reports_pb2.HeartbeatRequest(run=self.name, reporter=self._me)
        self._token = (await (await self._stub()).Heartbeat(request)).run_token or self._token

    async def _stub(self) -> Any:
        visitor = await self._world.visitor_with(self._token)
        return reports_pb2_grpc.ReportServiceStub(visitor.channel)


async def pass_hours(world: World, runner: Runner, hours: int) -> None:
    for _ in range(hours * 60 // _BEAT_MINUTES):
        world.advance(minutes=_BEAT_MINUTES)
        await runner.beat()


async def end_session(plane: Plane, tokens: auth_pb2.TokenSet) -> None:
    anyone = await plane.edge()
    await anyone.auth.RevokeToken(auth_pb2.RevokeTokenRequest(token=tokens.refresh_token))


class Gate:
    """What the workspace hears waits here until it is let through, one by one."""

    def __init__(self, member: WorkspaceMember) -> None:
        self._hear = member.hear
        self._arrived: asyncio.Queue[str | None] = asyncio.Queue()
        self._let = asyncio.Semaphore(0)
        member.hear = self._pass  # type: ignore[method-assign]

    async def _pass(self, message: enrollment_pb2.LinkResponse) -> None:
        self._arrived.put_nowait(message.WhichOneof("message"))
        await self._let.acquire()
        await self._hear(message)

    async def arrived(self) -> str | None:
        async with asyncio.timeout(PATIENCE_S):
            return await self._arrived.get()

    def let_through(self) -> None:
        self._let.release()


async def test_a_day_alone_and_what_comes_after(tmp_path: Path, database_url: str) -> None:
    async with together(tmp_path, database_url) as world:
        plane = world.plane
        await plane.new_user(world.admin, "ed@example.com", role="editor", resource=W1)
        await plane.new_user(world.admin, "vi@example.com")
        runner = await Runner.start(world)
        # What was decided takes its time to be heard of: nothing comes after the cut.
        await (await world.visitor(await plane.sign_in("ed@example.com"))).let_in()
        await world.cut()

        await pass_hours(world, runner, 20)
        ed = await plane.sign_in("ed@example.com")
        at_work = await world.visitor(ed)
        assert await at_work.hears() == OK
        # Over there much happens of which nothing is heard here.
        await end_session(plane, ed.tokens)
        admin, vi = await plane.sign_in(), await plane.sign_in("vi@example.com")
        await bind(admin, vi.subject, "viewer", W1)
        newcomer = await world.visitor(vi)
        await pass_hours(world, runner, 3)
        assert await at_work.hears() == OK
        assert await newcomer.hears() == "NOT_PERMITTED"

        await pass_hours(world, runner, 2)
        for somebody in (at_work, newcomer):
            assert await somebody.hears() == "POLICY_EXPIRED"
        await runner.report("SUCCEEDED")

        gate = Gate(world.workspace.member)
        await world.cable.mend()
        # The link is there again, and says what counts now: nobody gets in on what did.
        for kind in ("keys", "policy"):
            assert await gate.arrived() == kind
            for somebody in (at_work, newcomer):
                assert await somebody.hears() == "POLICY_EXPIRED"
            gate.let_through()
        assert await gate.arrived() == "directory"
        assert await at_work.hears() == "INVALID_CREDENTIAL"
        assert await newcomer.hears() == OK
