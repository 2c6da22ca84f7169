"""Rules 1-12: the table, the path grammar, and how paths match."""

from typing import Any

import pytest
from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2

from gateway import templates
from gateway.contract import Contract, options
from gateway.errors import Refused
from gateway.routes import RouteError, RouteTable
from meshkit.errors import NotFound
from tests.gateway.toy import SERVICES, Client, Toy

TEXT, MESSAGE = (
    descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
)
ONE, MANY = (
    descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
    descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED,
)


def table(*rules: http_pb2.HttpRule, client_streaming: bool = False, **more: Any) -> RouteTable:
    """The table of a service with one method for each rule."""
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    inner = file.message_type.add(name="Inner")
    inner.field.add(name="text", number=1, type=TEXT, label=ONE)
    request = file.message_type.add(name="Request")
    request.field.add(name="name", number=1, type=TEXT, label=ONE)
    request.field.add(name="tags", number=2, type=TEXT, label=MANY)
    request.field.add(name="inner", number=3, type=MESSAGE, label=ONE, type_name=".t.Inner")
    service = file.service.add(name="Service")
    for index, rule in enumerate(rules):
        method = service.method.add(
            name=f"M{index}",
            input_type=".t.Request",
            output_type=".t.Request",
            client_streaming=client_streaming,
            server_streaming=more.get("server_streaming", False),
        )
        method.options.Extensions[annotations_pb2.http].CopyFrom(rule)
        if "success_code" in more:
            method.options.Extensions[options.success_code] = more["success_code"]
        if "resume_field" in more:
            method.options.Extensions[options.stream].resume_field = more["resume_field"]
    return RouteTable(Contract(descriptor_pb2.FileDescriptorSet(file=[file])).services("t"))


def get(path: str) -> http_pb2.HttpRule:
    return http_pb2.HttpRule(get=path)


def winner(routes: RouteTable, path: str) -> str:
    return routes.find("GET", path).route.path


@pytest.mark.rule(1)
def test_every_binding_is_a_route() -> None:
    routes = RouteTable(SERVICES).routes
    bound = [(route.rpc.name, route.http_method, route.path) for route in routes]
    assert ("GetBook", "GET", "/v1/{name=shelves/*/books/*}") in bound
    assert ("GetBook", "GET", "/v1/isbn/{isbn}") in bound
    assert "ImportBooks" not in {name for name, _, _ in bound}


@pytest.mark.rule(1, refuses=True)
@pytest.mark.parametrize(
    ("rule", "more", "says"),
    [
        (http_pb2.HttpRule(get="/a", body="*"), {}, "body on GET"),
        (http_pb2.HttpRule(delete="/a", body="inner"), {}, "body on DELETE"),
        (http_pb2.HttpRule(post="/a", body="inner.text"), {}, "no single message field"),
        (http_pb2.HttpRule(post="/a", body="tags"), {}, "no single message field"),
        (http_pb2.HttpRule(post="/a", body="name"), {}, "no single message field"),
        (http_pb2.HttpRule(post="/a", body="nothing"), {}, "no single message field"),
        (http_pb2.HttpRule(post="/a/{inner}", body="inner"), {}, "also captures the body"),
        (get("/a/{tags}"), {}, "captures the list"),
        (get("/a/{inner}"), {}, "captures the message"),
        (get("/a/{nothing}"), {}, "has no 'nothing'"),
        (get("/a/{name.text}"), {}, "has no 'name.text'"),
        (http_pb2.HttpRule(get="/a", response_body="nothing"), {}, "no field 'nothing'"),
        (http_pb2.HttpRule(get="/a", response_body="name"), {"server_streaming": True}, "streams"),
        (http_pb2.HttpRule(), {}, "without a path"),
        (get("/a"), {"client_streaming": True}, "streams requests"),
        (get("/a"), {"success_code": 302}, "success code 302"),
        (get("/a"), {"server_streaming": True, "resume_field": "nothing"}, "no field 'nothing'"),
    ],
)
def test_a_wrong_annotation_stops_the_start(
    rule: http_pb2.HttpRule, more: dict[str, Any], says: str
) -> None:
    with pytest.raises(RouteError, match=says):
        table(rule, **more)


@pytest.mark.rule(1, refuses=True)
def test_bindings_do_not_nest() -> None:
    rule = get("/a")
    rule.additional_bindings.add(get="/b").additional_bindings.add(get="/c")
    with pytest.raises(RouteError, match="nests"):
        table(rule)


@pytest.mark.rule(2)
async def test_head_is_get_without_a_body(ask: Client) -> None:
    whole = await ask("GET", "/v1/shelves/1/books/2")
    head = await ask("HEAD", "/v1/shelves/1/books/2")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.body))


@pytest.mark.rule(2)
async def test_custom_methods_are_served(ask: Client, toy: Toy) -> None:
    assert (await ask("PURGE", "/v1/echo?text=x")).json["text"] == "x"


@pytest.mark.rule(2, refuses=True)
async def test_options_is_answered_by_cors_alone(ask: Client, toy: Toy) -> None:
    reply = await ask("OPTIONS", "/v1/shelves/1/books/2")
    assert (reply.status, toy.seen) == (405, [])
    assert "OPTIONS" not in reply.headers["allow"]


@pytest.mark.rule(2, refuses=True)
@pytest.mark.parametrize("kind", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "*", "get", ""])
def test_reserved_methods_are_not_custom(kind: str) -> None:
    rule = http_pb2.HttpRule(custom=http_pb2.CustomHttpPattern(kind=kind, path="/a"))
    with pytest.raises(RouteError, match="HTTP method"):
        table(rule)


@pytest.mark.rule(3)
@pytest.mark.parametrize(
    ("text", "segments", "fields", "verb"),
    [
        ("/v1/a", ("v1", "a"), [], ""),
        ("/{f}", ("*",), [("f", 0, 1, True)], ""),
        ("/{f=*}", ("*",), [("f", 0, 1, True)], ""),
        ("/v1/{f=a/*}/b", ("v1", "a", "*", "b"), [("f", 1, 3, False)], ""),
        ("/{a.b=x/**}:v", ("x", "**"), [("a.b", 0, None, False)], "v"),
        ("/*/{b}/c%2Fd", ("*", "*", "c%2Fd"), [("b", 1, 2, True)], ""),
        ("/a:verb", ("a",), [], "verb"),
    ],
)
def test_the_grammar(
    text: str, segments: tuple[str, ...], fields: list[tuple[Any, ...]], verb: str
) -> None:
    template = templates.parse(text)
    found = [(v.field_path, v.start, v.end, v.single) for v in template.variables]
    assert (template.segments, found, template.verb) == (segments, fields, verb)


@pytest.mark.rule(3, refuses=True)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "/",
        "/a/",
        "//a",
        "/{f",
        "/f}",
        "/{}",
        "/{=a}",
        "/{f={g}}",
        "/{f=a/{g}}",
        "/**/a",
        "/{f=**}/a",
        "/{f=}",
        "/{f=a/}",
        "/a:",
        "/a:b/c:",
        "/a b",
        "/{f.}",
        "/{1f}",
        "/{f}/{f}",
        "/a%2",
        "/***",
        "/a*",
        "/{f}x",
        "/x{f}",
        "/{f=a:b}",
        "/a?b",
        "/a#b",
    ],
)
def test_the_grammar_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="path template"):
        templates.parse(text)


@pytest.mark.rule(4)
def test_one_star_is_one_segment_and_two_are_any_number() -> None:
    routes = table(get("/one/{name}"), get("/all/{name=**}"))
    assert winner(routes, "/one/x") == "/one/{name}"
    for path in ("/all", "/all/x", "/all/x/y/z"):
        assert winner(routes, path) == "/all/{name=**}"


@pytest.mark.rule(4, refuses=True)
@pytest.mark.parametrize("path", ["/one", "/one/", "/one/x/y", "/all/", "/all/x//y", "/all/x/"])
def test_segments_are_never_empty(path: str) -> None:
    with pytest.raises(NotFound):
        table(get("/one/{name}"), get("/all/{name=**}")).find("GET", path)


@pytest.mark.rule(5)
def test_dots_are_plain_text() -> None:
    match = table(get("/a/{name}")).find("GET", "/a/..")
    assert templates.capture(match.route.captures[0].variable, match.segments) == ".."


@pytest.mark.rule(5, refuses=True)
@pytest.mark.parametrize("path", ["/A/b", "/a/b/", "//a/b", "/a//b", "/a/./b", "/x/../a/b", "a/b"])
def test_paths_are_never_normalised(path: str) -> None:
    with pytest.raises(NotFound):
        table(get("/a/b")).find("GET", path)


@pytest.mark.rule(6)
async def test_an_escaped_slash_does_not_split(ask: Client, toy: Toy) -> None:
    assert (await ask("GET", "/v1/isbn/a%2Fb")).status == 200
    assert toy.last.request.isbn == "a/b"


@pytest.mark.rule(6, refuses=True)
async def test_an_escaped_slash_is_no_separator(ask: Client, toy: Toy) -> None:
    assert (await ask("GET", "/v1/isbn%2Fx")).status == 404
    assert (await ask("GET", "/v1/shelves%2F1/books/2")).status == 404
    assert toy.seen == []


@pytest.mark.rule(7)
@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/v1/echo/text/a%2Fb%20c%3F%25", "a/b c?%"),
        ("/v1/echo/text/a+b", "a+b"),
        ("/v1/echo/text/%E2%82%AC", "€"),
        ("/v1/echo/files/a/b%2Fc%20d", "a/b%2Fc d"),
        ("/v1/echo/files/x%3Ay%2c%E2%82%AC", "x%3Ay%2c€"),
        ("/v1/echo/files/100%25", "100%"),
        ("/v1/echo/files", ""),
    ],
)
async def test_captures_are_decoded(ask: Client, toy: Toy, target: str, text: str) -> None:
    assert (await ask("GET", target)).json["text"] == text


@pytest.mark.rule(7)
async def test_nested_fields_are_captured(ask: Client) -> None:
    reply = await ask("GET", "/v1/echo/nested/a/b/end")
    assert reply.json["child"]["text"] == "a/b"


@pytest.mark.rule(7, refuses=True)
async def test_a_capture_must_fit_its_field(ask: Client) -> None:
    for text in ("x", "1.5", "99999999999", "%201"):
        assert (await ask("GET", f"/v1/echo/int/{text}")).status == 400


@pytest.mark.rule(8)
async def test_valid_escapes_in_either_case(ask: Client) -> None:
    assert (await ask("GET", "/v1/echo/text/%c3%A9")).json["text"] == "é"


@pytest.mark.rule(8, refuses=True)
@pytest.mark.parametrize("text", ["%", "%2", "%zz", "%c3", "%ff", "%ed%a0%80", "a%2", "%2%34"])
async def test_malformed_escapes_are_refused(ask: Client, toy: Toy, text: str) -> None:
    for path in ("text", "files"):
        reply = await ask("GET", f"/v1/echo/{path}/{text}")
        assert (reply.status, reply.json["code"], reply.reason) == (400, 3, "MALFORMED_PATH")
    assert toy.seen == []


@pytest.mark.rule(9)
def test_verbs_end_the_last_segment() -> None:
    routes = table(get("/a/{name}"), get("/a/{name}:stop"), get("/all/{name=**}:peek"))
    assert winner(routes, "/a/x:stop") == "/a/{name}:stop"
    assert winner(routes, "/a/x:y:stop") == "/a/{name}:stop"
    assert winner(routes, "/a/x:other") == "/a/{name}"
    assert routes.find("GET", "/a/x:other").segments == ["a", "x:other"]
    assert winner(routes, "/all/x/y:peek") == "/all/{name=**}:peek"
    assert winner(routes, "/all:peek") == "/all/{name=**}:peek"


@pytest.mark.rule(9, refuses=True)
@pytest.mark.parametrize(
    "path", ["/b/:stop", "/b/x", "/b/x:Stop", "/b/x:stop/", "/b/x:", "/b:stop"]
)
def test_a_verb_needs_something_before_it(path: str) -> None:
    with pytest.raises(NotFound):
        table(get("/b/{name}:stop")).find("GET", path)


@pytest.mark.rule(10)
def test_literals_beat_stars_from_left_to_right() -> None:
    routes = table(
        get("/{name}/b"), get("/a/{name}"), get("/a/b"), get("/{name=**}"), get("/a/{name=**}")
    )
    assert winner(routes, "/a/b") == "/a/b"
    assert winner(routes, "/a/c") == "/a/{name}"
    assert winner(routes, "/x/b") == "/{name}/b"
    assert winner(routes, "/a/c/d") == "/a/{name=**}"
    assert winner(routes, "/x/y") == "/{name=**}"


@pytest.mark.rule(10)
def test_a_dead_end_is_left_again() -> None:
    routes = table(get("/a/b/c"), get("/a/{name}/d"))
    assert winner(routes, "/a/b/d") == "/a/{name}/d"


@pytest.mark.rule(10, refuses=True)
@pytest.mark.parametrize(
    ("one", "other"), [("/a", "/a"), ("/{name}", "/*"), ("/a/{name=b/*}", "/a/b/{name}")]
)
def test_equal_rank_stops_the_start(one: str, other: str) -> None:
    with pytest.raises(RouteError, match="both serve"):
        table(get(one), get(other))


@pytest.mark.rule(11)
def test_the_better_path_of_another_method_does_not_hide_a_route() -> None:
    routes = table(http_pb2.HttpRule(post="/a/b"), get("/a/{name}"))
    assert winner(routes, "/a/b") == "/a/{name}"


@pytest.mark.rule(11, refuses=True)
async def test_unknown_method_and_unknown_path(ask: Client) -> None:
    reply = await ask("PUT", "/v1/shelves/1/books/2")
    assert (reply.status, reply.json["code"]) == (405, 12)
    assert reply.headers["allow"] == "DELETE, GET, HEAD, PATCH"
    reply = await ask("GET", "/v1/nothing")
    assert (reply.status, reply.json["code"], reply.reason) == (404, 5, "ROUTE_NOT_FOUND")


@pytest.mark.rule(11, refuses=True)
def test_allow_names_every_route_that_matches() -> None:
    with pytest.raises(Refused) as refused:
        table(http_pb2.HttpRule(post="/a/b"), http_pb2.HttpRule(put="/a/{name}")).find(
            "GET", "/a/b"
        )
    assert refused.value.headers == {"allow": "POST, PUT"}


@pytest.mark.rule(12, refuses=True)
async def test_the_method_cannot_be_overridden(ask: Client, toy: Toy) -> None:
    for headers in ({"x-http-method-override": "DELETE"}, {"x-method-override": "DELETE"}):
        assert (await ask("GET", "/v1/shelves/1/books/2", headers=headers)).status == 200
        assert toy.last.method == "GetBook"
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert (await ask("POST", "/v1/isbn/1", body=b"a=b", headers=form)).status == 405
    assert (await ask("POST", "/v1/echo", body=b"text=b", headers=form)).status == 415
