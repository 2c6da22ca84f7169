"""Bytes that are no message, however they are not one: refused, quickly, and forgotten."""

import ctypes
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.calls import MAX_ERROR_BYTES, Method, methods
from tests.hostile.world import Site, World

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MAX_GROWTH = 64 << 20
_REFUSALS = {"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}
each_method = pytest.mark.parametrize("method", methods(), ids=str)
# What a server does before it knows the method: megabytes for each of them would show no more.
one_of_each_service = pytest.mark.parametrize(
    "method", {method.service: method for method in methods()}.values(), ids=str
)
# Malformed whatever the message: none depends on the fields it has.
MALFORMED = {
    "noise": b"\xff\xff\xff\xff\xff",
    "cut_off": b"\x0a\x7fprojects/",
    "end_of_no_group": b"\x0c",
    "endless_varint": b"\x08" + b"\x80" * 11,
    "length_of_2_to_63": b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    "open_groups": b"\x0b" * 5_000,
    "wire_type_7": b"\x0f",
}


def resident() -> int:
    """Bytes of memory that this process keeps: the servers', since they live in it."""
    gc.collect()
    # What is free but kept for the next call is not growth.
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def is_alive(site: Site) -> bool:
    """Whether an honest call is still answered."""
    method = next(
        m for m in methods() if m.package == site.package and m.descriptor.name in _HONEST
    )
    return site.as_admin(method).code == "OK"


_HONEST = {"GetCurrentPrincipal", "GetFeedInfo", "ListWorkloads"}


@pytest.fixture(scope="module", autouse=True)
def _grows_by_little(hosts: World) -> Iterator[None]:
    # What the first large messages make allocators and pools keep is no growth either.
    for method in methods()[::4]:
        hosts.of(method).as_admin(method, _bytes_field(1, b"x" * (3 << 20)))
    before = resident()
    yield
    assert resident() - before < _MAX_GROWTH


@each_method
def test_malformed_bytes(hosts: World, method: Method) -> None:
    site = hosts.of(method)
    for kind, raw in MALFORMED.items():
        found = site.as_admin(method, raw)
        assert (found.code, found.reason) == ("INVALID_ARGUMENT", "MALFORMED_MESSAGE"), kind
    assert is_alive(site)


def _text_fields(method: Method) -> Iterator[int]:
    for field in method.descriptor.input_type.fields:
        if field.type == field.TYPE_STRING and not field.is_repeated:
            yield field.number


def _bytes_field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


@each_method
def test_text_that_is_not_utf8(hosts: World, method: Method) -> None:
    site = hosts.of(method)
    for number in _text_fields(method):
        for content in (b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
            found = site.as_admin(method, _bytes_field(number, content))
            assert found.code == "INVALID_ARGUMENT", (number, content)


def _nested(number: int, depth: int) -> bytes:
    """A field in itself, so deep: each head is written once its content's length is known."""
    heads, size = [], 0
    for _ in range(depth):
        heads.append(_varint(number << 3 | 2) + _varint(size))
        size += len(heads[-1])
    return b"".join(reversed(heads))


@each_method
def test_nesting_without_end(hosts: World, method: Method) -> None:
    """Any message field, and its message fields in turn, three thousand deep."""
    site = hosts.of(method)
    for field in method.descriptor.input_type.fields:
        if field.message_type is not None:
            raw = _nested(field.number, 3_000)
            # Without the field that names it, the message is about no run that its token is of.
            refusals = {*_REFUSALS, "NOT_FOUND", "PERMISSION_DENIED"}
            assert site.as_admin(method, raw).code in refusals, field.name


@one_of_each_service
def test_too_large(hosts: World, method: Method) -> None:
    site = hosts.of(method)
    found = site.as_admin(method, _bytes_field(1, b"x" * (5 << 20)))
    assert found.code == "RESOURCE_EXHAUSTED"
    found = site.as_admin(method, metadata=[("x-padding", "x" * 20_000)])
    assert found.code == "RESOURCE_EXHAUSTED"
    assert is_alive(site)


def _is_refused_shortly(site: Site, method: Method, size: int) -> None:
    """Names so long in every field of text: the answer does not carry them back."""
    for number in _text_fields(method):
        found = site.as_admin(method, _bytes_field(number, b"x" * size))
        assert found.code in {"INVALID_ARGUMENT", "PERMISSION_DENIED", "UNAUTHENTICATED"}, number
        assert found.size < MAX_ERROR_BYTES


@each_method
def test_too_long_a_name(hosts: World, method: Method) -> None:
    _is_refused_shortly(hosts.of(method), method, 70_000)


@one_of_each_service
def test_a_name_as_long_as_a_message_may_be(hosts: World, method: Method) -> None:
    _is_refused_shortly(hosts.of(method), method, 3 << 20)
