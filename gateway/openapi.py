"""The OpenAPI document (3.1), generated from the table that serves the requests; rule 67."""

from collections.abc import Iterable
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from starlette.requests import Request
from starlette.responses import Response

from gateway.contract import Contract
from gateway.pages import Page
from gateway.printer import dumps
from gateway.routes import HTTP_BODY, WHOLE_BODY, Route, RouteTable
from gateway.schemas import Schemas
from gateway.templates import STAR

_MAX_DEPTH: Final = 2
_TITLE: Final = "Weft"
_DESCRIPTION: Final = (
    "Paths below /api/workspace/ reach the default workspace; /api/workspaces/<workspace>/ in "
    "their place reaches the workspace of that name. Every method is a gRPC method as well."
)
_BYTES: Final = {"type": "string", "format": "binary"}
_ERROR: Final = {
    "type": "object",
    "description": "google.rpc.Status: what went wrong, for programs and for people.",
    "properties": {
        "code": {"type": "integer", "description": "google.rpc.Code"},
        "message": {"type": "string"},
        "details": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["code", "message", "details"],
}


def build(contract: Contract, table: RouteTable, *, version: str) -> dict[str, Any]:
    """The document: one operation for each route."""
    schemas = Schemas(contract)
    paths: dict[str, dict[str, Any]] = {}
    seen: dict[str, int] = {}
    for route in table.routes:
        bindings = seen[route.rpc.full_name] = seen.get(route.rpc.full_name, 0) + 1
        operation = _Operation(contract, schemas, route).build(bindings)
        paths.setdefault(openapi_path(route), {})[route.http_method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": version, "description": _DESCRIPTION},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {"Status": _ERROR, **schemas.collected()},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def openapi_path(route: Route) -> str:
    """The route's path with one parameter for each captured segment.

    OpenAPI's parameters hold no slash: `{name=projects/*/runs/*}` becomes
    `projects/{name_1}/runs/{name_2}`, and a single `{name}` stays as it is.
    """
    segments = list(route.template.segments)
    for name, index in _parameters(route):
        segments[index] = f"{{{name}}}"
    verb = f":{route.template.verb}" if route.template.verb else ""
    return f"/{'/'.join(segments)}{verb}"


def _parameters(route: Route) -> list[tuple[str, int]]:
    """Names of the path's parameters and the segments that they stand for."""
    found: list[tuple[str, int]] = []
    covered: set[int] = set()
    for variable in route.template.variables:
        end = variable.end if variable.end is not None else len(route.template.segments)
        wild = [n for n in range(variable.start, end) if route.template.segments[n][:1] == STAR]
        covered.update(wild)
        for number, index in enumerate(wild, 1):
            name = variable.field_path if len(wild) == 1 else f"{variable.field_path}_{number}"
            found.append((name, index))
    free = [n for n, one in enumerate(route.template.segments) if one[:1] == STAR]
    unnamed = [n for n in free if n not in covered]
    return found + [(f"segment_{number}", index) for number, index in enumerate(unnamed, 1)]


class _Operation:
    """Describes one route."""

    def __init__(self, contract: Contract, schemas: Schemas, route: Route) -> None:
        self._contract = contract
        self._schemas = schemas
        self._route = route

    def build(self, binding: int) -> dict[str, Any]:
        rpc = self._route.rpc
        service = rpc.containing_service
        assert service is not None
        suffix = f"_{binding}" if binding > 1 else ""
        operation: dict[str, Any] = {
            "operationId": f"{service.name}_{rpc.name}{suffix}",
            "tags": [service.name],
            "x-grpc-method": self._route.rpc_path,
            "parameters": [*self._path_parameters(), *self._query_parameters()],
            "responses": self._responses(),
        }
        comment = self._contract.comment(rpc.full_name)
        if comment:
            operation["summary"] = comment.partition(". ")[0].rstrip(".")
            operation["description"] = comment
        body = self._body()
        if body:
            operation["requestBody"] = body
        return operation

    def _path_parameters(self) -> Iterable[dict[str, Any]]:
        for name, _ in _parameters(self._route):
            schema = {"type": "string"}
            yield {"name": name, "in": "path", "required": True, "schema": schema}

    def _query_parameters(self) -> Iterable[dict[str, Any]]:
        if self._route.body == WHOLE_BODY:
            return
        covered = {capture.variable.field_path for capture in self._route.captures}
        covered.add(self._route.body)
        yield from self._query_fields(self._route.rpc.input_type, "", covered, _MAX_DEPTH)

    def _query_fields(
        self, descriptor: Descriptor, prefix: str, covered: set[str], depth: int
    ) -> Iterable[dict[str, Any]]:
        for field in descriptor.fields:
            path = f"{prefix}{field.name}"
            if path in covered:
                continue
            if self._schemas.is_open(field):
                if depth > 1 and not field.is_repeated and field.message_type is not None:
                    yield from self._query_fields(
                        field.message_type, f"{path}.", covered, depth - 1
                    )
                continue
            yield self._query_parameter(field, prefix)

    def _query_parameter(self, field: FieldDescriptor, prefix: str) -> dict[str, Any]:
        parameter: dict[str, Any] = {
            "name": f"{prefix}{field.json_name}",
            "in": "query",
            "schema": self._schemas.of_field(field, in_query=True),
        }
        description = self._contract.comment(field.full_name)
        return {**parameter, "description": description} if description else parameter

    def _body(self) -> dict[str, Any] | None:
        body, request = self._route.body, self._route.rpc.input_type
        if not body:
            return None
        if self._route.takes_raw:
            return {"content": {"*/*": {"schema": _BYTES}}}
        if body == WHOLE_BODY:
            schema = self._schemas.of_message(request)
        else:
            schema = self._schemas.of_field(request.fields_by_name[body])
        return {"content": {"application/json": {"schema": schema}}}

    def _responses(self) -> dict[str, Any]:
        content = self._content(self._route.rpc)
        success: dict[str, Any] = {"description": "Success"}
        if self._route.success_code != 204:  # noqa: PLR2004
            success["content"] = content
        error = {"schema": {"$ref": "#/components/schemas/Status"}}
        return {
            str(self._route.success_code): success,
            "default": {"description": "Error", "content": {"application/json": error}},
        }

    def _content(self, rpc: MethodDescriptor) -> dict[str, Any]:
        if rpc.output_type.full_name == HTTP_BODY:
            return {"*/*": {"schema": _BYTES}}
        if self._route.response_body:
            field = rpc.output_type.fields_by_name[self._route.response_body]
            return {"application/json": {"schema": self._schemas.of_field(field)}}
        schema = self._schemas.of_message(rpc.output_type)
        if not self._route.is_stream:
            return {"application/json": {"schema": schema}}
        line = {"type": "object", "properties": {"result": schema, "error": _STATUS}}
        return {
            "application/json": {"schema": line},
            "application/x-ndjson": {"schema": line},
            "text/event-stream": {"schema": schema},
        }


_STATUS: Final = {"$ref": "#/components/schemas/Status"}


def page(document: dict[str, Any]) -> Page:
    """The page that serves the document."""
    encoded = dumps(document)

    async def serve(_: Request) -> Response:
        return Response(encoded, media_type="application/json")

    return Page(serve)
