"""The story of a team: from a stack in the cloud to a model that serves, each by their own rights.

The example pipeline runs on a stack whose artifact store is S3, with credentials that a connector
issues to it alone and a secret that an external store keeps; a schedule starts it, and what it
trains goes to production when a second person approves.
"""

import asyncio
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store

from tests.clouds.fake_secret_stores import FakeVault, vault
from tests.system.mesh import Mesh
from tests.system.people import Person, make_token
from tests.system.project import PATIENCE_S, Project
from tests.workspace.aws_cloud import REGION, ROLE, AwsCloud, aws_cloud

EXAMPLE = Path(__file__).parents[2] / "examples/breast_cancer.py"
PASSWORD = "the registry opens with this"
NIGHTLY = """
import weft
from breast_cancer import evaluate, load, select, split, train, validate
from weft import pipeline, step


@step(secrets=["registry"], cache=False)
def sign_in() -> int:
    password = weft.secret("registry.password")
    print(f"signing in with {password}")
    return len(password)


@pipeline(model="tumours")
def nightly(test_share: float = 0.25) -> None:
    sign_in()
    kinds = ["logistic"]
    data = split(validate(load()), test_share)
    models = train.map(kinds, data=data.train)
    scores = evaluate.map(kinds, models, test=data.test)
    select(kinds, models, scores, data.test)
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsCloud]:
    with aws_cloud() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def kept_elsewhere() -> Iterator[FakeVault]:
    with _served_vault() as fake:
        yield fake


@contextmanager
def _served_vault() -> Iterator[FakeVault]:
    """The fake, in a loop of its own: this story waits for processes, not for tasks."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    served: list[FakeVault] = []
    done = asyncio.Event()

    async def serve() -> None:
        async with vault() as fake:
            served.append(fake)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(PATIENCE_S)
    yield served[0]
    loop.call_soon_threadsafe(done.set)
    thread.join()
    loop.close()


def shown(cli: Callable[..., str], *arguments: str) -> Any:
    return json.loads(cli(*arguments, "-o", "json"))


def until(look: Callable[[], Any]) -> Any:
    """What a look finds at last."""
    deadline = time.monotonic() + 60 + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline
        # Other processes work: there is nothing here to wait on.
        time.sleep(0.5)
    return found


def make_stack(project: Project, aws: AwsCloud, id_: str, key_file: Path) -> None:
    """A stack of one bucket, and a connector of AWS whose own keys never leave the server."""
    key_file.write_text(aws.keys.secret_access_key)
    place = ("--set", f"region={REGION}", "--set", f"endpoint_url={aws.url}")
    project.cli(
        *("connectors", "create", id_, "--type", "aws", "--auth", "assume-role", *place),
        *("--set", f"access_key_id={aws.keys.access_key_id}", "--set", f"role_arn={ROLE}"),
        *("--secret-file", f"secret_access_key={key_file}"),
    )
    project.cli(
        *("components", "create", id_, "--flavor", "s3-artifact-store", "--connector", id_),
        *("--set", "bucket=models", "--set", f"prefix={id_}", *place),
    )
    project.cli("stacks", "create", id_, "-c", id_)
    project.cli("stacks", "validate", id_)


@contextmanager
def secrets_in(project: Project, fake: FakeVault, file: Path) -> Iterator[None]:
    """The workspace keeps the values of its secrets in the vault until the block ends."""
    role, secret_id = fake.role
    file.write_text(
        f"vault: {{address: '{fake.url}', mount: secret, role_id: {role}, secret_id: {secret_id}}}"
    )
    project.cli("secrets", "store", "migrate", str(file))
    try:
        yield
    finally:
        project.cli("secrets", "store", "migrate", "database")
        show = ("secrets", "store", "show")
        until(lambda: shown(project.cli, *show)["migration"]["state"] == "STATE_SUCCEEDED")


def commands_of(mesh: Mesh, project: Project, name: str, *roles: str) -> Callable[..., str]:
    """The CLI in the hands of a new user with these roles on the workspace."""
    person = Person(mesh, name)
    for role in roles:
        person.grant(role)
    token = make_token(person.sign_in(project.id)).secret
    until(lambda: "error" not in project.cli("runs", "list", code=None, WEFT_TOKEN=token))
    return lambda *arguments, **more: project.cli(*arguments, WEFT_TOKEN=token, **more)


def keys_under(aws: AwsCloud, prefix: str) -> list[str]:
    """What lies in the bucket, by the keys of its owner."""
    config = {
        "endpoint": aws.url,
        "region": REGION,
        "access_key_id": aws.keys.access_key_id,
        "secret_access_key": aws.keys.secret_access_key,
    }
    store = S3Store("models", config=config, client_options={"allow_http": True})
    return [meta["path"] for page in obstore.list(store, f"{prefix}/") for meta in page]


@pytest.mark.timeout(400)
def test_a_team_takes_a_scheduled_model_from_the_cloud_to_production(
    mesh: Mesh, project: Project, aws: AwsCloud, kept_elsewhere: FakeVault, tmp_path: Path
) -> None:
    stack = project.id[-20:].strip("-")
    make_stack(project, aws, stack, tmp_path / "key")
    code = tmp_path / "code"
    code.mkdir()
    shutil.copy(EXAMPLE, code)
    (code / "nightly.py").write_text(NIGHTLY)
    ada = commands_of(mesh, project, "ada", "editor")
    grace = commands_of(mesh, project, "grace", "admin")
    with secrets_in(project, kept_elsewhere, tmp_path / "vault.yaml"):
        project.cli("secrets", "create", "registry", "--value", f"password={PASSWORD}")
        try:
            run = scheduled_run(project, ada, code / "nightly.py", stack)
            assert PASSWORD in kept_elsewhere.texts()
            ended = project.watch_to_end(run)
        finally:
            project.cli("secrets", "delete", "registry", "--yes")
    ran_as_told(project, ada, ended, stack)
    own = f"{stack}/{project.id}/{run.rpartition('/')[2]}/"
    found = keys_under(aws, stack)
    assert {"load", "split", "select"} <= {key[len(own) :].partition("/")[0] for key in found}
    assert all(key.startswith(own) for key in found)
    goes_to_production(ada, grace)


def scheduled_run(project: Project, ada: Callable[..., str], file: Path, stack: str) -> str:
    """Ada has it run by itself, and it does: the run's name."""
    plan = ("--cron", "* * * * *", "--max-runs", "1", "--stack", stack)
    ada("schedules", "create", "nightly", str(file), *plan)
    show = ("schedules", "show", "nightly")
    run: str = until(lambda: shown(ada, *show).get("lastRun"))
    return run


def ran_as_told(project: Project, ada: Callable[..., str], run: Any, stack: str) -> None:
    """By the schedule, on the stack; with the secret, of which nothing is to be seen."""
    told = shown(ada, "runs", "show", run.name)
    assert told["state"] == "RUN_STATE_SUCCEEDED", told.get("failure")
    assert (told["trigger"], told["stack"]) == ("RUN_TRIGGER_SCHEDULE", f"stacks/{stack}")
    assert told["startedBy"] == f"{project.name}/schedules/nightly"
    log = ada("logs", run.name)
    assert "signing in with ***" in log
    assert PASSWORD not in log


def goes_to_production(ada: Callable[..., str], grace: Callable[..., str]) -> None:
    """Who asks does not approve."""
    grace("models", "update", "tumours", "--approval", "production")
    refused = ada("models", "promote", "tumours@1", code=6)
    assert "by an approved request" in refused, refused
    request = ada("models", "promote", "tumours@1", "--ask", "-m", "it is good").strip()
    ada("models", "requests", "approve", request, code=4)
    before = shown(ada, "models", "show", "tumours@1")
    assert before.get("stage") != "MODEL_STAGE_PRODUCTION"
    grace("models", "requests", "approve", request, "-m", "it is")
    version = shown(ada, "models", "show", "tumours@1")
    assert version["stage"] == "MODEL_STAGE_PRODUCTION"
    (move,) = shown(ada, "models", "history", "tumours")
    assert move["comment"]
