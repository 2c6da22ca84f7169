"""Roles and tokens, as they act at the workspace: granted, refused, and revoked."""

import subprocess
import time
from collections.abc import Callable

import grpc
import pytest

from tests.system.mesh import Mesh
from tests.system.people import Person, make_token, revoke_token
from tests.system.project import Project
from weft.errors import NotPermittedError, NotSignedInError
from weftapi.workspace.v1 import events_pb2, runs_pb2


def test_a_viewer_reads_and_is_refused_writes(mesh: Mesh, project: Project) -> None:
    person = Person(mesh, "viewer")
    person.grant("viewer", project.id)
    seen = person.sign_in(project.id)
    run = project.create_run().name
    until_known(seen)

    assert seen.run(run).name == run
    assert [event.name for event in seen.list_events() if event.run.name] == [run]
    with pytest.raises(NotPermittedError):
        seen.create_run()
    with pytest.raises(NotPermittedError):
        seen.call(seen.runs.StopRun, runs_pb2.StopRunRequest(name=run))
    assert http_status(mesh, seen, "GET", run) == 200
    assert http_status(mesh, seen, "POST", f"{run}:stop") == 403
    assert http_status(mesh, seen, "POST", f"{project.name}/runs") == 403
    seen.close()


def test_an_editor_of_one_project_sees_no_other(mesh: Mesh, project: Project) -> None:
    other = mesh.project("somebody-elses")
    hidden = other.create_run().name
    person = Person(mesh, "editor")
    person.grant("editor", project.id)
    own = person.sign_in(project.id)
    until_known(own)

    created = own.create_run().name
    assert own.run(created).creator == person.user
    refusals = []
    for name in (hidden, f"{other.name}/runs/there-is-none"):
        with pytest.raises(NotPermittedError) as refused:
            own.run(name)
        refusals.append((str(refused.value).replace(name, "X"), refused.value.reason))
    # Whether it exists is not told.
    assert refusals[0] == refusals[1]
    everywhere = runs_pb2.ListRunsRequest(parent="projects/-", page_size=500)
    listed = own.call(own.runs.ListRuns, everywhere).runs
    assert {run.name for run in listed} == {created}
    assert http_status(mesh, own, "GET", hidden) == 403
    own.close()


def test_a_revoked_token_is_dead_at_the_workspace_though_it_has_not_expired(
    mesh: Mesh, project: Project
) -> None:
    person = Person(mesh, "script")
    person.grant("viewer", project.id)
    signed_in = person.sign_in(project.id)
    until_known(signed_in)
    made = make_token(signed_in)
    script = person.with_token(project.id, made.secret)
    assert script.list_events()
    held = script.endpoint._metadata(is_fresh=False)
    watch = script.events.WatchEvents(
        events_pb2.WatchEventsRequest(parent=project.name), metadata=held
    )
    assert next(watch).HasField("bookmark")

    revoke_token(signed_in, made.personal_access_token.name)
    # The open stream learns it first: the revocation is pushed, nobody asks.
    with pytest.raises(grpc.RpcError) as cut:
        list(watch)
    assert cut.value.code() is grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(grpc.RpcError) as refused:
        script.events.GetFeedInfo(events_pb2.GetFeedInfoRequest(), metadata=held)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(NotSignedInError):
        script.list_events()
    assert signed_in.list_events()
    script.close()
    signed_in.close()


def until_known(person: Project) -> None:
    """Waits until the workspace has heard of a grant that was just made."""
    wait_until(lambda: is_permitted(person))


def is_permitted(person: Project) -> bool:
    try:
        person.list_events()
    except NotPermittedError:
        return False
    return True


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(400):
        if holds():
            return
        # The workspace tells nobody when a policy has come.
        time.sleep(0.05)
    raise AssertionError("it never came to hold")


def http_status(mesh: Mesh, person: Project, method: str, path: str) -> int:
    """The status that curl gets through the gateway with the person's token."""
    (_, authorization) = next(
        pair for pair in person.endpoint._metadata(is_fresh=False) if pair[0] == "authorization"
    )
    arguments = ["--cacert", str(mesh.ca_file), "-H", f"Authorization: {authorization}"]
    body = ["-H", "Content-Type: application/json", "-d", "{}"] if method == "POST" else []
    url = f"{mesh.gateway}/api/workspace/v1/{path}"
    done = subprocess.run(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *arguments, *body, url],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return int(done.stdout)
