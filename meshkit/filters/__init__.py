"""Filters of lists and watches: one AIP-160 subset, one parser, two meanings that agree.

    state = RUNNING AND (labels.team = "vision" OR name = "projects/demo/*")
    create_time > now()-"24h" -trigger = SCHEDULE

- Operators `= != < <= > >= :`; for text `:` means "contains", on a map "has the key", and
  `field:*` means "is set" for every type. Text has no order.
- Values of maps such as metadata are compared with what stands there: `metadata.f1 > 0.9` with
  numbers, `metadata.kind = "3"` with texts, `= true` with truths.
- `NOT` and `-` negate one term; terms side by side are joined by AND; AND and OR are mixed
  only with parentheses.
- `*` at an end of a text matches anything there; `\\*` in quotes is a star.
- An absent value equals nothing, so `!=` and `NOT` hold for it; an empty text is absent.

A resource names its fields in a `Fields` table; `Fields.parse` gives a `Filter` that makes the
SQL condition and decides about items in memory alike.
"""

from meshkit.filters.fields import MAX_KEY, Beside, Choices, Field, Kind
from meshkit.filters.leading import Lead
from meshkit.filters.memory import Opaque, scalar
from meshkit.filters.table import Fields, Filter

__all__ = [
    "MAX_KEY",
    "Beside",
    "Choices",
    "Field",
    "Fields",
    "Filter",
    "Kind",
    "Lead",
    "Opaque",
    "scalar",
]
