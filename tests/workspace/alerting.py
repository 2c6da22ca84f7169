"""Alerters that several tests begin with, and what they tell whom."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from meshkit.jobs import Lease, acquire
from tests.workspace.harness import FakeClock, Harness, workspace
from tests.workspace.receiving import Receiver, receiving
from tests.workspace.scheduling import SetClock
from weftapi.workspace.v1 import alerter_types_pb2, alerters_pb2
from workspace.alerting.sender import Sender

DEMO = "projects/demo"
OPS = f"{DEMO}/alerters/ops"
WEBHOOK, SLACK = alerter_types_pb2.ALERTER_KIND_WEBHOOK, alerter_types_pb2.ALERTER_KIND_SLACK
Alerter = alerter_types_pb2.Alerter
# What reaches a receiver of a test's own.
SETTINGS = {"egress_networks": "127.0.0.0/8", "alert_timeout_s": 5.0}


async def new_alerter(
    ws: Harness,
    alerter_id: str = "ops",
    *,
    token: str | None = None,
    request_id: str = "",
    project: str = DEMO,
    **fields: Any,
) -> Alerter:
    """A webhook that tells of runs that end, unless told otherwise."""
    fields.setdefault("kind", WEBHOOK)
    fields.setdefault("types", ["run.failed", "run.succeeded"])
    fields.setdefault("url", "https://hooks.example.com/services/T0P-S3CRET-PATH")
    return await ws.alerters(token).CreateAlerter(
        alerters_pb2.CreateAlerterRequest(
            parent=project, alerter_id=alerter_id, alerter=Alerter(**fields), request_id=request_id
        )
    )


async def change(
    ws: Harness, *paths: str, token: str | None = None, name: str = OPS, **fields: Any
) -> Alerter:
    return await ws.alerters(token).UpdateAlerter(
        alerters_pb2.UpdateAlerterRequest(
            alerter=Alerter(name=name, **fields), update_mask={"paths": list(paths)}
        )
    )


async def get(ws: Harness, name: str = OPS) -> Alerter:
    return await ws.alerters().GetAlerter(alerters_pb2.GetAlerterRequest(name=name))


async def rotate(ws: Harness, *, retain_s: int = 0, name: str = OPS) -> str:
    """A new secret of an alerter."""
    request = alerters_pb2.RotateAlerterSecretRequest(
        name=name, retain_period={"seconds": retain_s}
    )
    return str((await ws.alerters().RotateAlerterSecret(request)).secret)


async def deliveries(ws: Harness, parent: str = OPS, filter_: str = "") -> list[Any]:
    """What an alerter told, oldest first."""
    request = alerters_pb2.ListAlertDeliveriesRequest(parent=parent, filter=filter_, page_size=500)
    return list(reversed((await ws.alerters().ListAlertDeliveries(request)).deliveries))


def state(delivery: Any) -> str:
    """Its state: "PENDING", "DELIVERED", "FAILED", "EXHAUSTED"."""
    name = alerter_types_pb2.AlertDeliveryState.Name(delivery.state)
    return name.removeprefix("ALERT_DELIVERY_STATE_")


class Telling:
    """A workspace whose alerters tell something when the test says so, and nobody by chance."""

    def __init__(self, ws: Harness, receiver: Receiver) -> None:
        self.ws = ws
        self.receiver = receiver
        alerts = ws.workspace.alerts
        self._follower = alerts._follower
        self._sender = Sender(
            ws.workspace.database,
            ws.workspace.sealer,
            alerts._poster,
            ws.clock,
            chance=lambda: 0.5,
        )
        self._lease: Lease | None = None

    @property
    def lease(self) -> Lease:
        assert self._lease, "begin first"
        return self._lease

    async def begin(self) -> None:
        database = self.ws.workspace.database
        self._lease = await database.write(acquire, database.tables, "test", "test", 3600.0)
        await self._follower.begin(self.lease)

    async def look(self) -> int:
        """Keeps what is to be told, and sends what is due; how much was sent."""
        await self._follower.catch_up(self.lease)
        async with asyncio.TaskGroup() as tasks:
            return await self._sender.look(self.lease, tasks, self.ws.clock.now())

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Sends as the job does, until the block ends."""
        await self._follower.catch_up(self.lease)
        sending = asyncio.create_task(self._sender.run(self.lease))
        try:
            yield
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def wait(self, **by: float) -> int:
        """Lets time pass, then looks."""
        self.ws.clock.move(**by)
        self.ws.workspace.policies.confirm()
        return await self.look()

    async def webhook(self, alerter_id: str = "ops", **fields: Any) -> Alerter:
        """An alerter that sends to the receiver."""
        return await new_alerter(self.ws, alerter_id, url=self.receiver.url, **fields)


@asynccontextmanager
async def telling(
    directory: Path,
    database_url: str,
    *,
    clock: FakeClock | None = None,
    is_begun: bool = True,
    **settings: Any,
) -> AsyncIterator[Telling]:
    """A workspace with a project, and a receiver; `begin` where the job shall be late."""
    chosen: dict[str, Any] = {**SETTINGS, **settings}
    async with (
        receiving() as receiver,
        workspace(
            directory, database_url, clock=clock or SetClock(), without=["alerters"], **chosen
        ) as ws,
    ):
        await ws.create_project()
        told = Telling(ws, receiver)
        if is_begun:
            await told.begin()
        yield told
