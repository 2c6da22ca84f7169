"""HTML that a notebook shows: inert whatever names and values say, and legible light or dark.

Colours of text and background are the notebook's own. Everything that comes from elsewhere goes
through `text`; there is no script, no style sheet, no link and no foreign host.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Mapping

_LONGEST = 200
# Control characters, those that reorder or hide what follows, and half characters.
_DECEPTIVE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_UNITS = ("B", "kB", "MB", "GB", "TB")
_JOINERS = "\u200c\u200d"  # parts of words and of emoji
_LINE = "rgba(128,128,128,.35)"
_CELL = f"padding:2px 10px 2px 0;border-bottom:1px solid {_LINE};text-align:left"
_CODE = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12px"

# Sign and colour of a state; the colours stand out on white and on black.
GREEN, RED, AMBER, BLUE, GREY = "#1f9d57", "#dc4a43", "#b98512", "#3f83d8", "#858c94"
_STATES = {
    "SUCCEEDED": ("✓", GREEN),
    "CACHED": ("≡", GREEN),
    "FAILED": ("✗", RED),
    "STOPPED": ("■", AMBER),
    "STOPPING": ("▪", AMBER),
    "PAUSED": ("‖", AMBER),
    "RETRYING": ("↻", AMBER),
    "RUNNING": ("▶", BLUE),
    "PROVISIONING": ("…", BLUE),
}
_OTHER = ("·", GREY)


def sign_of(state: str) -> tuple[str, str]:
    """Give the sign and the colour of a state."""
    return _STATES.get(state, _OTHER)


def text(value: object, longest: int = _LONGEST) -> str:
    """Give any text as HTML shows it, on one line, cut where it is long."""
    return html.escape(_cut(_visible(str(value)).replace("\n", " "), longest))


def block(value: str, longest: int = 4000) -> str:
    """Give text of several lines, such as source code."""
    shown = html.escape(_cut(_visible(value), longest))
    return f'<pre style="{_CODE};margin:6px 0;white-space:pre-wrap">{shown}</pre>'


def code(value: object) -> str:
    """Give a name as code."""
    return f'<code style="{_CODE};background:none">{text(value)}</code>'


def state(value: str) -> str:
    """Give a state with its sign: colour alone tells nothing."""
    sign, colour = sign_of(value)
    shown = f'<span style="color:{colour}">{sign}</span> {text(value)}'
    return f'<span style="white-space:nowrap">{shown}</span>'


def heading(kind: str, name: str, rest: str = "") -> str:
    """Give the first line: what it is; `rest` is HTML."""
    return f'<div style="margin:2px 0 6px">{text(kind)} <b>{text(name)}</b> {rest}</div>'


def facts(pairs: Mapping[str, str]) -> str:
    """Give a table of what is known by name; the values are HTML, empty ones are left out."""
    rows = (
        f'<tr><th scope="row" style="{_CELL};font-weight:normal;opacity:.7">{text(name)}</th>'
        f'<td style="{_CELL}">{value}</td></tr>'
        for name, value in pairs.items()
        if value
    )
    return _table("".join(rows))


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Give a table; the cells are HTML."""
    head = "".join(f'<th scope="col" style="{_CELL}">{text(name)}</th>' for name in columns)
    lines = ("".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) for row in rows)
    return _table(f"<tr>{head}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines))


def folded(summary: str, content: str) -> str:
    """Give what is shown on demand; `content` is HTML."""
    return f'<details><summary style="cursor:pointer">{text(summary)}</summary>{content}</details>'


def box(*parts: str) -> str:
    """Join parts to what a cell shows."""
    style = "font-family:system-ui,sans-serif;font-size:13px;color:inherit;overflow-x:auto"
    return f'<div style="{style}">{"".join(parts)}</div>'


def size(count: int) -> str:
    """Give bytes as people read them."""
    power = min((len(str(count)) - 1) // 3, len(_UNITS) - 1)
    return f"{count / 1000**power:.{1 if power else 0}f} {_UNITS[power]}"


def _table(rows: str) -> str:
    style = "border-collapse:collapse;margin:4px 0;font-size:13px;color:inherit;background:none"
    return f'<table style="{style}">{rows}</table>'


def _visible(value: str) -> str:
    return "".join(map(_shown, value.expandtabs(4)))


def _shown(character: str) -> str:
    if character == "\n" or character in _JOINERS:
        return character
    return "\ufffd" if unicodedata.category(character) in _DECEPTIVE else character


def _cut(value: str, longest: int) -> str:
    return value if len(value) <= longest else f"{value[: longest - 1]}…"
