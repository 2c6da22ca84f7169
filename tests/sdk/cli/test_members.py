"""`weft orgs`, `members`, `invitations` and `sessions`, as people type them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.sdk.cli.conftest import Weft
from weft._connection import Connection
from weft._contexts import Context, ContextStore
from weft._embedded import EmbeddedMesh

PASSWORD = "correct horse battery"


def document(weft: Weft, *arguments: str) -> Any:
    """What a command prints as JSON."""
    done = weft(*arguments, "-o", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def join(
    weft: Weft, connection: Connection, mesh: EmbeddedMesh, home: Path, email: str, *options: str
) -> dict[str, str]:
    """Invites a stranger, who accepts from a machine of their own; its environment."""
    made = document(weft, "invitations", "create", email, *options)
    own = {"WEFT_CONFIG_DIR": str(home)}
    done = weft(
        "invitations", "accept", "-", "--at", connection.context.control_plane,
        "--ca", str(mesh.ca_file), "--name", "Somebody", "--yes",
        stdin=f"{made['token']}\n{PASSWORD}\n", **own,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert PASSWORD not in done.out + done.err
    return own


def test_a_stranger_is_invited_and_signed_in_by_accepting(
    weft: Weft, connection: Connection, mesh: EmbeddedMesh, tmp_path: Path
) -> None:
    assert weft("teams", "create", "guests").code == 0
    bob = join(
        weft, connection, mesh, tmp_path, "bob.cli@example.com",
        "--role", "viewer", "--role", "editor@projects/default", "--team", "guests",
    )  # fmt: skip
    who = document_as(weft, bob, "whoami")
    assert who["email"] == "bob.cli@example.com"
    assert weft("runs", "list", **bob).code == 0
    assert weft("invitations", "list", **bob).code == 4
    listed = document(weft, "invitations", "list")
    (mine,) = [each for each in listed if each["email"] == "bob.cli@example.com"]
    assert mine["state"] == "INVITATION_STATE_ACCEPTED"
    shown = weft("invitations", "list").out
    assert "editor@workspaces/" in shown
    assert "team:guests" in shown
    members = weft("teams", "members", "guests")
    assert "bob.cli@example.com" in members.out
    assert weft("teams", "delete", "guests", "--yes").code == 0


def document_as(weft: Weft, variables: dict[str, str], *arguments: str) -> Any:
    done = weft(*arguments, "-o", "json", **variables)
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_invitations_are_shown_sent_again_and_voided(weft: Weft) -> None:
    made = weft("invitations", "create", "eve.cli@example.com", "--expires", "2d")
    assert made.code == 0, made.err
    token = re.search(r"token +(\S+)", made.out)
    assert token
    assert "weft invitations accept --at" in made.err
    assert weft("invitations", "create", "eve.cli@example.com").code == 6
    (listed,) = [
        each
        for each in document(weft, "invitations", "list")
        if each["email"] == "eve.cli@example.com"
    ]
    again = document(weft, "invitations", "resend", listed["uid"])
    declined = weft("invitations", "decline", token[1], "--yes")
    assert (declined.code, "not valid" in declined.err) == (5, True)
    assert weft("invitations", "show", listed["uid"]).out.count("pending") == 1
    # Signed in as somebody else.
    assert weft("invitations", "accept", again["token"], "--yes").code == 4
    assert weft("invitations", "accept", again["token"], stdin="n\n").code != 0
    assert weft("invitations", "revoke", listed["uid"]).out.count("revoked") == 1
    assert weft("invitations", "resend", listed["name"]).code == 6
    other = document(weft, "invitations", "create", "eve.cli@example.com")
    assert weft("invitations", "decline", "-", "--yes", stdin=other["token"]).code == 0
    for arguments, code in (
        (("eve",), 2),
        (("x@example.com", "--role", "none"), 5),
        (("x@example.com", "--role", "@projects/p"), 2),
        (("x@example.com", "--team", "none"), 5),
        (("x@example.com", "--expires", "90d"), 2),
    ):
        assert weft("invitations", "create", *arguments).code == code


def test_an_account_is_shut_opened_recovered_and_erased(
    weft: Weft, connection: Connection, mesh: EmbeddedMesh, tmp_path: Path
) -> None:
    email = "cy.cli@example.com"
    cy = join(weft, connection, mesh, tmp_path, email, "--role", "viewer")
    assert email in weft("members", "list").out
    assert weft("members", "list", **cy).code == 0
    assert weft("members", "remove", email, "--yes", **cy).code == 4
    assert "deactivated" in weft("members", "deactivate", email).out
    assert weft("whoami", **cy).code == 4
    assert "active" in weft("members", "reactivate", email.upper()).out
    recovery = document(weft, "members", "recover", email)
    chosen = "another fine password"
    done = weft(
        "members", "choose-password", email, "--token", "-",
        stdin=f"{recovery['passwordToken']}\n{chosen}\n",
    )  # fmt: skip
    assert done.code == 0, done.err
    login = ("login", connection.context.control_plane, "--ca", str(mesh.ca_file))
    assert weft(*login, "--email", email, stdin=f"{PASSWORD}\n", **cy).code == 4
    assert weft(*login, "--email", email, stdin=f"{chosen}\n", **cy).code == 0
    changed = weft("members", "choose-password", email, stdin=f"{chosen}\n{PASSWORD}\n")
    assert changed.code == 0, changed.err
    told = weft("members", "recover", email)
    assert f"weft members choose-password {email}" in told.err
    assert weft("members", "erase", email, stdin="n\n").code != 0
    assert weft("members", "erase", email, "--yes").code == 0
    assert weft("members", "show", email).code == 5
    for who, code in (("team:x", 2), ("x", 2), ("no@example.com", 5)):
        assert weft("members", "remove", who, "--yes").code == code
    own = document(weft, "whoami")
    last = weft("members", "remove", own["subject"], "--yes")
    assert (last.code, "administrator" in last.err) == (6, True)


def test_who_leaves_is_signed_in_all_the_same(
    weft: Weft, connection: Connection, mesh: EmbeddedMesh, tmp_path: Path
) -> None:
    email = "em.cli@example.com"
    em = join(weft, connection, mesh, tmp_path, email, "--role", "viewer")
    assert weft("orgs", "leave", "default", stdin="n\n", **em).code != 0
    left = weft("orgs", "leave", "default", "--yes", **em)
    assert (left.code, "you left default" in left.err) == (0, True)
    assert weft("members", "show", email).code == 5
    assert weft("members", "list", **em).code == 4
    login = ("login", connection.context.control_plane, "--ca", str(mesh.ca_file))
    again = weft(*login, "--email", email, stdin=f"{PASSWORD}\n", **em)
    assert (again.code, "no role in any organization" in again.err) == (0, True)
    assert weft("whoami", **em).code == 0
    wanted = weft(*login, "--email", email, "--workspace", "default", stdin=f"{PASSWORD}\n", **em)
    assert wanted.code == 5
    last = weft("orgs", "leave", "default", "--yes")
    assert (last.code, "administrator" in last.err) == (6, True)


def test_a_member_is_taken_out_and_comes_back_to_the_same_account(
    weft: Weft, connection: Connection, mesh: EmbeddedMesh, tmp_path: Path
) -> None:
    email = "di.cli@example.com"
    di = join(weft, connection, mesh, tmp_path, email)
    before = document_as(weft, di, "whoami")["subject"]
    assert weft("members", "remove", email, "--yes").code == 0
    invited = document(weft, "invitations", "create", email, "--role", "viewer")
    accepted = weft("invitations", "accept", invited["token"], "--yes", **di)
    assert accepted.code == 0, accepted.err
    assert document_as(weft, di, "whoami")["subject"] == before
    assert weft("members", "remove", email, "--yes").code == 0
    # From another machine, by the password of the account that is there.
    again = document(weft, "invitations", "create", email, "--role", "viewer")
    there = {"WEFT_CONFIG_DIR": str(tmp_path / "other")}
    accept = (
        "invitations", "accept", again["token"], "--yes",
        "--at", connection.context.control_plane, "--ca", str(mesh.ca_file),
    )  # fmt: skip
    assert weft(*accept, stdin="wrong password\n", **there).code == 4
    done = weft(*accept, stdin=f"{PASSWORD}\n", **there)
    assert done.code == 0, done.err
    assert document_as(weft, there, "whoami")["subject"] == before


def test_sessions_are_seen_and_ended(
    weft: Weft, connection: Connection, mesh: EmbeddedMesh, tmp_path: Path
) -> None:
    email = "flo.cli@example.com"
    here = join(weft, connection, mesh, tmp_path / "here", email, "--role", "viewer")
    there = {"WEFT_CONFIG_DIR": str(tmp_path / "there")}
    login = ("login", connection.context.control_plane, "--ca", str(mesh.ca_file))
    for _ in range(2):
        assert weft(*login, "--email", email, stdin=f"{PASSWORD}\n", **there).code == 0
    listed = document_as(weft, here, "sessions", "list")
    assert [each["current"] for each in listed] == [False, False, True]
    assert {each["origin"] for each in listed} == {"password"}
    assert weft("sessions", "list", **here).out.count("127.0.0.1") == 3
    assert weft("sessions", "revoke", listed[1]["uid"], **here).code == 0
    assert "signed out of 1" in weft("sessions", "revoke", "--others", **here).err
    assert weft("whoami", **there).code == 4
    assert weft("sessions", "list", "--of", email).code == 0
    assert weft("sessions", "list", "--of", "users/me", **here).code == 0
    assert "signed out of 1" in weft("sessions", "revoke", "--all", "--of", email).err
    assert weft("whoami", **here).code == 4
    assert weft("sessions", "revoke").code == 2
    assert weft("sessions", "revoke", "--all", "--others").code == 2
    assert weft("sessions", "revoke", "none").code == 5


def test_organizations_are_made_used_and_deleted(weft: Weft, context: Context, home: Path) -> None:
    made = document(weft, "orgs", "create", "acme", "--name", "Acme, Inc.")
    assert made["displayName"] == "Acme, Inc."
    assert weft("orgs", "create", "acme").code == 6
    assert weft("orgs", "create", "No").code == 2
    assert "Acme GmbH" in weft("orgs", "update", "acme", "--name", "Acme GmbH").out
    assert weft("orgs", "list", "-o", "name").out.split().count("organizations/acme") == 1
    used = context.organization.rpartition("/")[2]
    store = ContextStore(home / "config")
    try:
        assert weft("orgs", "use", "acme").code == 0
        assert store.get("local").organization == "organizations/acme"
        assert store.get("local").workspace == ""
        assert weft("orgs", "show").out.count("acme") == 1
        assert weft("members", "list", "-o", "name").out.startswith("organizations/acme/")
        assert weft("orgs", "use", "none").code == 4
    finally:
        assert weft("orgs", "use", used).code == 0
    assert store.get("local").workspace == context.workspace
    assert weft("orgs", "delete", used, "--yes").code == 6
    assert weft("orgs", "delete", "acme", stdin="n\n").code != 0
    assert weft("orgs", "delete", "acme", "--yes").code == 0
    assert weft("orgs", "show", "acme").code == 4
    assert weft("orgs", "create", "acme").code == 6


@pytest.mark.parametrize("group", ["orgs", "members", "invitations", "sessions"])
def test_each_group_says_what_it_does(offline: Weft, group: str) -> None:
    told = offline(group, "--help")
    assert told.code == 0
    assert "list" in told.out
