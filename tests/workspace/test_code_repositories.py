"""CodeRepositoryService: what is kept of code repositories, who may, and who needs them."""

from typing import Any
from uuid import uuid4

from tests.workspace.coding import (
    DEMO,
    GIT,
    GITHUB,
    GITLAB,
    MODELS,
    URL,
    change,
    creation,
    register,
    resolve,
)
from tests.workspace.harness import DEMO_EDITOR, VIEWER, Harness, refused, spec_step
from weftapi.workspace.v1 import code_repositories_pb2 as pb
from weftapi.workspace.v1 import (
    events_pb2,
    projects_pb2,
    schedule_types_pb2,
    schedules_pb2,
    secrets_pb2,
    snapshots_pb2,
    triggers_pb2,
)
from workspace.operations import snapshots as snapshot_operations

Get, List, Delete = (
    pb.GetCodeRepositoryRequest,
    pb.ListCodeRepositoriesRequest,
    pb.DeleteCodeRepositoryRequest,
)
SECRET = "secrets/code"


async def keep_secret(ws: Harness, id_: str = "code") -> None:
    secret = secrets_pb2.Secret(values={"token": "hunter2-hunter2"})
    await ws.secrets().CreateSecret(secrets_pb2.CreateSecretRequest(secret_id=id_, secret=secret))


async def made_of(ws: Harness, id_: str) -> str:
    """A snapshot of a commit of the code repository, as if it had been fetched."""
    code = {"uri": "file:///c", "sha256": "a" * 64, "size_bytes": "1", "entrypoint": "a:b"}
    new = snapshot_operations.NewSnapshot(
        project="demo",
        id=id_,
        pipeline="train",
        creator="users/1",
        graph=[("load", [])],
        spec={"steps": [{"id": "load", "entrypoint": "a:load"}]},
        code={**code, "code_repository": MODELS, "commit": "b" * 40},
        parameters_schema=None,
        environment=None,
        code_repository="models",
    )
    row = await ws.workspace.database.write(snapshot_operations.create, new)
    return str(row.name)


async def test_a_code_repository_from_its_first_day_to_its_last(ws: Harness) -> None:
    await keep_secret(ws)
    fields: dict[str, Any] = {
        "display_name": "Models",
        "description": "Of the risk team.",
        "labels": {"team": "risk"},
        "annotations": {"made-by": "terraform"},
        "secret_name": SECRET,
        "secret_key": "token",
        "username": "robot",
    }
    made = await register(ws, **fields)
    assert (made.name, made.kind, made.url, made.secret_name) == (MODELS, GIT, URL, SECRET)
    assert (dict(made.labels), dict(made.annotations)) == (fields["labels"], fields["annotations"])
    assert (made.username, made.secret_key) == ("robot", "token")
    assert await ws.code_repositories().GetCodeRepository(Get(name=MODELS)) == made
    other = await register(ws, "other", kind=GITHUB, url="https://github.com/a/b")
    listing = ws.code_repositories().ListCodeRepositories
    assert list((await listing(List(parent=DEMO))).code_repositories) == [made, other]
    found = await listing(List(parent=DEMO, filter="kind = GITHUB"))
    assert list(found.code_repositories) == [other]
    found = await listing(List(parent=DEMO, filter=f'url = "{URL}"', order_by="create_time desc"))
    assert list(found.code_repositories) == [made]
    changed = await change(ws, "display_name", display_name="Ours", description="kept out")
    assert (changed.display_name, changed.description) == ("Ours", "Of the risk team.")
    assert changed.etag != made.etag
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.code_repositories().DeleteCodeRepository(Delete(name=MODELS, etag=made.etag))
    await ws.code_repositories().DeleteCodeRepository(Delete(name=MODELS, etag=changed.etag))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.code_repositories().GetCodeRepository(Get(name=MODELS))
    feed = await ws.events().ListEvents(events_pb2.ListEventsRequest(parent=DEMO))
    kinds = [
        events_pb2.EventType.Name(event.type).removeprefix("EVENT_TYPE_")
        for event in feed.events
        if event.code_repository.name == MODELS
    ]
    assert kinds == ["CREATED", "UPDATED", "DELETED"]
    assert "hunter2" not in str(feed)


async def test_one_request_id_makes_one(ws: Harness) -> None:
    request = creation()
    request.request_id = str(uuid4())
    first = await ws.code_repositories().CreateCodeRepository(request)
    assert await ws.code_repositories().CreateCodeRepository(request) == first
    request.code_repository.display_name = "Another"
    async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
        await ws.code_repositories().CreateCodeRepository(request)
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await register(ws)
    stranger = creation()
    stranger.parent = "projects/none"
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.code_repositories().CreateCodeRepository(stranger)


_NONSENSE: tuple[dict[str, Any], ...] = (
    {"kind": 0},
    {"kind": 99},
    {"url": ""},
    {"url": "ssh://git@git.example/a"},
    {"url": "git@git.example:a/b.git"},
    {"url": "file:///etc"},
    {"url": "/srv/git"},
    {"url": "ext::sh -c id"},
    {"url": "https://ada:pw@git.example/a"},
    {"url": "https://git.example/a?x=1"},
    {"url": "https://git.example/a#x"},
    {"url": "https://git.example"},
    {"url": "https://git.example:99999/a"},
    {"url": "https://-oProxy=x/a"},
    {"url": "https://git.example/../a"},
    {"url": "https://git.example//a"},
    {"url": "https://git.example/a\nb"},
    {"url": "https://git.example/a b"},
    {"url": "https://git.example/" + "a" * 2048},
    {"url": "https://git.example/a/b", "api_url": "https://git.example/api"},
    {"kind": GITHUB, "url": "https://github.com/a"},
    {"kind": GITHUB, "url": "https://github.com/a/b/c"},
    {"kind": GITHUB, "url": "git://github.com/a/b"},
    {"kind": GITLAB, "url": "https://gitlab.com/a"},
    {"kind": GITLAB, "url": "https://gitlab.com/a/b", "api_url": "git://gitlab.com/a"},
    {"kind": GITLAB, "url": "https://gitlab.com/a/b", "api_url": "https://u@gitlab.com/a"},
    {"username": "a:b"},
    {"username": "a\nb"},
    {"display_name": "x" * 129},
    {"description": "x" * 4097},
    {"labels": {str(n): "" for n in range(65)}},
    {"secret_name": "projects/demo/secrets/a"},
    {"secret_key": "x" * 129},
)


async def test_what_makes_no_sense_is_refused(ws: Harness) -> None:
    for fields in _NONSENSE:
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await register(ws, **fields)
    for hostile in ("Models", "a/b", "../x", "a" * 64, "", "-", "a\n"):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await register(ws, hostile)
    await register(ws)
    for fields in _NONSENSE[2:20]:
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await change(ws, "url", url=fields["url"] if "api_url" not in fields else "")
    for path in ("nonsense", "uid", "kind"):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await change(ws, path, kind=GITHUB, uid=str(uuid4()))
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await change(ws, "description", description="x", etag="old")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await change(ws, "description", name=f"{MODELS}-2", description="x")
    for request, reason in (
        (List(parent=DEMO, filter="creator=me"), "INVALID_FILTER"),
        (List(parent=DEMO, order_by="url"), "INVALID_ORDER"),
        (List(parent=DEMO, page_size=-1), "INVALID_FIELDS"),
    ):
        async with refused("INVALID_ARGUMENT", reason):
            await ws.code_repositories().ListCodeRepositories(request)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.code_repositories().ListCodeRepositories(List(parent="projects/none"))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.code_repositories().ResolveRevision(pb.ResolveRevisionRequest(name=f"{MODELS}-2"))


async def test_who_may_not_read_a_secret_has_none_sent_anywhere(ws: Harness) -> None:
    """An editor of the project alone may not read the workspace's secrets."""
    await keep_secret(ws)
    editor = ws.token(DEMO_EDITOR)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await register(ws, "mine", token=editor, secret_name=SECRET)
    await register(ws, "mine", token=editor)
    await register(ws, secret_name=SECRET)
    for path, value in (
        ("url", "https://evil.example/a"),
        ("secret_key", "other"),
        ("username", "eve"),
    ):
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await change(ws, path, token=editor, **{path: value})
    limited = ws.token(scope="codeRepositories.create")
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await register(ws, "limited", token=limited, secret_name=SECRET)
    renamed = await change(ws, "display_name", token=editor, display_name="Ours")
    assert renamed.secret_name == SECRET
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await register(ws, "other", secret_name="secrets/none")
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await change(ws, "display_name", token=ws.token(VIEWER), display_name="x")
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.code_repositories(ws.token(VIEWER)).ResolveRevision(
            pb.ResolveRevisionRequest(name=MODELS)
        )


async def test_a_secret_that_one_uses_is_not_deleted(ws: Harness) -> None:
    await keep_secret(ws)
    await register(ws, secret_name=SECRET)
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.secrets().DeleteSecret(secrets_pb2.DeleteSecretRequest(name=SECRET))
    assert refusal.error
    assert refusal.error.metadata["dependents"] == MODELS
    await change(ws, "secret_name")
    await ws.secrets().DeleteSecret(secrets_pb2.DeleteSecretRequest(name=SECRET))


async def test_one_that_leads_into_our_network_leads_nowhere(ws: Harness) -> None:
    """Without networks that the operator opened, not even this machine is asked."""
    for url in (
        "https://127.0.0.1/a/b",
        "git://127.0.0.1/a",
        "https://localhost/a",
        "http://[::1]/a",
    ):
        await ws.code_repositories().CreateCodeRepository(creation(url=url))
        async with refused("UNAVAILABLE", "CODE_REPOSITORY_UNAVAILABLE") as refusal:
            await resolve(ws)
        assert refusal.error
        assert "cannot be asked" in refusal.error.message
        await ws.code_repositories().DeleteCodeRepository(Delete(name=MODELS))


async def test_one_that_is_about_to_be_run_is_not_deleted(ws: Harness) -> None:
    await register(ws)
    published, run_by_schedule = await made_of(ws, "published"), await made_of(ws, "nightly")
    await made_of(ws, "idle")
    followed = await made_of(ws, "followed")
    await ws.snapshots().PublishSnapshot(
        snapshots_pb2.PublishSnapshotRequest(name=published, template="train")
    )
    schedule = schedule_types_pb2.Schedule(snapshot=run_by_schedule)
    schedule.interval.FromSeconds(86_400)
    await ws.schedules().CreateSchedule(
        schedules_pb2.CreateScheduleRequest(parent=DEMO, schedule_id="night", schedule=schedule)
    )
    trigger = triggers_pb2.CreateTriggerRequest(parent=DEMO, trigger_id="follow")
    trigger.trigger.snapshot = followed
    trigger.trigger.occurrence.model.model = f"{DEMO}/models/fraud"
    await ws.triggers().CreateTrigger(trigger)
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.code_repositories().DeleteCodeRepository(Delete(name=MODELS))
    assert refusal.error
    users = refusal.error.metadata["dependents"].split(",")
    assert users == [published, f"{DEMO}/schedules/night", f"{DEMO}/triggers/follow"]
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE"):
        await ws.projects().DeleteProject(projects_pb2.DeleteProjectRequest(name=DEMO))
    await ws.snapshots().UnpublishSnapshot(snapshots_pb2.UnpublishSnapshotRequest(name=published))
    await ws.schedules().DeleteSchedule(
        schedules_pb2.DeleteScheduleRequest(name=f"{DEMO}/schedules/night")
    )
    follow = f"{DEMO}/triggers/follow"
    await ws.triggers().DeleteTrigger(triggers_pb2.DeleteTriggerRequest(name=follow))
    await ws.code_repositories().DeleteCodeRepository(Delete(name=MODELS))
    # What was made of it stays as it is, and runs.
    left = await ws.snapshots().GetSnapshot(snapshots_pb2.GetSnapshotRequest(name=published))
    assert left.code.code_repository == MODELS
    assert spec_step("load").id == left.spec.steps[0].id
