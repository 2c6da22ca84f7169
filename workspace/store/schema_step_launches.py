"""The table of step launches: attempts that workload managers execute apart from their runners."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from workspace.store.base import Row, stored


@stored(
    "step_launches",
    sa.Index(None, "state"),
    sa.Index(None, "run_uid"),
    sa.UniqueConstraint("workload"),
    sa.ForeignKeyConstraint(["step_uid"], ["steps.uid"]),
    sa.CheckConstraint(
        "state IN ('INTENDED', 'SUBMITTED', 'STOPPING', 'CANCELLING', 'ENDED')", name="state"
    ),
    key=("step_uid", "attempt"),
)
@dataclass(slots=True)
class StepLaunch(Row):
    """That a workload manager is to execute an attempt at a step.

    `reporter` holds it, once its process has spoken. `outcome` is how the attempt ended, from its
    own mouth or its manager's; `over_time` is when nobody waited for its workload any more.
    `queue_until` is until when it may wait for a reporter. `start_by`, `manager` as in `Launch`,
    `heartbeat_ms` as in `Run`. STOPPING was asked to end, CANCELLING has little time left.
    """

    step_uid: UUID
    attempt: int
    run_uid: UUID
    project: str
    run: str
    step: str
    workload: str
    arguments: str
    resources: dict[str, Any] = field(default_factory=dict)
    state: str = "INTENDED"
    reporter: UUID | None = None
    outcome: str = ""
    start_by: datetime | None = None
    over_time: datetime | None = None
    manager: str = ""
    pod: dict[str, Any] | None = None
    heartbeat_ms: int = 0
    queue_until: datetime | None = None

    @property
    def name(self) -> str:
        step = f"projects/{self.project}/runs/{self.run}/steps/{self.step}"
        return f"{step}/attempts/{self.attempt}"
