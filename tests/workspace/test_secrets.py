"""SecretService, with values in the workspace's own database."""

from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from google.protobuf.field_mask_pb2 import FieldMask

from tests.cases import on_one_server
from tests.workspace.harness import DEMO_EDITOR, EDITOR, VIEWER, Harness, refused, spec_step
from tests.workspace.secret_clients import (
    PRIVATE,
    Access,
    Create,
    Delete,
    Get,
    List,
    Update,
    create,
    values,
)
from tests.workspace.stacks import new_component, new_stack, new_store
from weftapi.workspace.v1 import events_pb2, secrets_pb2

DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")
ABSENT = ("NOT_FOUND", "RESOURCE_NOT_FOUND")
INVALID = ("INVALID_ARGUMENT", "INVALID_FIELDS")


async def test_values_go_in_and_only_access_gives_them_back(ws: Harness) -> None:
    made = await create(ws, "hf", {"token": "hunter2", "user": "anna"}, labels={"team": "a"})
    assert made.name == "secrets/hf"
    assert list(made.keys) == ["token", "user"]
    assert not made.values
    assert made.scope == secrets_pb2.SECRET_SCOPE_SHARED
    assert made.revision > 0
    assert await ws.secrets().GetSecret(Get(name=made.name)) == made
    assert await values(ws) == {"token": "hunter2", "user": "anna"}


async def test_a_taken_id_is_refused(ws: Harness) -> None:
    await create(ws)
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await create(ws)
    assert await values(ws) == {"token": "hunter2"}


async def test_a_repeated_request_takes_effect_once(ws: Harness) -> None:
    request_id = str(uuid4())
    made = await create(ws, request_id=request_id)
    assert await create(ws, request_id=request_id) == made
    async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
        await create(ws, values={"token": "other"}, request_id=request_id)
    update = Update(
        secret=secrets_pb2.Secret(name=made.name, values={"token": "two"}),
        request_id=str(uuid4()),
    )
    changed = await ws.secrets().UpdateSecret(update)
    assert await ws.secrets().UpdateSecret(update) == changed
    assert await values(ws) == {"token": "two"}


async def test_an_update_sets_and_removes_single_values(ws: Harness) -> None:
    made = await create(ws, "hf", {"a": "1", "b": "2"})
    changed = await ws.secrets().UpdateSecret(
        Update(
            secret=secrets_pb2.Secret(name=made.name, values={"c": "3"}, description="keys"),
            remove_keys=["a", "never-there"],
        )
    )
    assert list(changed.keys) == ["b", "c"]
    assert changed.description == "keys"
    assert changed.etag != made.etag
    assert await values(ws) == {"b": "2", "c": "3"}


async def test_an_update_changes_what_its_mask_names(ws: Harness) -> None:
    made = await create(ws)
    secret = secrets_pb2.Secret(name=made.name, display_name="HF", values={"token": "other"})
    mask = FieldMask(paths=["display_name"])
    changed = await ws.secrets().UpdateSecret(Update(secret=secret, update_mask=mask))
    assert changed.display_name == "HF"
    assert await values(ws) == {"token": "hunter2"}
    secret.etag = made.etag
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.secrets().UpdateSecret(Update(secret=secret))
    assert await values(ws) == {"token": "hunter2"}
    for path in ("uid", "scope", "keys", "nothing"):
        async with refused(*INVALID):
            await ws.secrets().UpdateSecret(
                Update(secret=secret, update_mask=FieldMask(paths=[path]))
            )


async def test_removing_keys_alone_needs_no_mask(ws: Harness) -> None:
    made = await create(ws, "hf", {"a": "1", "b": "2"})
    request = Update(secret=secrets_pb2.Secret(name=made.name), remove_keys=["a"])
    await ws.secrets().UpdateSecret(request)
    assert await values(ws) == {"b": "2"}
    request = Update(secret=secrets_pb2.Secret(name=made.name), remove_keys=["b"])
    async with refused(*INVALID):  # nothing would be left
        await ws.secrets().UpdateSecret(request)


@on_one_server(
    "bad",
    [
        {},
        {"a.b": "dots separate"},
        {"": "empty"},
        {"a" * 129: "long"},
        {"k": "x" * 24_001},
        {"k": "\0" * 5_000},
        {f"k{n}": "x" for n in range(65)},
        {"../../x": "1"},
    ],
)
async def test_values_that_no_store_could_hold_are_refused(ws: Harness, bad) -> None:
    async with refused(*INVALID):
        await create(ws, values=bad)


@on_one_server("name", ["secrets/Upper", "secrets/../x", "secrets/a/b", "secrets/"])
async def test_hostile_names_are_refused(ws: Harness, name: str) -> None:
    async with refused(*INVALID):
        await ws.secrets().GetSecret(Get(name=name))


async def test_a_deleted_secret_is_gone_and_its_id_free(ws: Harness) -> None:
    made = await create(ws)
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.secrets().DeleteSecret(Delete(name=made.name, etag="other"))
    await ws.secrets().DeleteSecret(Delete(name=made.name, etag=made.etag))
    for call in (
        ws.secrets().GetSecret(Get(name=made.name)),
        ws.secrets().AccessSecret(Access(name=made.name)),
        ws.secrets().DeleteSecret(Delete(name=made.name)),
        ws.secrets().UpdateSecret(Update(secret=made)),
    ):
        async with refused(*ABSENT):
            await call
    again = await create(ws, "hf", {"token": "new"})
    assert again.uid != made.uid
    assert await values(ws) == {"token": "new"}


async def test_a_list_is_paged_ordered_and_filtered(ws: Harness) -> None:
    for name in ("c", "a", "b"):
        await create(ws, name)
    await create(ws, "d", token=ws.token(EDITOR))
    first = await ws.secrets().ListSecrets(List(page_size=3))
    second = await ws.secrets().ListSecrets(List(page_size=3, page_token=first.next_page_token))
    listed = [secret.name for page in (first, second) for secret in page.secrets]
    assert listed == [f"secrets/{name}" for name in "abcd"]
    assert not any(secret.values for secret in first.secrets)
    newest = await ws.secrets().ListSecrets(List(order_by="create_time desc", page_size=1))
    assert [secret.name for secret in newest.secrets] == ["secrets/d"]
    own = await ws.secrets().ListSecrets(List(filter=f'creator = "{EDITOR}"'))
    assert [secret.name for secret in own.secrets] == ["secrets/d"]
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await ws.secrets().ListSecrets(List(filter='values = "hunter2"'))


async def test_a_private_secret_exists_for_its_creator_alone(ws: Harness) -> None:
    mine = ws.token(EDITOR)
    made = await create(ws, "mine", token=mine, scope=PRIVATE)
    assert made.revision == 0
    assert await values(ws, "mine", mine) == {"token": "hunter2"}
    assert len((await ws.secrets(mine).ListSecrets(List())).secrets) == 1
    # Not even for an administrator.
    assert not (await ws.secrets().ListSecrets(List())).secrets
    for call in (
        ws.secrets().GetSecret(Get(name=made.name)),
        ws.secrets().AccessSecret(Access(name=made.name)),
        ws.secrets().DeleteSecret(Delete(name=made.name)),
        ws.secrets().UpdateSecret(Update(secret=made)),
        ws.secrets().UpdateSecret(
            Update(secret=secrets_pb2.Secret(name=made.name, values={"token": "x"}))
        ),
    ):
        async with refused(*ABSENT):
            await call
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await create(ws, "mine")


async def test_reading_values_has_a_permission_of_its_own(ws: Harness) -> None:
    made = await create(ws)
    viewer = ws.secrets(ws.token(VIEWER))
    assert (await viewer.GetSecret(Get(name=made.name))).keys
    for call in (
        viewer.AccessSecret(Access(name=made.name)),
        viewer.BatchAccessSecrets(secrets_pb2.BatchAccessSecretsRequest(names=[made.name])),
        viewer.CreateSecret(Create(secret_id="x", secret=secrets_pb2.Secret(values={"a": "b"}))),
        viewer.UpdateSecret(Update(secret=made)),
        viewer.DeleteSecret(Delete(name=made.name)),
        # Secrets belong to the workspace: a project's editor holds nothing on them.
        ws.secrets(ws.token(DEMO_EDITOR)).GetSecret(Get(name=made.name)),
        ws.secrets(ws.token(DEMO_EDITOR)).ListSecrets(List()),
    ):
        async with refused(*DENIED):
            await call


async def test_several_are_read_at_once_or_none(ws: Harness) -> None:
    await create(ws, "a", {"k": "1"})
    await create(ws, "b", {"k": "2"})
    names = ["secrets/b", "secrets/a"]
    batch = secrets_pb2.BatchAccessSecretsRequest(names=names)
    found = (await ws.secrets().BatchAccessSecrets(batch)).secrets
    assert [(s.name, s.values["k"]) for s in found] == [("secrets/b", "2"), ("secrets/a", "1")]
    batch.names.append("secrets/absent")
    async with refused(*ABSENT):
        await ws.secrets().BatchAccessSecrets(batch)


async def test_every_read_of_values_is_audited(ws: Harness) -> None:
    made = await create(ws)
    await values(ws)
    table = ws.workspace.database.tables.audit_events
    query = sa.select(table.c.action, table.c.resource).order_by(table.c.sequence)
    rows = await ws.workspace.database.read(
        lambda session: session.connection().execute(query).all()
    )
    told = [(action.rpartition(".")[2], resource) for action, resource in rows]
    assert told[-2:] == [("CreateSecret", made.name), ("AccessSecret", made.name)]


async def test_no_value_stands_in_the_database_or_a_file(ws: Harness, tmp_path: Path) -> None:
    """Nor in events, audit rows and stored replies, which are in that database."""
    canary = f"canary-{uuid4().hex}"
    made = await create(ws, values={"token": canary}, request_id=str(uuid4()))
    await ws.secrets().UpdateSecret(
        Update(
            secret=secrets_pb2.Secret(name=made.name, values={"b": canary}),
            request_id=str(uuid4()),
        )
    )
    assert await values(ws) == {"token": canary, "b": canary}
    for table in ws.workspace.database.tables.audit_events.metadata.sorted_tables:
        rows = await ws.workspace.database.read(
            lambda session, table=table: session.connection().execute(sa.select(table)).all()
        )
        assert canary not in str(rows), table.name
    assert _files_with(tmp_path, canary) == []


def _files_with(directory: Path, text: str) -> list[Path]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return [path for path in files if text.encode() in path.read_bytes()]


async def test_shared_secrets_are_in_the_feed_and_private_ones_are_not(ws: Harness) -> None:
    await create(ws, "mine", scope=PRIVATE)
    await create(ws, "ours")
    listed = await ws.events().ListEvents(
        events_pb2.ListEventsRequest(parent="projects/-", resource_types=["weft.dev/Secret"])
    )
    (event,) = listed.events
    assert (event.name, event.project) == ("secrets/ours", "")
    assert event.secret.name == "secrets/ours"
    assert list(event.secret.keys) == ["token"]


async def _run_naming(ws: Harness, *secrets: str, creator: str = "", **step: object) -> str:
    """The token of a run whose snapshot names secrets."""
    spec = spec_step("fit")
    spec.secrets.extend(secrets)
    spec.MergeFrom(type(spec)(**step))
    snapshot = (await ws.create_snapshot(spec)).name
    run = await ws.create_run(snapshot=snapshot, token=ws.token(creator) if creator else None)
    return await ws.run_token(run.name)


async def test_a_run_reads_what_its_snapshot_names_and_nothing_else(ws: Harness) -> None:
    await create(ws, "named")
    await create(ws, "referred")
    await create(ws, "other")
    token = await _run_naming(ws, "named", environment={"KEY": "x {{secrets.referred.token}}"})
    assert await values(ws, "named", token) == {"token": "hunter2"}
    assert await values(ws, "referred", token) == {"token": "hunter2"}
    for other in ("other", "absent"):
        async with refused(*DENIED):
            await values(ws, other, token)
    # What names several is for people.
    batch = secrets_pb2.BatchAccessSecretsRequest(names=["secrets/named"])
    async with refused("PERMISSION_DENIED", "CALLER_NOT_ALLOWED"):
        await ws.secrets(token).BatchAccessSecrets(batch)


async def test_a_run_reads_nothing_that_its_creator_could_not(ws: Harness) -> None:
    await create(ws, "named")
    await create(ws, "mine", scope=PRIVATE)
    await create(ws, "theirs", scope=PRIVATE, token=ws.token(EDITOR))
    own = await _run_naming(ws, "named", "mine", "theirs")
    assert await values(ws, "mine", own) == {"token": "hunter2"}
    async with refused(*ABSENT):
        await values(ws, "theirs", own)
    # An editor of the project may start runs, and read no secrets: no more may their runs.
    theirs = await _run_naming(ws, "named", creator=DEMO_EDITOR)
    async with refused(*DENIED):
        await values(ws, "named", theirs)


async def test_a_secret_may_be_for_the_runs_of_a_project(ws: Harness) -> None:
    made = await create(ws, "named", projects=["projects/demo"])
    assert list(made.projects) == ["projects/demo"]
    theirs = await _run_naming(ws, "named", creator=DEMO_EDITOR)
    assert await values(ws, "named", theirs) == {"token": "hunter2"}
    # Their runs read it, they do not; and a run of somebody who may not even there reads nothing.
    async with refused(*DENIED):
        await values(ws, "named", ws.token(DEMO_EDITOR))
    unnamed = await _run_naming(ws, creator=DEMO_EDITOR)
    async with refused(*DENIED):
        await values(ws, "named", unnamed)
    # Whose runs may read it is said anew; the mask leaves the rest alone.
    secret = secrets_pb2.Secret(name=made.name)
    changed = await ws.secrets().UpdateSecret(
        Update(secret=secret, update_mask=FieldMask(paths=["projects"]))
    )
    assert (list(changed.projects), list(changed.keys)) == ([], ["token"])
    async with refused(*DENIED):
        await values(ws, "named", theirs)


async def test_values_of_old_generations_are_deleted(ws: Harness) -> None:
    made = await create(ws)
    await ws.secrets().UpdateSecret(
        Update(secret=secrets_pb2.Secret(name=made.name, values={"token": "2"}))
    )
    ws.clock.move(minutes=2)
    await _run_upkeep(ws)
    assert await _count_values(ws) == 1
    await ws.secrets().DeleteSecret(Delete(name=made.name))
    await _run_upkeep(ws)
    assert await _count_values(ws) == 0


async def test_what_was_never_committed_is_deleted(ws: Harness) -> None:
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await create(ws)
        await create(ws)
    assert await _count_values(ws) == 2
    await _run_upkeep(ws)
    assert await _count_values(ws) == 2
    ws.clock.move(minutes=11)
    await _run_upkeep(ws)
    assert await _count_values(ws) == 1
    assert await values(ws) == {"token": "hunter2"}


async def _run_upkeep(ws: Harness) -> None:
    await ws.jobs["secrets"].run(None)  # type: ignore[arg-type] - it asks for no lease


async def _count_values(ws: Harness) -> int:
    query = sa.text("SELECT count(*) FROM secret_values")
    return await ws.workspace.database.read(
        lambda session: session.connection().execute(query).scalar_one()
    )


async def test_what_a_component_refers_to_is_in_use_and_read_by_runs_on_its_stack(
    ws: Harness,
) -> None:
    await create(ws, "mlflow")
    await create(ws, "mlflow-other")
    config = {"uri": "https://mlflow.example", "token": "{{secrets.mlflow.token}}"}
    tracker = await new_component(ws, "tracker", "external-experiment-tracker", config)
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.secrets().DeleteSecret(Delete(name="secrets/mlflow"))
    assert refusal.error
    assert refusal.error.metadata["dependents"] == tracker.name
    stack = await new_stack(ws, "prod", await new_store(ws), tracker.name)
    token = await ws.run_token((await ws.create_run(stack=stack.name)).name)
    assert await values(ws, "mlflow", token) == {"token": "hunter2"}
    async with refused(*DENIED):
        await values(ws, "mlflow-other", token)
    await ws.secrets().DeleteSecret(Delete(name="secrets/mlflow-other"))
