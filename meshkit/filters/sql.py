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
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from meshkit.filters.binding import AllOf, Bound, Leaf, Negation, Operand, Pattern, Test
from meshkit.filters.fields import MAX_TEXT, Beside, Choice, Column

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
    if leaf.key is not None:
        found = _found(leaf)
        return sa.not_(found) if negated else found
    column = leaf.field.sql
    test = _test(column, leaf.test, leaf.operand)
    return sa.or_(column.is_(None), sa.not_(test)) if negated else test


def _found(leaf: Leaf) -> ColumnElement[bool]:
    """That the map has a value which fits."""
    beside = leaf.field.column
    if isinstance(beside, Beside):
        is_its = [beside.uid == beside.owner, beside.key == _text(beside.prefix + str(leaf.key))]
        fits = value_test(leaf, beside.text, beside.number)
        # The offset keeps PostgreSQL from joining: it takes what two terms have in common for
        # rare, collects and sorts all that matches one of them, and reads no list in its order.
        its = sa.select(sa.true()).where(*is_its, *fits).offset(sa.literal_column("0"))
        return sa.exists(its.correlate(_table(beside.owner)))
    column = leaf.field.sql
    pairs = _Pairs(column).table_valued(
        sa.column("key", sa.Text), sa.column("text", sa.Text), sa.column("number", sa.Double)
    )
    fits = value_test(leaf, pairs.c.text, pairs.c.number)
    return sa.exists().where(pairs.c.key == _text(leaf.key), *fits).correlate(_table(column))


def value_test(leaf: Leaf, text: Column, number: Column) -> list[ColumnElement[bool]]:
    """The conditions on the value of the leaf's key, where it is that of a row beside."""
    if leaf.test is Test.HAS_KEY:
        return []
    if leaf.test is Test.IS_SET:
        return [sa.or_(text.is_(None), text != "")]
    return [_test(number if isinstance(leaf.operand, float) else text, leaf.test, leaf.operand)]


def _table(column: Any) -> Any:
    return getattr(column, "expression", column).table


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


class _Pairs(FunctionElement[Any]):
    """(map as JSON): its keys with their values, as rows beside a resource hold them."""

    inherit_cache = True


_SQLITE_PAIRS = f"""(SELECT key,
    CASE WHEN type IN ('true', 'false') THEN type
         WHEN type = 'text' AND length(value) <= {MAX_TEXT} THEN value END AS text,
    CASE WHEN type IN ('integer', 'real') THEN value END AS number
    FROM json_each({{}}) WHERE type <> 'null')"""  # noqa: S608 - a number of ours
_POSTGRESQL_PAIRS = f"""(SELECT key,
    CASE WHEN jsonb_typeof(value) = 'boolean' OR jsonb_typeof(value) = 'string'
         AND length(value #>> '{{{{}}}}') <= {MAX_TEXT} THEN value #>> '{{{{}}}}' END AS text,
    CASE WHEN jsonb_typeof(value) = 'number'
         THEN CAST(value AS double precision) END AS number
    FROM jsonb_each({{}}) WHERE jsonb_typeof(value) <> 'null')"""  # noqa: S608 - likewise


def _renders(element: type[FunctionElement[Any]], dialect: str, template: str, *uses: int) -> None:
    """Registers a template; arguments that it does not use are not sent to the database."""

    def render(node: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
        arguments = list(node.clauses)
        return template.format(*(compiler.process(arguments[i], **options) for i in uses))

    compiles(element, dialect)(render)


_renders(_Like, "sqlite", "({} GLOB {})", 0, 1)
_renders(_Like, "postgresql", "({} LIKE {} ESCAPE '\\')", 0, 2)
_renders(_Pairs, "sqlite", _SQLITE_PAIRS, 0)
_renders(_Pairs, "postgresql", _POSTGRESQL_PAIRS, 0)
