"""Where resources stand in the dashboard, and ids that lead there in terminals that know links."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weft._contexts import Context

_PROGRAMS = {"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio"}
_SIGNS = ("WT_SESSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "DOMTERM")
_VTE_WITH_LINKS = 5000


def run_url(context: Context, run: str) -> str:
    """The page of a run, `projects/<id>/runs/<id>`; "" where no dashboard is known."""
    from weft._run_ref import RunRef

    base = (context.dashboard or context.gateway).rstrip("/")
    if not base or not context.workspace:
        return ""
    ref = RunRef.parse(run)
    workspace = context.workspace.rpartition("/")[2]
    return f"{base}/w/{workspace}/p/{ref.project}/runs/{ref.run}"


def knows_links(*, is_terminal: bool) -> bool:
    """Whether what is printed may hold links; FORCE_HYPERLINK says it where nothing else does."""
    if not is_terminal:
        return False
    if (forced := os.environ.get("FORCE_HYPERLINK")) is not None:
        return forced not in {"", "0"}
    vte = os.environ.get("VTE_VERSION", "")
    return (
        os.environ.get("TERM_PROGRAM") in _PROGRAMS
        or any(sign in os.environ for sign in _SIGNS)
        or (vte.isdecimal() and int(vte) >= _VTE_WITH_LINKS)
    )


def linked(text: str, url: str) -> str:
    """Text that leads to a page (OSC 8)."""
    return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\" if url else text
