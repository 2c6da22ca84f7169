"""`weft explain`: the fields of resources, without a server."""

from __future__ import annotations

import json

import pytest

from tests.sdk.cli.conftest import Weft
from weft.cli._contract import Contract
from weft.cli._kinds import KINDS


def test_every_kind_of_the_command_line_is_explained() -> None:
    contract = Contract()
    found = {name: contract.message(name) for name in KINDS}
    assert {name: m.name for name, m in found.items() if m} == {n: k.noun for n, k in KINDS.items()}
    resources = [m for m in contract.messages.values() if m.is_resource]
    assert len(resources) > 40
    silent = [f"{m.name}.{f.name}" for m in resources for f in m.fields if not f.said]
    assert silent == []


def test_a_kind_tells_its_fields(offline: Weft) -> None:
    told = offline("explain", "schedules").out
    assert "A snapshot that runs by itself." in told
    assert "map of string to StepSettings" in told
    found = json.loads(offline("explain", "Secret", "-o", "json").out)
    values = next(field for field in found["fields"] if field["name"] == "values")
    assert {"secret", "never returned"} <= set(values["rules"])
    assert "Stack" in offline("explain", "-o", "name").out.splitlines()


def test_a_path_leads_into_what_a_field_holds(offline: Weft) -> None:
    inner = json.loads(offline("explain", "step.failure", "-o", "json").out)
    assert inner["type"] == "Failure"
    assert "message" in [field["name"] for field in inner["fields"]]
    assert "max" not in offline("explain", "schedule.step_settings", "-o", "name").err
    states = offline("explain", "run.state", "-o", "name").out.splitlines()
    assert "RUN_STATE_SUCCEEDED" in states
    assert "RUN_STATE_UNSPECIFIED" not in states


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("banana", "there is no kind 'banana'"),
        ("runn", "did you mean 'Run'?"),
        ("run.stat", "did you mean 'state'?"),
        ("run.zzz", "there are name, uid"),
        ("run.name.x", "name has no fields of its own"),
        ("run.", "Run has no field ''"),
        (".", "there is no kind ''"),
    ],
)
def test_what_there_is_not_is_said_with_what_there_is(offline: Weft, path: str, words: str) -> None:
    refused = offline("explain", path)
    assert (refused.code, words in refused.err) == (5, True), refused.err


def test_paths_are_completed(offline: Weft) -> None:
    def typed(words: str) -> list[str]:
        line = {"COMP_WORDS": f"weft explain {words}", "COMP_CWORD": "2"}
        done = offline("", _WEFT_COMPLETE="bash_complete", **line)
        return [each.partition(",")[2] for each in done.out.splitlines()]

    assert typed("Sche") == ["Schedule"]
    assert typed("schedule.cat") == ["schedule.catchUp", "schedule.catchUpLimit"]
    assert typed("nothing.x") == []
