"""What commands about models share: names as people type them, and stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weft._enums import word
from weft.cli._output import by_id, print_fields
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import models_pb2_grpc

stage_option = click.option(
    "--to",
    "stage",
    type=click.Choice(["none", "staging", "production", "archived"]),
    default="production",
    show_default=True,
    help="The stage.",
)


def connect() -> tuple[Connection, models_pb2_grpc.ModelServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import models_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(models_pb2_grpc.ModelServiceStub)


def request_id() -> str:
    """An id that makes repeating a call safe."""
    import uuid

    return str(uuid.uuid4())


def model_name(connection: Connection, text: str) -> str:
    """The resource name of a model."""
    return text if text.startswith("projects/") else f"{connection.project}/models/{text}"


def version_name(connection: Connection, text: str) -> str:
    """The resource name of MODEL@VERSION; of a model alone, its newest version."""
    if "/versions/" in text:
        return text
    model, _, version = text.partition("@")
    return f"{model_name(connection, model)}/versions/{version or 'latest'}"


def version_label(name: str) -> str:
    """`fraud@3` of a name; empty for an empty one."""
    parts = name.split("/")
    return f"{parts[3]}@{parts[5]}" if name else ""


def stage_number(word: str) -> Any:
    from weftapi.workspace.v1 import model_types_pb2

    return model_types_pb2.ModelStage.Value(f"MODEL_STAGE_{word.upper()}")


def stage_word(number: int) -> str:
    """`PRODUCTION` of a number; one that this version does not know as itself."""
    from weftapi.workspace.v1 import model_types_pb2

    return word(model_types_pb2.ModelStage, number)


def links_of(connection: Connection, stub: Any, version: str) -> list[Any]:
    """Everything that is linked to a version."""
    from weftapi.workspace.v1 import models_pb2

    call = connection.workspace.call
    request = models_pb2.ListModelVersionLinksRequest(parent=version)
    pages = paged(lambda r: call(stub.ListModelVersionLinks, r), request)
    return [link for page in pages for link in page.links]


def draw_model(model: Any) -> None:
    print_fields(
        [
            by_id("model", model.name),
            ("name", model.display_name),
            ("latest", str(model.latest_number or "")),
            ("staging", version_label(model.staging_version)),
            ("production", version_label(model.production_version)),
            ("approval", ", ".join(stage_word(stage) for stage in model.approval_stages)),
            ("made by", model.creator),
            ("labels", ", ".join(f"{k}={v}" for k, v in sorted(model.labels.items()))),
            ("card", model.description),
        ]
    )


def draw_version(connection: Any, stub: Any, version: Any) -> None:
    print_fields(
        [
            ("version", version_label(version.name)),
            ("name", version.version_id),
            ("stage", stage_word(version.stage)),
            by_id("run", version.run),
            ("made by", version.creator),
            ("new", version.description),
            ("labels", ", ".join(f"{k}={v}" for k, v in sorted(version.labels.items()))),
            *((f"  {key}", str(value)) for key, value in dict(version.metadata).items()),
        ]
    )
    for each in links_of(connection, stub, version.name):
        click.echo(f"  └─ {each.artifact_version or each.run}")
