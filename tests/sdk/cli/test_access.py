"""`weft roles`, `teams`, `grants` and `whoami --why`, as an administrator types them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.sdk.cli.conftest import Weft
from weft._connection import Connection
from weft.cli._access import People, end_of, resource_name, subject_name
from weft.cli._exit import CommandError
from weftapi.controlplane.v1 import users_pb2, users_pb2_grpc

ADA = "ada.access@example.com"


@pytest.fixture(scope="module")
def ada(connection: Connection) -> str:
    """A member without a role; her name."""
    endpoint = connection.control_plane
    request = users_pb2.CreateUserRequest(
        organization=connection.context.organization, user=users_pb2.User(email=ADA)
    )
    stub = endpoint.stub(users_pb2_grpc.UserServiceStub)
    return endpoint.call(stub.CreateUser, request).user.name


def document(weft: Weft, *arguments: str) -> Any:
    """What a command prints as JSON."""
    done = weft(*arguments, "-o", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_a_team_with_a_role_of_its_own(weft: Weft, ada: str) -> None:
    """From nothing to why, and back to nothing."""
    role = document(weft, "roles", "create", "stopper", "-p", "runs.stop", "--like", "viewer")
    assert "runs.stop" in role["permissions"]
    assert "runs.get" in role["permissions"]
    assert weft("teams", "create", "ml", "--name", "Machine learning").code == 0
    added = weft("teams", "add", "ml", ADA.upper())
    assert added.code == 0, added.err
    shown = weft("teams", "members", "ml")
    assert ADA in shown.out
    grant = document(
        weft, "grants", "create", "--subject", "team:ml", "--role", "stopper",
        "--on", "projects/demo", "--expires", "7d",
    )  # fmt: skip
    assert grant["resource"].endswith("/projects/demo")
    listed = weft("grants", "list", "--subject", "team:ml")
    assert "team:ml" in listed.out
    assert "projects/demo" in listed.out

    reason = weft("grants", "why", "runs.stop", "projects/demo/runs/r", "--subject", ADA)
    assert reason.code == 0, reason.err
    assert grant["uid"] in reason.out
    assert " ml " in reason.out
    assert weft("grants", "why", "runs.stop", ".", "--subject", ADA).code == 4

    assert weft("roles", "delete", "stopper").code == 6
    assert weft("roles", "update", "stopper", "--remove", "runs.stop", "--name", "Looker").code == 0
    assert weft("grants", "why", "runs.stop", "projects/demo", "--subject", ADA).code == 4
    assert weft("teams", "remove", "ml", ADA).code == 0
    assert weft("grants", "why", "runs.get", "projects/demo", "--subject", ADA).code == 4
    assert weft("grants", "delete", grant["uid"]).code == 0
    assert weft("grants", "delete", grant["name"]).code == 5
    assert weft("roles", "delete", "stopper").code == 0
    assert weft("teams", "delete", "ml", stdin="n\n").code != 0
    assert weft("teams", "delete", "ml", "--yes").code == 0
    assert weft("teams", "show", "ml").code == 5


def test_whoami_says_why(weft: Weft) -> None:
    told = weft("whoami", "--why", "runs.stop", "projects/default")
    assert told.code == 0, told.err
    assert "admin" in told.out
    answer = document(weft, "whoami", "--why", "runs.stop", ".")
    assert [each["permission"] for each in answer["permissions"]] == ["runs.stop"]
    assert weft("whoami", "--why", "runs.stop", ".", "-o", "name").out.startswith("organizations/")
    nothing = weft("whoami", "--why", "runs.fly", ".")
    assert nothing.code == 4
    assert "you do not have runs.fly" in nothing.err


def test_grants_are_listed_made_and_refused(weft: Weft, ada: str) -> None:
    assert weft("grants", "list").out.count("admin") >= 1
    made = document(weft, "grants", "create", "--subject", ADA, "--role", "viewer")
    assert made["subject"] == ada
    again = weft("grants", "create", "--subject", ada, "--role", "viewer", "--on", ".")
    assert again.code == 6
    found = document(weft, "grants", "list", "--subject", ADA, "--role", "viewer", "--on", ".")
    assert [grant["name"] for grant in found] == [made["name"]]
    assert weft("grants", "list", "--subject", ADA, "-o", "name").out.strip() == made["name"]
    assert weft("grants", "delete", made["uid"]).code == 0
    for arguments, code, words in (
        (("--subject", "bob", "--role", "viewer"), 2, "'bob' is nobody"),
        (("--subject", "no@example.com", "--role", "viewer"), 5, "no@example.com"),
        (("--subject", "team:none", "--role", "viewer"), 5, "teams/none"),
        (("--subject", "sa:none", "--role", "viewer"), 5, "serviceAccounts/none"),
        (("--subject", ADA, "--role", "none"), 5, "roles/none"),
        (("--subject", ADA, "--role", "viewer", "--on", "here"), 2, "'here' is no place"),
        (("--subject", ADA, "--role", "viewer", "--expires", "soon"), 2, "'soon' is no time"),
        (("--subject", ADA, "--role", "viewer", "--expires", "2001-01-01"), 2, "future"),
    ):
        done = weft("grants", "create", *arguments)
        assert (done.code, words in done.err) == (code, True), done.err


def test_roles_and_permissions_are_shown(weft: Weft) -> None:
    listed = weft("roles", "list", "-o", "name").out.split()
    assert {name.rpartition("/")[2] for name in listed} >= {"admin", "editor", "viewer"}
    shown = weft("roles", "show", "viewer")
    assert "built in" in shown.out
    assert "runs.get" in shown.out
    assert "runs.stop" in weft("roles", "permissions", "runs").out
    names = weft("roles", "permissions", "runs.st", "-o", "name")
    assert names.out.split() == ["runs.stop"]
    assert weft("roles", "update", "viewer", "--add", "runs.stop").code == 6
    assert weft("roles", "update", "viewer").code == 2
    assert weft("roles", "create", "empty").code == 2


def at(text: str) -> datetime:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    moment: datetime = end_of(text, now).ToDatetime(UTC)
    return moment


def test_times_as_people_type_them() -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert at("90m") == now + timedelta(minutes=90)
    assert at("2w") == now + timedelta(weeks=2)
    assert at("2031-02-03T04:05:06+00:00") == datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    for text in ("", "7", "d7", "0d", "-1d", "1y", "2030-13-01", "999999w"):
        with pytest.raises(CommandError):
            at(text)


def test_names_as_people_type_them() -> None:
    context = SimpleNamespace(
        organization="organizations/o", workspace="organizations/o/workspaces/w"
    )
    connection: Any = SimpleNamespace(context=context)
    people = People("organizations/o", {"users/1": "ada@example.com"})
    for text, name in (
        ("team:ml", "organizations/o/teams/ml"),
        ("sa:ci", "organizations/o/serviceAccounts/ci"),
        ("users/2", "users/2"),
    ):
        assert subject_name(connection, text) == name
        assert people.label(name) == text
    assert people.label("users/1") == "ada@example.com"
    for text, name in (
        (".", "organizations/o"),
        ("workspaces/v", "organizations/o/workspaces/v"),
        ("projects/p/runs/r", "organizations/o/workspaces/w/projects/p/runs/r"),
        ("organizations/x", "organizations/x"),
    ):
        assert resource_name(connection, text) == name
    assert people.place("organizations/o") == "."
    context.workspace = ""
    with pytest.raises(CommandError):
        resource_name(connection, "projects/p")
