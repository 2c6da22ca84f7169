"""Ids that lead to the dashboard, in terminals that know links."""

from __future__ import annotations

import pytest

from weft._contexts import Context
from weft.cli._links import knows_links, linked, page_of

_RUN = "projects/vision/runs/brave-otter"
_CONTEXT = Context(
    "c",
    "host:1",
    workspace="organizations/o/workspaces/ml",
    gateway="https://weft.example.com",
)


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_HYPERLINK", "TERM_PROGRAM", "VTE_VERSION", "WT_SESSION", "DOMTERM"):
        monkeypatch.delenv(name, raising=False)
    for name in ("KITTY_WINDOW_ID", "KONSOLE_VERSION"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("bases", "url"),
    [
        (
            {"gateway": "https://weft.example.com/"},
            "https://weft.example.com/w/ml/p/vision/runs/brave-otter",
        ),
        (
            {"gateway": "https://localhost:8780", "dashboard": "http://localhost:8781"},
            "http://localhost:8781/w/ml/p/vision/runs/brave-otter",
        ),
        ({}, ""),
    ],
)
def test_a_run_has_a_page_where_a_dashboard_is_known(bases: dict[str, str], url: str) -> None:
    context = Context("c", "host:1", workspace="organizations/o/workspaces/ml", **bases)
    assert page_of(context, _RUN) == url


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("projects/vision", "w/ml/p/vision"),
        (f"{_RUN}/steps/train-2", "w/ml/p/vision/runs/brave-otter?step=train-2"),
        ("projects/vision/artifacts/a/versions/3", "w/ml/p/vision/artifacts/a/versions/3"),
        ("projects/vision/models/m/versions/3", "w/ml/p/vision/models/m/versions/3"),
        ("projects/vision/pipelines/train", "w/ml/p/vision/pipelines/train"),
        ("projects/vision/schedules/nightly", "w/ml/p/vision/schedules/nightly"),
        ("projects/vision/webhooks/push", "w/ml/p/vision/webhooks/push"),
        ("stacks/prod", "w/ml/stacks/prod"),
        ("serviceConnectors/aws", "w/ml/connectors/aws"),
        ("organizations/o/serviceAccounts/ci", "o/o/service-accounts/ci"),
    ],
)
def test_what_has_a_page_leads_there(name: str, path: str) -> None:
    assert page_of(_CONTEXT, name) == f"https://weft.example.com/{path}"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "runs",
        "projects/vision/builds/b1",
        "projects/vision/runs",
        "projects/vision/runs/../../login",
        "projects/vision/runs/a b",
        "projects/vision/runs/a\x1b\\",
        "stacks/{0.__class__}",
        "an output of projects/vision/runs/brave-otter",
    ],
)
def test_what_has_no_page_leads_nowhere(name: str) -> None:
    assert page_of(_CONTEXT, name) == ""


@pytest.mark.parametrize(
    ("variables", "knows"),
    [
        ({}, False),
        ({"TERM_PROGRAM": "WezTerm"}, True),
        ({"TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"VTE_VERSION": "6800"}, True),
        ({"VTE_VERSION": "4900"}, False),
        ({"VTE_VERSION": "new"}, False),
        ({"FORCE_HYPERLINK": "1"}, True),
        ({"FORCE_HYPERLINK": "0", "TERM_PROGRAM": "WezTerm"}, False),
    ],
)
def test_links_are_for_terminals_that_know_them(
    variables: dict[str, str], *, knows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert knows_links(is_terminal=True) is knows
    assert not knows_links(is_terminal=False)


def test_text_without_a_page_stays_as_it_is() -> None:
    assert linked("brave-otter", "") == "brave-otter"
    assert linked("a", "http://x") == "\x1b]8;;http://x\x1b\\a\x1b]8;;\x1b\\"
