"""Hash chains, alone: whatever is done to a chain or to an export of it is found."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from meshkit.chain import (
    Broken,
    Position,
    Problem,
    Record,
    Row,
    as_json,
    canonical,
    follow,
    row_hash,
)
from weft._audit import AuditBrokenError, Verified, verify_export

CHAIN = "organizations/o"
BEGINNING = Position()
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"x" * 32)
TEXTS = [name for name, kind in Record.__annotations__.items() if kind is str]


def record(number: int) -> Record:
    values: dict[str, Any] = {name: f'{name} {number} "ü"\n' for name in TEXTS}
    return Record(
        uid=UUID(int=number),
        time=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number),
        fields=["state", f"field{number}"],
        code=7 if number % 3 else 0,
        **values,
    )


def chain_of(count: int) -> list[Row]:
    rows: list[Row] = []
    previous = b""
    for number in range(1, count + 1):
        previous = row_hash(previous, CHAIN, number, record(number))
        rows.append(Row(CHAIN, number, record(number), previous))
    return rows


def export_of(rows: list[Row], *, after: Position = BEGINNING, every: int = 3) -> list[str]:
    lines = [{"export": {"chain": CHAIN, "hash": after.hash.hex(), "sequence": after.sequence}}]
    for row in rows:
        lines.append(
            {"event": as_json(row.chain, row.sequence, row.record), "hash": row.hash.hex()}
        )
        if row.sequence % every == 0 or row is rows[-1]:
            lines.append(signed(row.sequence, row.hash))
    return [json.dumps(line) for line in lines]


def signed(sequence: int, hash_: bytes, *, kind: str = "checkpoint", key: Any = KEY) -> Any:
    statement = {
        "chain": CHAIN,
        "hash": hash_.hex(),
        "kid": "k1",
        "kind": kind,
        "sequence": sequence,
        "time": "2026-01-01T00:00:00.000000Z",
    }
    signature = base64.urlsafe_b64encode(key.sign(canonical(statement))).decode().rstrip("=")
    return {"checkpoint": statement, "signature": signature}


def keys() -> dict[str, Any]:
    raw = KEY.public_key().public_bytes_raw()
    x = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "k1"}]}


def test_the_canonical_bytes_are_those_of_rfc_8785() -> None:
    """Sorted keys, no spaces, UTF-8, control characters as JSON.stringify writes them."""
    document = as_json(CHAIN, 1, record(1)._replace(actor="\x01\x1f\b\f\r\t\\/é\u2028\x7f"))
    text = canonical(document).decode()
    assert list(document) == sorted(document)
    assert json.loads(text) == document
    assert r'"actor":"\u0001\u001f\b\f\r\t\\/é' in text
    assert text.startswith('{"action":"action 1 \\"ü\\"\\n","actor":')
    first = chain_of(1)[0]
    assert first.hash == hashlib.sha256(canonical(as_json(CHAIN, 1, first.record))).digest()


def test_an_untouched_chain_and_its_export_are_whole() -> None:
    rows = chain_of(10)
    assert follow(CHAIN, Position(), rows) == Position(10, rows[-1].hash)
    assert verify_export(export_of(rows), keys()) == Verified(
        chain=CHAIN,
        after=0,
        is_anchored=True,
        last=10,
        rows=10,
        checkpoints=4,
        signed_time="2026-01-01T00:00:00.000000Z",
    )
    rest = export_of(rows[4:], after=Position(4, rows[3].hash))
    found = verify_export(rest, keys())
    assert (found.after, found.rows, found.is_anchored) == (4, 6, False)
    anchored = [rest[0], json.dumps(signed(4, rows[3].hash, kind="anchor")), *rest[1:]]
    assert verify_export(anchored, keys()).is_anchored


@given(st.integers(1, 12), st.data())
def test_any_altered_field_is_found(count: int, data: st.DataObject) -> None:
    rows = chain_of(count)
    index = data.draw(st.integers(0, count - 1))
    name = data.draw(st.sampled_from(Record._fields))
    changed: dict[str, Any] = {
        "uid": UUID(int=0),
        "time": datetime(2020, 1, 1, tzinfo=UTC),
        "fields": ["other"],
        "code": 16,
    }
    altered = rows[index].record._replace(**{name: changed.get(name, "forged")})
    rows[index] = rows[index]._replace(record=altered)
    assert follow(CHAIN, Position(), rows) == Broken(index + 1, Problem.ALTERED)
    assert broken_at(export_of(rows)) == index + 1


@given(st.integers(1, 12), st.integers(0, 11))
def test_any_altered_hash_is_found(count: int, index: int) -> None:
    rows = chain_of(count)
    index %= count
    rows[index] = rows[index]._replace(hash=b"\0" * 32)
    assert follow(CHAIN, Position(), rows) == Broken(index + 1, Problem.ALTERED)
    assert broken_at(export_of(rows)) == index + 1


@given(st.integers(2, 12), st.data())
def test_any_removed_moved_doubled_or_foreign_row_is_found(count: int, data: st.DataObject) -> None:
    rows = chain_of(count)
    index = data.draw(st.integers(0, count - 2))
    how = data.draw(st.sampled_from(["remove", "swap", "double", "insert"]))
    if how == "remove":
        del rows[index]
    elif how == "swap":
        rows[index], rows[index + 1] = rows[index + 1], rows[index]
    elif how == "double":
        rows.insert(index, rows[index])
    else:
        rows.insert(index, rows[index]._replace(record=record(99)))
    found = follow(CHAIN, Position(), rows)
    assert isinstance(found, Broken)
    assert broken_at(export_of(rows)) <= count


@given(st.integers(4, 12), st.data())
def test_a_chain_written_anew_contradicts_its_checkpoints(count: int, data: st.DataObject) -> None:
    """Who holds the database, but not the key, can compute all hashes anew."""
    honest = chain_of(count)
    index = data.draw(st.integers(0, count - 1))
    forged = honest[:index]
    previous = forged[-1].hash if forged else b""
    for row in honest[index:]:
        entry = row.record._replace(actor="forged") if row.sequence == index + 1 else row.record
        previous = row_hash(previous, CHAIN, row.sequence, entry)
        forged.append(Row(CHAIN, row.sequence, entry, previous))
    assert follow(CHAIN, Position(), forged) == Position(count, previous)
    lines = export_of(forged)
    true = {row.sequence: row.hash for row in honest}
    for position, line in enumerate(lines):
        document = json.loads(line)
        if "checkpoint" in document:
            sequence = document["checkpoint"]["sequence"]
            lines[position] = json.dumps(signed(sequence, true[sequence]))
    assert broken_at(lines) == min(s for s in true if s > index and (s % 3 == 0 or s == count))


@pytest.mark.parametrize("cut", range(1, 14))
def test_an_export_that_was_cut_off_says_so(cut: int) -> None:
    lines = export_of(chain_of(10), every=100)
    assert len(lines) == 12
    if cut < len(lines):
        assert broken_at(lines[:cut]) == cut - 1


def test_signatures_of_others_and_damaged_ones_are_found() -> None:
    rows = chain_of(2)
    *lines, last = export_of(rows)
    assert broken_at([*lines, json.dumps(signed(2, rows[1].hash, key=OTHER_KEY))]) == 2
    document = json.loads(last)
    document["checkpoint"]["kid"] = "k2"
    assert broken_at([*lines, json.dumps(document)]) == 2
    document = json.loads(last)
    document["signature"] = "!"
    assert broken_at([*lines, json.dumps(document)]) == 2
    # An anchor cannot be made of a checkpoint.
    document = json.loads(last)
    document["checkpoint"]["kind"] = "anchor"
    assert broken_at([*lines, json.dumps(document)]) == 2


@pytest.mark.parametrize(
    "line", ["", "{}", "null", "[]", "7", '{"event":{}}', '{"event":{"sequence":"1"},"hash":"00"}']
)
def test_lines_that_are_none_are_refused(line: str) -> None:
    lines = export_of(chain_of(2))
    assert broken_at([*lines[:2], line, *lines[2:]]) == 1


def test_an_appended_export_continues_the_first() -> None:
    rows = chain_of(6)
    first = export_of(rows[:4])
    more = export_of(rows[4:], after=Position(4, rows[3].hash))
    assert verify_export([*first, *more], keys()).rows == 6
    assert broken_at([*first, *export_of(rows[3:], after=Position(3, rows[2].hash))]) == 4


def broken_at(lines: list[str]) -> int:
    with pytest.raises(AuditBrokenError) as caught:
        verify_export(lines, keys())
    return caught.value.sequence
