"""Lists in pages: page sizes, orders, sealed page tokens, and the keyset that resumes a list.

A page token is encrypted and authenticated together with the query it continues, so it can
neither be read, nor altered, nor used with another method, parent, filter or order.
"""

import base64
import binascii
import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from meshkit.errors import FieldViolation, InvalidArgument

# SQLAlchemy is imported where it is used: the workload manager pages lists in memory, and more
# than half of its start went into an import that it has no use for.
if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import InstrumentedAttribute

    Column = ColumnElement[Any] | InstrumentedAttribute[Any]

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 500
# Half of gRPC's default limit of 4 MiB a message, which stays on purpose.
MAX_PAGE_BYTES = 2 * 1024 * 1024
# What the contract's `page_token` fields take; a cursor holds one key and one uid, both short.
MAX_TOKEN_LENGTH = 4096
KEY_BYTES = 32

_VERSION = b"\x01"
_NONCE_BYTES = 12
# Tag and length that protobuf puts before an item of a repeated field.
_ITEM_OVERHEAD = 5


class Sized(Protocol):
    """An item that knows its encoded size in bytes: any protobuf message."""

    def ByteSize(self) -> int: ...


T = TypeVar("T")
M = TypeVar("M", bound=Sized)
S = TypeVar("S", bound="Select[*tuple[Any, ...]]")
KeyValue = str | int | float | bool | datetime | UUID | None


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list asks for; a page token continues exactly this and nothing else."""

    method: str
    parent: str = ""
    filter: str = ""
    order_by: str = ""
    view: int = 0
    show_deleted: bool = False

    def binding(self) -> bytes:
        """The query as bytes; unlike queries never give equal bytes."""
        texts = [self.method, self.parent, self.filter, self.order_by]
        return json.dumps([*texts, self.view, self.show_deleted]).encode()


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last item of a page: its order key and uid; `revision` is that of the first page."""

    key: KeyValue
    uid: KeyValue
    revision: int


@dataclass(frozen=True, slots=True)
class OrderKey:
    """A field by which a list may be ordered.

    `column` may be absent where lists live in memory. `value` reads the key from a row or item;
    the default is the attribute `name`.
    """

    name: str
    column: "Column | None" = None
    nullable: bool = False
    value: Callable[[Any], Any] | None = None

    def read(self, item: Any) -> Any:
        """The item's key, None where it has none."""
        return (self.value or attrgetter(self.name))(item)

    @property
    def sql(self) -> "Column":
        """The column; TypeError where the list lives in memory only."""
        if self.column is None:
            raise TypeError(f"order key {self.name!r} has no column")
        return self.column


@dataclass(frozen=True, slots=True)
class Order:
    """One order: a key, then the uid in the same direction, so that no two items are equal.

    An absent key is greater than every other, in SQL and in memory.
    """

    key: OrderKey
    uid: OrderKey
    descending: bool = False

    def clauses(self) -> "tuple[ColumnElement[Any], ...]":
        """For ORDER BY."""
        key, uid = self.key.sql, self.uid.sql
        if self.descending:
            first = key.desc().nulls_first() if self.key.nullable else key.desc()
            return first, uid.desc()
        first = key.asc().nulls_last() if self.key.nullable else key.asc()
        return first, uid.asc()

    def after(self, cursor: Cursor) -> "ColumnElement[bool]":
        """For WHERE: the items behind the cursor."""
        from sqlalchemy import and_, literal, or_, tuple_

        if not self.key.nullable:
            return self._beyond(tuple_(self.key.sql, self.uid.sql), self._bound(cursor))
        key, uid = self.key.sql, self.uid.sql
        later_uid = self._beyond(uid, literal(cursor.uid, uid.type))
        if cursor.key is None:
            later_key = key.is_not(None) if self.descending else None
            same_key = and_(key.is_(None), later_uid)
            return same_key if later_key is None else or_(later_key, same_key)
        value = literal(cursor.key, key.type)
        behind = or_(self._beyond(key, value), and_(key == value, later_uid))
        return behind if self.descending else or_(behind, key.is_(None))

    def pick(self, items: Iterable[T], cursor: Cursor | None) -> list[T]:
        """The items behind the cursor, in order; for lists that live in memory."""
        ranked = [(self._rank(self.key.read(item), self.uid.read(item)), item) for item in items]
        if cursor is not None:
            end = self._rank(cursor.key, cursor.uid)
            ranked = [
                pair for pair in ranked if (pair[0] < end if self.descending else pair[0] > end)
            ]
        ranked.sort(key=lambda pair: pair[0], reverse=self.descending)
        return [item for _, item in ranked]

    def _bound(self, cursor: Cursor) -> "ColumnElement[Any]":
        from sqlalchemy import literal, tuple_

        key, uid = self.key.sql, self.uid.sql
        return tuple_(literal(cursor.key, key.type), literal(cursor.uid, uid.type))

    def _beyond(self, left: Any, right: Any) -> "ColumnElement[bool]":
        beyond: ColumnElement[bool] = left < right if self.descending else left > right
        return beyond

    @staticmethod
    def _rank(key: Any, uid: Any) -> tuple[bool, Any, Any]:
        return key is None, key, uid


@dataclass(frozen=True, slots=True)
class Orders:
    """The orders a list allows, by name; `default` is used where the request says nothing."""

    keys: tuple[OrderKey, ...]
    uid: OrderKey
    default: str = "create_time desc"

    def parse(self, text: str) -> Order:
        """Reads "create_time" or "create_time desc"; InvalidArgument for anything else."""
        words = (text or self.default).split()
        names = {key.name: key for key in self.keys}
        if len(words) in {1, 2} and words[0] in names and words[1:] in ([], ["asc"], ["desc"]):
            return Order(names[words[0]], self.uid, descending=words[1:] == ["desc"])
        allowed = ", ".join(sorted(names))
        problem = f"must be one of {allowed}, alone or followed by asc or desc"
        raise _invalid("INVALID_ORDER", "order_by", problem)


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """One page of a list; `next_page_token` is empty on the last.

    `revision` is the feed revision of the first page: a watch from there misses no change made
    while the list was being read.
    """

    items: tuple[M, ...]
    next_page_token: str
    revision: int


class PageTokens:
    """Seals cursors; the first key seals, all of them open, so keys can be rotated."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"page tokens need keys of {KEY_BYTES} bytes")
        self._ciphers = [AESGCM(key) for key in keys]

    def seal(self, cursor: Cursor, query: ListQuery) -> str:
        """A token, safe in URLs, that `unseal` opens for the same query alone."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        values = [_to_json(cursor.key), _to_json(cursor.uid), cursor.revision]
        content = json.dumps(values, ensure_ascii=False)
        sealed = self._ciphers[0].encrypt(nonce, content.encode(), _VERSION + query.binding())
        return base64.urlsafe_b64encode(_VERSION + nonce + sealed).rstrip(b"=").decode()

    def unseal(self, token: str, query: ListQuery) -> Cursor:
        """The cursor of a token; InvalidArgument where it is not one of ours for this query."""
        raw = _decode(token)
        if raw is None or raw[:1] != _VERSION:
            raise _bad_token()
        nonce, sealed = raw[1 : 1 + _NONCE_BYTES], raw[1 + _NONCE_BYTES :]
        for cipher in self._ciphers:
            try:
                content = cipher.decrypt(nonce, sealed, _VERSION + query.binding())
            except (InvalidTag, ValueError):
                continue
            key, uid, revision = json.loads(content)
            return Cursor(_from_json(key), _from_json(uid), revision)
        raise _bad_token()

    def window(self, query: ListQuery, orders: Orders, *, size: int, token: str) -> "Window":
        """What to fetch for a request; InvalidArgument for a bad size, order or token."""
        order = orders.parse(query.order_by)
        cursor = self.unseal(token, query) if token else None
        return Window(page_size(size), order, query, cursor, self)


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a list that one request asks for."""

    size: int
    order: Order
    query: ListQuery
    cursor: Cursor | None
    _tokens: PageTokens = field(repr=False)

    def apply(self, statement: S) -> S:
        """Adds keyset, order and limit; fetches one more than the page, to see whether it ends."""
        from sqlalchemy import true

        behind = self.order.after(self.cursor) if self.cursor else true()
        return statement.where(behind).order_by(*self.order.clauses()).limit(self.size + 1)

    def pick(self, items: Iterable[T]) -> list[T]:
        """The same over items in memory."""
        return self.order.pick(items, self.cursor)[: self.size + 1]

    def page(self, rows: Sequence[T], encode: Callable[[T], M], *, revision: int) -> Page[M]:
        """Makes the page of what `apply` or `pick` fetched, cut at MAX_PAGE_BYTES.

        A first item beyond that size is returned alone: a list must get past it.
        """
        first_revision = self.cursor.revision if self.cursor else revision
        items: list[M] = []
        room = MAX_PAGE_BYTES
        for row in rows[: self.size]:
            item = encode(row)
            room -= item.ByteSize() + _ITEM_OVERHEAD
            if items and room < 0:
                break
            items.append(item)
        if len(items) == len(rows):
            return Page(tuple(items), "", first_revision)
        last = rows[len(items) - 1]
        cursor = Cursor(self.order.key.read(last), self.order.uid.read(last), first_revision)
        return Page(tuple(items), self._tokens.seal(cursor, self.query), first_revision)


def page_size(requested: int) -> int:
    """0 means DEFAULT_PAGE_SIZE, more than MAX_PAGE_SIZE that; InvalidArgument if negative."""
    if requested < 0:
        raise _invalid("INVALID_FIELDS", "page_size", "must not be negative")
    return min(requested or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def _invalid(reason: str, name: str, description: str) -> InvalidArgument:
    violations = [FieldViolation(name, description)]
    return InvalidArgument(reason, f"{name} {description}", violations=violations)


def _bad_token() -> InvalidArgument:
    return InvalidArgument(
        "INVALID_PAGE_TOKEN",
        "the page token does not belong to this request: repeat the request unchanged with it, "
        "or start from the first page",
    )


def _decode(token: str) -> bytes | None:
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        return None
    padding = "=" * (-len(token) % 4)
    try:
        return base64.b64decode(token + padding, altchars=b"-_", validate=True)
    except binascii.Error:
        return None


def _to_json(value: KeyValue) -> Any:
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, UUID):
        return {"uuid": str(value)}
    return value


def _from_json(value: Any) -> KeyValue:
    match value:
        case {"time": text}:
            return datetime.fromisoformat(text)
        case {"uuid": text}:
            return UUID(text)
        case _:
            return value  # type: ignore[no-any-return]
