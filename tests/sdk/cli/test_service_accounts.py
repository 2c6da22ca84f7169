"""`weft service-accounts` and `weft tokens`, as an administrator and a program type them."""

from __future__ import annotations

import json

from tests.sdk.cli.conftest import Weft


def test_a_program_from_nothing_to_nothing(weft: Weft) -> None:
    made = weft("service-accounts", "create", "builder", "--name", "Builder")
    assert made.code == 0, made.err
    key = weft("service-accounts", "keys", "create", "builder", "--expires", "30d")
    assert key.out.startswith("weft_key_"), key.err
    secret = key.out.strip()
    assert weft("grants", "create", "--subject", "sa:builder", "--role", "viewer").code == 0
    for variable in ("WEFT_API_KEY", "WEFT_TOKEN"):
        me = weft("whoami", "-o", "json", **{variable: secret})
        assert me.code == 0, me.err
        assert json.loads(me.out)["name"].endswith("/serviceAccounts/builder")
    id_ = weft("service-accounts", "keys", "list", "builder", "-o", "name").out.strip()
    rotated = weft("service-accounts", "keys", "rotate", "builder", id_, "--retain", "1h")
    assert rotated.out.startswith("weft_key_"), rotated.err
    listed = json.loads(weft("service-accounts", "keys", "list", "builder", "-o", "json").out)
    assert len(listed) == 2
    third = weft("service-accounts", "keys", "create", "builder")
    assert third.code != 0
    assert "delete one first" in third.err
    assert weft("service-accounts", "keys", "delete", "builder", id_).code == 0
    assert weft("whoami", WEFT_API_KEY=secret).code == 4
    for verb, state in (("disable", "disabled"), ("enable", "enabled")):
        assert state in weft("service-accounts", verb, "builder").out
    assert "Builder" in weft("service-accounts", "list").out
    assert "Builder" in weft("service-accounts", "show", "builder").out
    assert weft("service-accounts", "delete", "builder", "--yes").code == 0
    assert weft("service-accounts", "show", "builder").code == 5


def test_federation_is_made_and_shown(weft: Weft) -> None:
    assert weft("service-accounts", "create", "ci").code == 0
    federation = ("service-accounts", "federation")
    rule = ("--issuer", "https://token.actions.githubusercontent.com", "--audience", "weft")
    wide = weft(*federation, "create", "ci", "github", *rule, "--subject", "repo:*")
    assert wide.code == 2
    assert "repo:OWNER/" in wide.err
    subject = "repo:acme/model:ref:refs/heads/main"
    parts = (*rule, "--subject", subject, "--claim", "environment=production")
    made = weft(*federation, "create", "ci", "github", *parts)
    assert made.code == 0, made.err
    assert "production" in made.out
    assert subject in weft(*federation, "list", "ci").out
    assert weft(*federation, "delete", "ci", "github").code == 0
    assert weft(*federation, "list", "ci", "-o", "name").out == ""
    assert weft("service-accounts", "delete", "ci", "-y").code == 0


def test_tokens_are_made_and_revoked(weft: Weft) -> None:
    made = weft("tokens", "create", "notebook", "--scope", "role:viewer", "-o", "json")
    assert made.code == 0, made.err
    secret = json.loads(made.out)["secret"]
    me = json.loads(weft("whoami", "-o", "json", WEFT_TOKEN=secret).out)
    assert "runs.get" in me["scope"]
    assert "runs.stop" not in me["scope"]
    assert weft("service-accounts", "create", "no", WEFT_TOKEN=secret).code == 4
    listed = weft("tokens", "list", "--all", "-o", "json")
    assert listed.code == 0, listed.err
    assert all(token["name"].startswith("users/") for token in json.loads(listed.out))
    assert "viewer" in weft("tokens", "list").out
    name = json.loads(made.out)["personalAccessToken"]["name"]
    assert weft("tokens", "delete", name).code == 0
    assert weft("whoami", WEFT_TOKEN=secret).code == 4
    absent = weft("tokens", "delete", "00000000-0000-4000-8000-000000000000")
    assert absent.code == 5
