"""`-o`: what programs read, each checked by a reader of its own."""

from __future__ import annotations

import csv
import io
import json

import click
import pytest
import yaml

from tests.sdk.cli.conftest import Runs, Weft
from weft.cli._exit import CommandError
from weft.cli._formats import rendered

DOCUMENT = [
    {"name": "a", "labels": {"team": "ml", "on-call": "ada"}, "sizes": [1, 2]},
    {"name": 'b, "quoted"', "labels": {}, "sizes": [], "more": True},
]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("[*].name", 'a\nb, "quoted"\n'),
        ("{[*].name}", 'a\nb, "quoted"\n'),
        ("$[0].labels.team", "ml\n"),
        ("[0].labels['on-call']", "ada\n"),
        ("[0].labels.on-call", "ada\n"),
        ("[0].sizes[-1]", "2\n"),
        ("[0].sizes", "[1, 2]\n"),
        ("[1].more", "true\n"),
        ("[1].sizes[*]", ""),
    ],
)
def test_a_path_finds_what_it_says(path: str, text: str) -> None:
    assert rendered(DOCUMENT, f"jsonpath={path}") == text


@pytest.mark.parametrize("path", ["[0].absent", "[7]", "[0].sizes.x", "[0].name[0]"])
def test_a_path_to_nothing_is_an_error(path: str) -> None:
    with pytest.raises(CommandError, match="there is nothing at"):
        rendered(DOCUMENT, f"jsonpath={path}")


@pytest.mark.parametrize("path", ["[?(@.a)]", "a b", "[", "..a", "[1:2]"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(click.UsageError, match="is no path"):
        rendered(DOCUMENT, f"jsonpath={path}")


def test_csv_names_nested_fields_by_their_path_and_quotes() -> None:
    rows = list(csv.DictReader(io.StringIO(rendered(DOCUMENT, "csv"))))
    assert rows[0] == {
        "name": "a",
        "labels.team": "ml",
        "labels.on-call": "ada",
        "sizes": "[1, 2]",
        "more": "",
    }
    assert rows[1]["name"] == 'b, "quoted"'
    assert rendered([], "csv") == ""


def test_every_format_of_a_list_and_of_one(weft: Weft, runs: Runs) -> None:
    listed = {
        o: weft("runs", "list", "-o", o).out for o in ("json", "jsonl", "yaml", "csv", "name")
    }
    documents = json.loads(listed["json"])
    assert [json.loads(line) for line in listed["jsonl"].splitlines()] == documents
    assert yaml.safe_load(listed["yaml"]) == documents
    names = [document["name"] for document in documents]
    assert [row["name"] for row in csv.DictReader(io.StringIO(listed["csv"]))] == names
    assert listed["name"].splitlines() == names
    assert weft("runs", "list", "-o", "jsonpath=[*].name").out.splitlines() == names
    assert (
        weft("runs", "show", runs.bad, "-o", "jsonpath={.failure.message}").out == "bad batch 3\n"
    )
    assert "PIPELINE" in weft("runs", "list", "-o", "wide").out
    one = list(csv.DictReader(io.StringIO(weft("runs", "show", runs.good, "-o", "csv").out)))
    assert [row["name"] for row in one] == [runs.good]


def test_the_environment_chooses_a_format(weft: Weft, runs: Runs) -> None:
    listed = weft("runs", "list", "-n", "500", WEFT_OUTPUT="name")
    assert runs.good in listed.out.splitlines()
    wrong = weft("runs", "list", WEFT_OUTPUT="xml")
    assert wrong.code == 2
    assert "'xml' is not one of table" in wrong.err


def test_streams_print_a_document_for_each(weft: Weft, runs: Runs) -> None:
    lines = weft("logs", runs.good, "-o", "jsonl").out.splitlines()
    assert any(json.loads(line)["message"] == "epoch 1" for line in lines)
    documents = list(yaml.safe_load_all(weft("logs", runs.good, "-o", "yaml").out))
    assert len(documents) == len(lines)
    messages = weft("logs", f"{runs.good}/steps/train", "-o", "jsonpath=.message").out
    assert "epoch 1" in messages.splitlines()
    refused = weft("logs", runs.good, "-o", "csv")
    assert refused.code == 2


@pytest.mark.parametrize(
    ("arguments", "variables", "coloured"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        ((), {"CLICOLOR_FORCE": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_come_where_they_are_wanted(
    weft: Weft, runs: Runs, arguments: tuple[str, ...], variables: dict[str, str], *, coloured: bool
) -> None:
    shown = weft(*arguments, "runs", "show", runs.good, **variables).out
    assert ("\x1b[" in shown) == coloured
