"""Calls that tests of secrets make again and again."""

from typing import Any

from tests.workspace.harness import Harness
from weftapi.workspace.v1 import secrets_pb2

Get = secrets_pb2.GetSecretRequest
Create = secrets_pb2.CreateSecretRequest
Update = secrets_pb2.UpdateSecretRequest
Delete = secrets_pb2.DeleteSecretRequest
List = secrets_pb2.ListSecretsRequest
Access = secrets_pb2.AccessSecretRequest
PRIVATE = secrets_pb2.SECRET_SCOPE_PRIVATE


async def create(
    ws: Harness,
    secret: str = "hf",
    values: dict[str, str] | None = None,
    *,
    token: str | None = None,
    request_id: str = "",
    **fields: Any,
) -> secrets_pb2.Secret:
    """A secret; with the value "token": "hunter2" unless told otherwise."""
    given = {"token": "hunter2"} if values is None else values
    return await ws.secrets(token).CreateSecret(
        Create(
            secret_id=secret,
            secret=secrets_pb2.Secret(values=given, **fields),
            request_id=request_id,
        )
    )


async def values(ws: Harness, secret: str = "hf", token: str | None = None) -> dict[str, str]:
    """What a secret holds."""
    found = await ws.secrets(token).AccessSecret(Access(name=f"secrets/{secret}"))
    assert found.name == f"secrets/{secret}"
    return dict(found.values)
