"""Secrets that are for the runs of projects: who says so, and of which."""

from google.protobuf.field_mask_pb2 import FieldMask

from tests.workspace.harness import Harness, policy, refused
from tests.workspace.secret_clients import PRIVATE, Update, create
from weftapi.workspace.v1 import secrets_pb2

DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")
ABSENT = ("NOT_FOUND", "RESOURCE_NOT_FOUND")


async def test_who_may_not_read_a_secret_gives_it_to_no_runs(ws: Harness) -> None:
    made = await create(ws, "named")
    pushed = policy(revision=2)
    pushed.roles.add(role="writer", permissions=["secrets.update"])
    pushed.grants.add(subject="users/writer", role="writer")
    ws.apply_policy(pushed)
    writer = ws.secrets(ws.token("users/writer"))
    theirs = Update(secret=secrets_pb2.Secret(name=made.name, projects=["projects/demo"]))
    async with refused(*DENIED):
        await writer.UpdateSecret(theirs)
    theirs.update_mask.paths.append("projects")
    async with refused(*DENIED):
        await writer.UpdateSecret(theirs)
    # The rest is theirs to say, and to take it from runs as well.
    await writer.UpdateSecret(Update(secret=secrets_pb2.Secret(name=made.name, description="d")))
    none = Update(
        secret=secrets_pb2.Secret(name=made.name), update_mask=FieldMask(paths=["projects"])
    )
    assert not (await writer.UpdateSecret(none)).projects


async def test_a_secret_is_for_runs_of_projects_that_exist_and_shared(ws: Harness) -> None:
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await create(ws, "mine", scope=PRIVATE, projects=["projects/demo"])
    async with refused(*ABSENT):
        await create(ws, "ours", projects=["projects/none"])
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await create(ws, "ours", projects=["secrets/demo"])
    mine = await create(ws, "mine", scope=PRIVATE)
    update = Update(secret=secrets_pb2.Secret(name=mine.name, projects=["projects/demo"]))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.secrets().UpdateSecret(update)
