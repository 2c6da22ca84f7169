"""`validate_only`: a request is checked as if it were meant, and leaves no trace."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from google.protobuf.json_format import ParseDict

from meshkit.session import Session
from tests.workspace.harness import VIEWER, Harness, refused
from weftapi.workspace.v1 import (
    alerters_pb2,
    code_repositories_pb2,
    components_pb2,
    projects_pb2,
    saved_views_pb2,
    schedules_pb2,
    secrets_pb2,
    service_connectors_pb2,
    stacks_pb2,
    triggers_pb2,
    webhooks_pb2,
)
from workspace.store.base import metadata

DEMO = "projects/demo"
CHANGED = "said by a trial"


@dataclass(frozen=True)
class Kind:
    """A kind that can be tried: its stub and messages, and what one is made of."""

    stub: str
    noun: str
    messages: Any
    collection: str
    body: dict[str, Any] = field(default_factory=dict)
    parent: str = ""

    @property
    def field(self) -> str:
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in self.noun).lstrip("_")

    @property
    def name(self) -> str:
        return f"{self.parent}/{self.collection}/tried".lstrip("/")

    async def create(self, ws: Harness, token: str | None = None, **fields: Any) -> Any:
        above = {"parent": self.parent} if self.parent else {}
        wanted = {self.field: self.body, f"{self.field}_id": "tried", **above, **fields}
        return await self._call(ws, "Create", token, wanted)

    async def update(self, ws: Harness, **fields: Any) -> Any:
        changed = {"name": self.name, "description": CHANGED}
        wanted = {self.field: changed, "update_mask": "description", **fields}
        return await self._call(ws, "Update", None, wanted)

    async def get(self, ws: Harness) -> Any:
        return await self._call(ws, "Get", None, {"name": self.name})

    async def _call(self, ws: Harness, verb: str, token: str | None, fields: Any) -> Any:
        request = getattr(self.messages, f"{verb}{self.noun}Request")()
        stub = getattr(ws, self.stub)(token)
        return await getattr(stub, f"{verb}{self.noun}")(ParseDict(fields, request))


# In the order in which they need each other.
KINDS = (
    Kind("projects", "Project", projects_pb2, "projects"),
    Kind("secrets", "Secret", secrets_pb2, "secrets", {"values": {"token": "hunter2-hunter2"}}),
    Kind(
        "connectors",
        "ServiceConnector",
        service_connectors_pb2,
        "serviceConnectors",
        {
            "type": "connectorTypes/aws",
            "auth_method": "access-key",
            "config": {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "region": "eu-central-1"},
            "secret_config": {"secret_access_key": "wJalrXUtnFEMI/K7MDENG"},
        },
    ),
    Kind(
        "stacks",
        "Component",
        components_pb2,
        "components",
        {"flavor": "flavors/s3-artifact-store", "config": {"bucket": "acme-ml"}},
    ),
    Kind(
        "stacks",
        "Stack",
        stacks_pb2,
        "stacks",
        {"components": {"artifact_store": "components/tried"}},
    ),
    Kind(
        "code_repositories",
        "CodeRepository",
        code_repositories_pb2,
        "codeRepositories",
        {"kind": "CODE_REPOSITORY_KIND_GIT", "url": "https://git.example.com/a/b.git"},
        DEMO,
    ),
    Kind(
        "alerters",
        "Alerter",
        alerters_pb2,
        "alerters",
        {
            "kind": "ALERTER_KIND_WEBHOOK",
            "types": ["run.failed"],
            "url": "https://hooks.example.com/a",
        },
        DEMO,
    ),
    Kind("saved_views", "SavedView", saved_views_pb2, "savedViews", {"collection": "runs"}, DEMO),
    Kind("webhooks", "Webhook", webhooks_pb2, "webhooks", {"kind": "WEBHOOK_KIND_GITHUB"}, DEMO),
    Kind(
        "schedules",
        "Schedule",
        schedules_pb2,
        "schedules",
        {"snapshot": f"{DEMO}/snapshots/SNAPSHOT", "interval": "3600s"},
        DEMO,
    ),
    Kind(
        "triggers",
        "Trigger",
        triggers_pb2,
        "triggers",
        {
            "snapshot": f"{DEMO}/snapshots/SNAPSHOT",
            "occurrence": {"run": {"states": ["RUN_STATE_SUCCEEDED"]}},
        },
        DEMO,
    ),
)


async def kinds(ws: Harness) -> list[Kind]:
    """Those that run a snapshot run one that is there."""
    snapshot = (await ws.create_snapshot()).name
    return [
        Kind(k.stub, k.noun, k.messages, k.collection, {**k.body, "snapshot": snapshot}, k.parent)
        if "snapshot" in k.body
        else k
        for k in KINDS
    ]


async def everything(ws: Harness) -> dict[str, list[str]]:
    """All that the database holds, but for who does which job."""

    def rows(session: Session) -> dict[str, list[str]]:
        tables = [t for t in metadata.sorted_tables if "lease" not in t.name]
        connection = session.connection()
        return {t.name: sorted(map(repr, connection.execute(sa.select(t)))) for t in tables}

    return await ws.workspace.database.read(rows)


async def test_whatever_can_be_declared_can_be_tried_first(ws: Harness) -> None:
    for kind in await kinds(ws):
        before = await everything(ws)
        request_id = str(uuid4())
        tried = await kind.create(ws, validate_only=True, request_id=request_id)
        assert tried.name == kind.name
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await kind.get(ws)
        assert await everything(ws) == before, kind.noun
        # The trial counts for nothing: the same id now makes it.
        made = await kind.create(ws, request_id=request_id)
        before = await everything(ws)
        changed = await kind.update(ws, validate_only=True, update_mask="description")
        assert (changed.name, changed.description) == (made.name, CHANGED)
        assert await everything(ws) == before, kind.noun
        assert (await kind.get(ws)).description == ""
        assert (await kind.update(ws)).description == CHANGED


async def test_a_trial_is_refused_for_what_the_request_would_be(ws: Harness) -> None:
    project, secret, _, _, stack, *_ = await kinds(ws)
    await project.create(ws)
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await project.create(ws, validate_only=True)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await secret.create(ws, ws.token(VIEWER), validate_only=True)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stack.create(ws, validate_only=True)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stack.update(ws, validate_only=True)
    stale = {"name": project.name, "description": CHANGED, "etag": "stale"}
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await project.update(ws, project=stale, validate_only=True)


async def test_a_trial_counts_in_no_quota_and_is_bound_by_it(ws: Harness) -> None:
    bound = {"name": DEMO, "max_automations": 1}
    request = ParseDict(
        {"project": bound, "update_mask": "maxAutomations"}, projects_pb2.UpdateProjectRequest()
    )
    await ws.projects().UpdateProject(request)
    schedule = next(kind for kind in await kinds(ws) if kind.noun == "Schedule")
    for _ in range(3):
        await schedule.create(ws, validate_only=True)
    await schedule.create(ws)
    async with refused("RESOURCE_EXHAUSTED", "QUOTA_REACHED"):
        await schedule.create(ws, schedule_id="second", validate_only=True)
