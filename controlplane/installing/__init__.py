"""What an installation stands on, tried before it is made: `weft install check`.

Every check really does what the servers will do, and leaves nothing behind. A finding says what
was found, and what to do where that is not enough.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: whether it holds, what was found, and what to do where it does not.

    `facts` are what values for the chart follow from.
    """

    check: str
    ok: bool
    detail: str
    fix: str = ""
    facts: dict[str, str] = field(default_factory=dict)
