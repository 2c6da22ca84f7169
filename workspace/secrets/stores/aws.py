"""AWS Secrets Manager, with an access key or the one in the server's environment."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from workspace.secrets.stores.base import Ref, StoreError
from workspace.secrets.stores.signing import AccessKey, Scope, signed
from workspace.secrets.stores.wire import Wire, member, texts_of

_NAME = "AWS Secrets Manager"
_EXISTS, _ABSENT = "ResourceExistsException", "ResourceNotFoundException"
_REFUSED = frozenset({400, 404})


class AwsStore:
    """One secret for each generation, its values as JSON."""

    def __init__(self, config: Mapping[str, str], credentials: Mapping[str, str]) -> None:
        self._prefix = config.get("prefix") or "weft"
        self._scope = Scope(config["region"], "secretsmanager")
        regional = f"https://secretsmanager.{config['region']}.amazonaws.com"
        self._url = f"{(config.get('endpoint') or regional).rstrip('/')}/"
        self._key = _access_key(config.get("access_key_id", ""), credentials)
        self._wire = Wire(_NAME, self._url)

    async def put(self, ref: Ref, values: Mapping[str, str]) -> None:
        name, text = self._id(ref), json.dumps(dict(values))
        token = {"ClientRequestToken": str(ref.generation)}
        _, refusal = await self._ask("CreateSecret", {"Name": name, "SecretString": text, **token})
        if refusal == _EXISTS:
            body = {"SecretId": name, "SecretString": text, **token}
            _, refusal = await self._ask("PutSecretValue", body)
        _require(not refusal, refusal)

    async def get(self, ref: Ref) -> dict[str, str] | None:
        answer, refusal = await self._ask("GetSecretValue", {"SecretId": self._id(ref)})
        if refusal == _ABSENT:
            return None
        _require(not refusal, refusal)
        return texts_of(_NAME, member(_NAME, answer, "SecretString"))

    async def delete(self, ref: Ref) -> None:
        body = {"SecretId": self._id(ref), "ForceDeleteWithoutRecovery": True}
        _, refusal = await self._ask("DeleteSecret", body)
        _require(refusal in ("", _ABSENT), refusal)

    async def close(self) -> None:
        await self._wire.close()

    def _id(self, ref: Ref) -> str:
        return f"{self._prefix}/{ref.name}"

    async def _ask(self, operation: str, body: Mapping[str, Any]) -> tuple[Any, str]:
        """The answer, and the name of the refusal if it is one."""
        content = json.dumps(body).encode()
        headers = signed(
            "POST",
            self._url,
            {
                "content-type": "application/x-amz-json-1.1",
                "x-amz-target": f"secretsmanager.{operation}",
            },
            content,
            key=self._key,
            scope=self._scope,
            time=datetime.now(UTC),
        )
        status, answer = await self._wire.ask(
            "POST", self._url, headers=headers, content=content, accept=_REFUSED
        )
        if status not in _REFUSED:
            return answer, ""
        return answer, str(member(_NAME, answer, "__type")).rpartition("#")[2]


def _access_key(id_: str, credentials: Mapping[str, str]) -> AccessKey:
    if id_ and credentials.get("secret_access_key"):
        return AccessKey(id_, credentials["secret_access_key"])
    key = AccessKey(
        os.environ.get("AWS_ACCESS_KEY_ID", ""),
        os.environ.get("AWS_SECRET_ACCESS_KEY", ""),
        os.environ.get("AWS_SESSION_TOKEN", ""),
    )
    if not (key.id and key.secret):
        message = f"{_NAME} needs an access key: the server's environment holds none either"
        raise StoreError(message, is_refusal=True)
    return key


def _require(condition: bool, refusal: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not condition:
        raise StoreError(f"{_NAME} answered {refusal[:64]}", is_refusal=True)
