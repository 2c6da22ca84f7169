"""Filters as SQL conditions: bound parameters only, one meaning on SQLite and PostgreSQL.

Negations are pushed down to the leaves, where an absent value (NULL) makes them true; above
them only AND and OR remain, under which SQL's "unknown" counts as false. Leaves that are not
negated stay bare comparisons, so that indexes serve them.
"""

import operator
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ColumnElement
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from meshkit.filters.binding import AllOf, Bound, Leaf, Negation, Operand, Pattern, Test
from meshkit.filters.fields import Choice, Column

_COMPARISONS: dict[Test, Callable[[Any, Any], Any]] = {
    Test.EQ: operator.eq,
    Test.LT: operator.lt,
    Test.LE: operator.le,
    Test.GT: operator.gt,
    Test.GE: operator.ge,
}


def condition(bound: Bound, *, negated: bool = False) -> ColumnElement[bool]:
    """The condition for WHERE."""
    if isinstance(bound, Leaf):
        return _leaf(bound, negated=negated)
    if isinstance(bound, Negation):
        return condition(bound.term, negated=not negated)
    terms = [condition(term, negated=negated) for term in bound.terms]
    if isinstance(bound, AllOf) is negated:
        return sa.or_(sa.false(), *terms)
    return sa.and_(sa.true(), *terms)


def _leaf(leaf: Leaf, *, negated: bool) -> ColumnElement[bool]:
    column = leaf.field.sql
    subject: Column = column
    if leaf.test is Test.HAS_KEY:
        test: Any = _MapHas(column, _text(leaf.key))
    elif leaf.key is None:
        test = _test(column, leaf.test, leaf.operand)
    else:
        subject = _MapValue(column, _text(leaf.key))
        test = _map_test(subject, leaf)
    return sa.or_(subject.is_(None), sa.not_(test)) if negated else test


def _map_test(value: ColumnElement[str], leaf: Leaf) -> Any:
    if leaf.test is not Test.EQ:
        return _test(value, leaf.test, leaf.operand)
    pair = sa.literal({leaf.key: leaf.operand}, JSONB())
    return _MapContains(leaf.field.sql, _text(leaf.key), _text(leaf.operand), pair)


def _test(subject: Column, test: Test, operand: Operand) -> Any:
    if isinstance(operand, Pattern):
        return _Like(subject, sa.literal(_glob(operand)), sa.literal(_like(operand)))
    if test is Test.IS_SET:
        return subject != "" if _is_text(subject) else subject.is_not(None)
    return _COMPARISONS[test](subject, _literal(subject, operand))


def _literal(subject: Column, operand: Operand) -> ColumnElement[Any]:
    type_ = subject.type
    if isinstance(operand, Choice):
        return sa.literal(operand.number if isinstance(type_, sa.Integer) else operand.name, type_)
    if isinstance(operand, UUID) and _is_text(subject):
        return sa.literal(str(operand), type_)
    if isinstance(operand, int) and not isinstance(operand, bool):
        # A narrow column must not narrow the operand: PostgreSQL would refuse the value.
        return sa.literal(operand, sa.BigInteger())
    if isinstance(operand, float):
        return sa.literal(operand, sa.Double())
    return sa.literal(operand, type_)


def _is_text(subject: Column) -> bool:
    return isinstance(subject.type, sa.String) and not isinstance(subject.type, sa.Enum)


def _text(text: Any) -> ColumnElement[str]:
    return sa.literal(text, sa.Text())


def _glob(pattern: Pattern) -> str:
    body = re.sub(r"([*?\[])", r"[\1]", pattern.body)
    return "*" * pattern.open_start + body + "*" * pattern.open_end


def _like(pattern: Pattern) -> str:
    body = re.sub(r"([%_\\])", r"\\\1", pattern.body)
    return "%" * pattern.open_start + body + "%" * pattern.open_end


class _Condition(FunctionElement[bool]):
    # As a Boolean it would be rendered "... = 1" on SQLite, which no index serves.
    type = sa.types.NULLTYPE  # type: ignore[assignment]
    inherit_cache = True


class _Like(_Condition):
    """(text, GLOB pattern, LIKE pattern): SQLite's LIKE ignores case, so it gets GLOB."""

    inherit_cache = True


class _MapHas(_Condition):
    """(map, key): on PostgreSQL a test that a GIN index serves."""

    inherit_cache = True


class _MapContains(_Condition):
    """(map, key, value, {key: value}): on PostgreSQL a test that a GIN index serves."""

    inherit_cache = True


class _MapValue(FunctionElement[str]):
    """(map, key): the key's text, NULL where the map lacks the key."""

    type = sa.Text()
    inherit_cache = True


_SQLITE_VALUE = "(SELECT pair.value FROM json_each({}) AS pair WHERE pair.key = {})"


def _renders(element: type[FunctionElement[Any]], dialect: str, template: str, *uses: int) -> None:
    """Registers a template; arguments that it does not use are not sent to the database."""

    def render(node: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
        arguments = list(node.clauses)
        return template.format(*(compiler.process(arguments[i], **options) for i in uses))

    compiles(element, dialect)(render)


_renders(_Like, "sqlite", "({} GLOB {})", 0, 1)
_renders(_Like, "postgresql", "({} LIKE {} ESCAPE '\\')", 0, 2)
_renders(_MapValue, "sqlite", _SQLITE_VALUE, 0, 1)
_renders(_MapValue, "postgresql", "({} ->> {})", 0, 1)
_renders(_MapHas, "sqlite", f"({_SQLITE_VALUE} IS NOT NULL)", 0, 1)
_renders(_MapHas, "postgresql", "({} ? {})", 0, 1)
_renders(_MapContains, "sqlite", f"({_SQLITE_VALUE} = {{}})", 0, 1, 2)
_renders(_MapContains, "postgresql", "({} @> {})", 0, 3)
