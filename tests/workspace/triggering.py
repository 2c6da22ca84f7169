"""Triggers that several tests begin with, and what they wait for."""

import asyncio
from typing import Any
from uuid import uuid4

from tests.workspace.harness import Harness, run_report
from weftapi.workspace.v1 import events_pb2, run_types_pb2, trigger_types_pb2, triggers_pb2

DEMO = "projects/demo"
FOLLOW = f"{DEMO}/triggers/follow"
Occurrence = trigger_types_pb2.Occurrence


def run_ends(*states: str, pipeline: str = "") -> Occurrence:
    """Runs that enter one of these states; by default SUCCEEDED."""
    numbers = [run_types_pb2.RunState.Value(f"RUN_STATE_{s}") for s in states or ("SUCCEEDED",)]
    run = trigger_types_pb2.RunOccurrence(pipeline=pipeline, states=numbers)
    return Occurrence(run=run)


async def new_trigger(
    ws: Harness,
    trigger_id: str = "follow",
    *,
    token: str | None = None,
    request_id: str = "",
    **fields: Any,
) -> trigger_types_pb2.Trigger:
    """A trigger of the snapshot in `fields`, or of a new one, after runs that succeed."""
    if "snapshot" not in fields:
        fields["snapshot"] = (await ws.create_snapshot()).name
    fields.setdefault("occurrence", run_ends())
    return await ws.triggers(token).CreateTrigger(
        triggers_pb2.CreateTriggerRequest(
            parent=DEMO,
            trigger_id=trigger_id,
            trigger=trigger_types_pb2.Trigger(**fields),
            request_id=request_id,
        )
    )


async def change(
    ws: Harness, *paths: str, token: str | None = None, name: str = FOLLOW, **fields: Any
) -> trigger_types_pb2.Trigger:
    return await ws.triggers(token).UpdateTrigger(
        triggers_pb2.UpdateTriggerRequest(
            trigger=trigger_types_pb2.Trigger(name=name, **fields),
            update_mask={"paths": list(paths)},
        )
    )


async def finish(ws: Harness, state: str = "SUCCEEDED", **fields: Any) -> run_types_pb2.Run:
    """A run that its own reporter began and ended."""
    run = await ws.create_run(**fields)
    await end(ws, run.name, state)
    return run


async def end(ws: Harness, run: str, state: str = "SUCCEEDED", *, reporter: str = "") -> None:
    """What a runner reports of a run from its begin to its end."""
    token = await ws.run_token(run)
    reports = (run_report(1, "RUNNING"), run_report(2, state))
    await ws.report(run, reporter or str(uuid4()), *reports, token=token)


async def settled(ws: Harness, count: int = 1, parent: str = FOLLOW) -> list[Any]:
    """The firings of a trigger, oldest first, once so many are settled."""
    async with asyncio.timeout(30):
        revision = 0
        while True:
            listed = await ws.triggers().ListTriggerFirings(
                triggers_pb2.ListTriggerFiringsRequest(parent=parent)
            )
            done = [f for f in listed.firings if f.state != trigger_types_pb2.FIRING_STATE_PENDING]
            if len(done) >= count:
                return sorted(done, key=lambda firing: firing.cause_revision)
            revision = max(revision, listed.revision)
            await ws.events().ListEvents(
                events_pb2.ListEventsRequest(
                    parent=DEMO, after_revision=revision, wait={"seconds": 5}
                )
            )


def short(firing: Any) -> str:
    """Its state: "FIRED", "SKIPPED", "FAILED"."""
    return trigger_types_pb2.FiringState.Name(firing.state).removeprefix("FIRING_STATE_")
