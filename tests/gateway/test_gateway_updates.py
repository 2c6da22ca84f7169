"""Rules 35-37: masks, idempotency keys and etags."""

from typing import Any

import pytest

from tests.gateway.toy import Client, Toy, new

BOOK = "/v1/shelves/1/books/2"
KEY = "0b8a6d2e-5d2f-4c38-9a3e-2f6f0d1f7c11"


@pytest.mark.rule(35)
@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"title": "x", "pages": "3"}, ["pages", "title"]),
        (
            {"author": {"displayName": "A", "birth_year": 1}},
            ["author.birth_year", "author.display_name"],
        ),
        ({"author": {}}, ["author"]),
        ({"author": None, "title": None}, ["author", "title"]),
        ({"labels": {"a": "b"}, "extras": {"a": {"b": 1}}}, ["extras", "labels"]),
        ({"chapters": [], "subtitle": None}, ["chapters", "subtitle"]),
        ({"attachment": {"@type": "type.googleapis.com/toy.v1.Author"}}, ["attachment"]),
        ({"name": "shelves/1/books/2", "title": "x"}, ["title"]),
    ],
)
async def test_the_mask_is_what_the_body_says(
    ask: Client, toy: Toy, body: Any, paths: list[str]
) -> None:
    assert (await ask("PATCH", BOOK, json_body=body)).status == 200
    assert list(toy.last.request.update_mask.paths) == paths


@pytest.mark.rule(35, refuses=True)
async def test_a_whole_body_gets_no_mask(ask: Client, toy: Toy) -> None:
    await ask("PATCH", f"{BOOK}:amend", json_body={"book": {"title": "x"}})
    assert list(toy.last.request.update_mask.paths) == []


@pytest.mark.rule(35, refuses=True)
async def test_unknown_fields_make_no_mask(ask: Client, toy: Toy) -> None:
    assert (await ask("PATCH", BOOK, json_body={"author": {"nope": 1}})).status == 400
    assert toy.seen == []


@pytest.mark.rule(36)
async def test_a_given_mask_is_used_as_it_is(ask: Client, toy: Toy) -> None:
    await ask("PATCH", f"{BOOK}?updateMask=author.birthYear,title", json_body={"pages": "3"})
    assert list(toy.last.request.update_mask.paths) == ["author.birth_year", "title"]
    assert (await ask("PATCH", f"{BOOK}?updateMask=title")).status == 200


@pytest.mark.rule(36, refuses=True)
@pytest.mark.parametrize("query", ["", "?updateMask="])
async def test_nothing_to_do_is_refused(ask: Client, toy: Toy, query: str) -> None:
    for body in (None, {}, {"name": "shelves/1/books/2"}):
        reply = await ask("PATCH", BOOK + query, json_body=body)
        assert (reply.status, reply.reason) == (400, "NOTHING_TO_UPDATE")
    assert toy.seen == []


@pytest.mark.rule(37)
async def test_an_idempotency_key_is_the_request_id(ask: Client, toy: Toy) -> None:
    headers = {"idempotency-key": KEY}
    await ask("POST", "/v1/shelves/1/books", json_body={"title": "x"}, headers=headers)
    assert toy.last.request.request_id == KEY
    assert toy.last.metadata["idempotency-key"] == KEY
    assert (await ask("POST", f"{BOOK}:lend", json_body={}, headers=headers)).status == 200


@pytest.mark.rule(37, refuses=True)
async def test_an_idempotency_key_is_a_uuid_and_agrees(ask: Client, toy: Toy) -> None:
    for key in ("x", "", KEY[:-1], f"{KEY}0", "{" + KEY + "}"):
        reply = await ask("POST", f"{BOOK}:lend", json_body={}, headers={"idempotency-key": key})
        assert (reply.status, reply.reason) == (400, "MALFORMED_IDEMPOTENCY_KEY")
    other = KEY.replace("0", "1", 1)
    target = f"/v1/shelves/1/books?requestId={other}"
    reply = await ask("POST", target, json_body={}, headers={"idempotency-key": KEY})
    assert (reply.status, reply.reason) == (400, "IDEMPOTENCY_KEY_CONFLICT")
    assert toy.seen == []


@pytest.mark.rule(37)
async def test_if_match_fills_the_etag(ask: Client, toy: Toy) -> None:
    await ask("DELETE", BOOK, headers={"if-match": '"v7"'})
    assert toy.last.request.etag == "v7"
    await ask("PATCH", BOOK, json_body={"title": "x"}, headers={"if-match": '"v7"'})
    assert toy.last.request.book.etag == "v7"
    assert list(toy.last.request.update_mask.paths) == ["title"]
    await ask("DELETE", f"{BOOK}?etag=v1", headers={"if-match": '"v7"'})
    assert toy.last.request.etag == "v1"
    await ask("DELETE", BOOK, headers={"if-match": "*"})
    assert toy.last.request.etag == ""


@pytest.mark.rule(37, refuses=True)
@pytest.mark.parametrize("sent", ["v7", '"a", "b"', 'W/"v7"', '"', '"a"b"'])
async def test_if_match_is_one_strong_etag(ask: Client, toy: Toy, sent: str) -> None:
    reply = await ask("DELETE", BOOK, headers={"if-match": sent})
    assert (reply.status, reply.reason) == (400, "MALFORMED_IF_MATCH")
    assert toy.seen == []


@pytest.mark.rule(37, refuses=True)
async def test_a_condition_that_nobody_checks_is_refused(ask: Client, toy: Toy) -> None:
    reply = await ask("POST", f"{BOOK}:lend", json_body={}, headers={"if-match": '"v7"'})
    assert (reply.status, reply.reason) == (400, "IF_MATCH_NOT_SUPPORTED")
    assert toy.seen == []


@pytest.mark.rule(37)
async def test_responses_carry_the_etag(ask: Client, toy: Toy) -> None:
    reply = await ask("GET", BOOK)
    assert reply.headers["etag"] == '"v1"'
    for sent in ('"v1"', 'W/"v1"', '"x", "v1"', "*"):
        fresh = await ask("GET", BOOK, headers={"if-none-match": sent})
        assert (fresh.status, fresh.body, fresh.headers["etag"]) == (304, b"", '"v1"')
        assert "content-length" not in fresh.headers
    assert (await ask("GET", BOOK, headers={"if-none-match": '"v2", v1'})).status == 200


@pytest.mark.rule(37, refuses=True)
async def test_changes_are_never_not_modified(ask: Client, toy: Toy) -> None:
    headers = {"if-none-match": '"v1"'}
    toy.answers["CreateBook"] = new("Book", etag="v1")
    reply = await ask("POST", "/v1/shelves/1/books", json_body={}, headers=headers)
    assert (reply.status, reply.headers["etag"]) == (201, '"v1"')
    toy.answers["GetBook"] = new("Book", etag='bro"ken\n')
    assert "etag" not in (await ask("GET", BOOK)).headers
