"""`weft pipelines` against a real mesh."""

from __future__ import annotations

import json

from tests.sdk.cli.conftest import Runs, Weft


def test_pipelines_are_listed_with_how_they_last_went(weft: Weft, runs: Runs) -> None:
    """The newest run stands last, as in a chart."""
    listed = weft("pipelines", "list", "-q", "id:teach")
    assert listed.code == 0, listed.err
    header, line = listed.out.splitlines()
    assert header.split("  ")[0] == "PIPELINE"
    assert line.startswith("teach ")
    assert "✗" in line
    assert "✓" in line
    documents = json.loads(weft("pipelines", "list", "-o", "json").out)
    assert "projects/default/pipelines/teach" in [document["name"] for document in documents]


def test_a_filter_that_finds_nothing_says_so(weft: Weft, runs: Runs) -> None:
    none = weft("pipelines", "list", "-q", "id:nothing")
    assert (none.code, none.err) == (0, "no such pipeline\n")
    refused = weft("pipelines", "list", "-q", "state = FAILED")
    assert refused.code == 2
    assert "fields are: create_time, display_name, id, labels.<key>" in refused.err
