"""`weft views` against a real mesh."""

from __future__ import annotations

import json

from tests.sdk.cli.conftest import Weft


def test_a_view_is_saved_shared_and_deleted(weft: Weft) -> None:
    query = 'state = FAILED labels.team = "risk"'
    made = weft(
        "views",
        "save",
        "risky",
        "-q",
        query,
        "--name",
        "Risky",
        "--column",
        "took",
        "--oldest-first",
    )
    assert made.code == 0, made.err
    assert "private" in made.out
    (listed,) = json.loads(weft("views", "list", "-o", "json").out)
    assert (listed["filter"], listed["columns"]) == (query, ["took"])
    assert listed["orderBy"] == "create_time"
    assert "shared" in weft("views", "share", "risky").out
    shown = json.loads(weft("views", "show", "risky", "-o", "json").out)
    assert (shown["scope"], shown["displayName"]) == ("SAVED_VIEW_SCOPE_SHARED", "Risky")
    assert weft("views", "delete", "risky", "--yes").out == "risky is deleted\n"
    assert weft("views", "show", "risky").code != 0


def test_a_filter_that_means_nothing_is_refused_with_its_place(weft: Weft) -> None:
    refused = weft("views", "save", "wrong", "-q", "state = MAYBE", "--shared")
    assert refused.code != 0
    assert "state takes one of" in refused.err
    assert "no views yet" in (weft("views", "list").out + weft("views", "list").err)
