"""Ids that lead to the dashboard, in terminals that know links."""

from __future__ import annotations

import pytest

from weft._contexts import Context
from weft.cli._links import knows_links, linked, run_url

_RUN = "projects/vision/runs/brave-otter"


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
    assert run_url(context, _RUN) == url


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
