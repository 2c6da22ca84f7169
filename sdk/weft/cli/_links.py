"""Where resources stand in the dashboard, and ids that lead there in terminals that know links."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weft._contexts import Context

_PROGRAMS = {"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio"}
_SIGNS = ("WT_SESSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "DOMTERM")
_VTE_WITH_LINKS = 5000


_ID = re.compile(r"[a-z0-9-]+")
# The collections in names, and the paths of their pages; {0} is the first id, and so on.
_OF_WORKSPACE = {
    "projects": "p/{0}",
    "projects/runs": "p/{0}/runs/{1}",
    "projects/runs/steps": "p/{0}/runs/{1}?step={2}",
    "projects/artifacts": "p/{0}/artifacts/{1}",
    "projects/artifacts/versions": "p/{0}/artifacts/{1}/versions/{2}",
    "projects/models": "p/{0}/models/{1}",
    "projects/models/versions": "p/{0}/models/{1}/versions/{2}",
    "projects/pipelines": "p/{0}/pipelines/{1}",
    "projects/snapshots": "p/{0}/snapshots/{1}",
    "projects/schedules": "p/{0}/schedules/{1}",
    "projects/triggers": "p/{0}/triggers/{1}",
    "projects/webhooks": "p/{0}/webhooks/{1}",
    "stacks": "stacks/{0}",
    "components": "components/{0}",
    "flavors": "flavors/{0}",
    "serviceConnectors": "connectors/{0}",
    "secrets": "secrets/{0}",
}
_OF_ORGANIZATION = {
    "organizations": "o/{0}",
    "organizations/teams": "o/{0}/teams/{1}",
    "organizations/roles": "o/{0}/roles/{1}",
    "organizations/serviceAccounts": "o/{0}/service-accounts/{1}",
    "organizations/identityProviders": "o/{0}/identity-providers/{1}",
    "organizations/auditEvents": "o/{0}/audit/{1}",
}


def page_of(context: Context, name: str) -> str:
    """The page of a resource, by its name; "" where there is none, or no dashboard is known."""
    base = (context.dashboard or context.gateway).rstrip("/")
    parts = name.split("/")
    collections, ids = "/".join(parts[::2]), parts[1::2]
    # Whatever else stands there is no name: nothing of it comes into a URL.
    if not base or len(parts) % 2 or not all(map(_ID.fullmatch, ids)):
        return ""
    if path := _OF_ORGANIZATION.get(collections):
        return f"{base}/{path.format(*ids)}"
    path, workspace = _OF_WORKSPACE.get(collections), context.workspace.rpartition("/")[2]
    return f"{base}/w/{workspace}/{path.format(*ids)}" if path and workspace else ""


def links() -> Callable[[str], str]:
    """What gives the page of a name in the context in use; no pages where nobody could open any."""
    from weft._contexts import ContextStore
    from weft.errors import ContextError

    if not knows_links(is_terminal=sys.stdout.isatty()):
        return lambda _: ""
    try:
        context = ContextStore().current()
    except ContextError:
        return lambda _: ""
    return lambda name: page_of(context, name)


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
