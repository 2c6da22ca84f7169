"""`weft identity-providers` and its domains, as an administrator types them."""

from __future__ import annotations

import json
from typing import Any

from tests.sdk.cli.conftest import Result, Weft

NOWHERE = "https://127.0.0.1:1"


def providers(weft: Weft, *arguments: str, stdin: str = "") -> Result:
    return weft("identity-providers", *arguments, stdin=stdin)


def document(done: Result) -> Any:
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_a_provider_from_its_first_day_to_its_last(weft: Weft) -> None:
    assert "add one with" in providers(weft, "list").err
    assert weft("teams", "create", "sso", "--name", "Single sign-on").code == 0
    made = providers(
        weft,
        *("create", "okta", "--issuer", NOWHERE, "--client-id", "weft", "--client-secret", "-"),
        *("--groups-claim", "groups", "--map", "a=b=sso", "--join", "trusted-domains"),
        stdin="the secret\n",
    )
    assert made.code == 0, made.err
    assert "/oauth2/callback/default/okta" in made.out
    assert "a=b -> sso" in made.out
    assert "the secret" not in made.out + made.err
    shown = document(providers(weft, "show", "okta", "-o", "json"))
    assert (shown["joinPolicy"], shown["issuer"]) == ("JOIN_POLICY_TRUSTED_DOMAINS", NOWHERE)
    assert "clientSecret" not in shown or shown["clientSecret"] == ""
    changed = document(providers(weft, "update", "okta", "--disable", "-o", "json"))
    assert (changed["disabled"], changed["clientId"]) == (True, "weft")
    assert "okta" in providers(weft, "list").out
    tested = providers(weft, "test", "okta")
    assert (tested.code, "FAILS" in tested.out) == (1, True)
    assert "is not a public address" in tested.out
    assert providers(weft, "delete", "okta", "--yes").code == 0
    assert providers(weft, "show", "okta").code == 5


def test_a_domain_is_claimed_and_left(weft: Weft) -> None:
    added = providers(weft, "domains", "add", "Nowhere.invalid")
    assert added.code == 0, added.err
    assert "_weft-domain.nowhere.invalid" in added.out
    assert "weft identity-providers domains verify nowhere.invalid" in added.err
    listed = document(providers(weft, "domains", "list", "-o", "json"))
    assert [each["state"] for each in listed] == ["TRUSTED_DOMAIN_STATE_PENDING"]
    assert providers(weft, "domains", "remove", "NOWHERE.invalid", "--yes").code == 0
    assert providers(weft, "domains", "verify", "nowhere.invalid").code == 5


def test_wrong_usage_says_what_to_do(weft: Weft) -> None:
    assert providers(weft, "update", "okta").code == 2
    bad = providers(weft, "create", "okta", "--client-id", "weft", "--map", "nothing")
    assert (bad.code, "is no GROUP=TEAM" in bad.err) == (2, True)
    http = providers(
        weft, "create", "okta", "--client-id", "weft", "--issuer", "http://okta.example"
    )
    assert (http.code, "https" in http.err) == (2, True)
