"""Which value of a map can lead a database to all that a filter may match."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement

from meshkit.filters import sql
from meshkit.filters.binding import AllOf, Bound, Leaf, Test
from meshkit.filters.fields import Beside

_RANK = {
    Test.EQ: 0,
    Test.LT: 1,
    Test.LE: 1,
    Test.GT: 1,
    Test.GE: 1,
    Test.HAS_KEY: 2,
    Test.IS_SET: 3,
    Test.LIKE: 4,
}
_RANGES = frozenset({Test.LT, Test.LE, Test.GT, Test.GE})


@dataclass(frozen=True, slots=True)
class Lead:
    """A value that all matches have, and what else they must be.

    An index knows beforehand how much equals something, or lies in a range (`is_countable`); its
    equals, and all that have a key, stand there in the order of a list (`is_in_order`).
    """

    beside: Beside
    leaf: Leaf
    rest: Bound | None

    @property
    def key(self) -> str:
        """The key as the table beside has it."""
        return f"{self.beside.prefix}{self.leaf.key}"

    @property
    def is_in_order(self) -> bool:
        return self.leaf.test not in _RANGES

    @property
    def is_countable(self) -> bool:
        return self.leaf.test is Test.EQ or self.leaf.test in _RANGES

    def fits(self, *, by_index: bool) -> list[ColumnElement[bool]]:
        """The conditions on the value: looked up by index, or passed by in another order."""
        text, number = self.beside.text, self.beside.number
        if not by_index:
            # The values themselves would make a database look them up, and sort what it finds.
            text, number = text + "", number + 0.0
        return sql.value_test(self.leaf, text, number)

    def remaining(self) -> list[ColumnElement[bool]]:
        """What a match must be besides."""
        return [sql.condition(self.rest)] if self.rest else []


def leads_of(bound: Bound) -> list[Lead]:
    """The values that all matches have, those first that probably lead furthest."""
    terms = bound.terms if isinstance(bound, AllOf) else (bound,)
    found = []
    for place, term in enumerate(terms):
        if isinstance(term, Leaf) and isinstance(term.field.column, Beside) and term.key:
            rest = terms[:place] + terms[place + 1 :]
            found.append(Lead(term.field.column, term, AllOf(rest) if rest else None))
    return sorted(found, key=lambda lead: _RANK[lead.leaf.test])
