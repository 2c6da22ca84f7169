"""Google Cloud Secret Manager, signed in to with the key of a service account (RFC 7523)."""

import base64
import binascii
import json
import time
from collections.abc import Mapping
from typing import Any

import jwt

from workspace.secrets.stores.base import Ref, StoreError
from workspace.secrets.stores.tokens import AccessTokens
from workspace.secrets.stores.wire import Wire, member, texts_of

_NAME = "Google Cloud Secret Manager"
_ENDPOINT = "https://secretmanager.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ABSENT, _EXISTS = frozenset({404}), frozenset({409})
_LIFE_S = 3600


class GcpStore:
    """One secret for each generation, with one version: its values as JSON."""

    def __init__(self, config: Mapping[str, str], credentials: Mapping[str, str]) -> None:
        self._key = _service_account(credentials.get("service_account_key", ""))
        self._parent = f"/v1/projects/{config['project']}/secrets"
        self._prefix = config.get("prefix") or "weft-"
        self._wire = Wire(_NAME, config.get("endpoint") or _ENDPOINT)
        self._sign_in = Wire(_NAME, self._key["token_uri"])
        self._tokens = AccessTokens(_NAME, self._exchange)

    async def put(self, ref: Ref, values: Mapping[str, str]) -> None:
        headers, id_ = await self._tokens.headers(), self._id(ref)
        replicated: dict[str, Any] = {"replication": {"automatic": {}}}
        path = f"{self._parent}?secretId={id_}"
        await self._wire.ask("POST", path, headers=headers, body=replicated, accept=_EXISTS)
        text = base64.b64encode(json.dumps(dict(values)).encode()).decode()
        path = f"{self._parent}/{id_}:addVersion"
        await self._wire.ask("POST", path, headers=headers, body={"payload": {"data": text}})

    async def get(self, ref: Ref) -> dict[str, str] | None:
        path = f"{self._parent}/{self._id(ref)}/versions/latest:access"
        headers = await self._tokens.headers()
        status, answer = await self._wire.ask("GET", path, headers=headers, accept=_ABSENT)
        if status in _ABSENT:
            return None
        try:
            document = base64.b64decode(member(_NAME, answer, "payload", "data"))
        except (TypeError, binascii.Error) as error:
            raise StoreError(f"{_NAME} answered something that is no value") from error
        return texts_of(_NAME, document)

    async def delete(self, ref: Ref) -> None:
        path, headers = f"{self._parent}/{self._id(ref)}", await self._tokens.headers()
        await self._wire.ask("DELETE", path, headers=headers, accept=_ABSENT)

    async def close(self) -> None:
        await self._wire.close()
        await self._sign_in.close()

    def _id(self, ref: Ref) -> str:
        return f"{self._prefix}{ref.name}"

    async def _exchange(self) -> Any:
        key, now = self._key, int(time.time())
        claims = {
            "iss": key["client_email"],
            "scope": _SCOPE,
            "aud": key["token_uri"],
            "iat": now,
            "exp": now + _LIFE_S,
        }
        headers = {"kid": key.get("private_key_id", "")}
        try:
            proof = jwt.encode(claims, key["private_key"], algorithm="RS256", headers=headers)
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            message = "the private key of the service account is no RSA key"
            raise StoreError(message, is_refusal=True) from error
        form = {"grant_type": _GRANT, "assertion": proof}
        _, answer = await self._sign_in.ask("POST", key["token_uri"], form=form)
        return answer


def _service_account(text: str) -> dict[str, str]:
    try:
        key = texts_of(_NAME, text)
    except StoreError:
        key = {}
    if not {"client_email", "private_key", "token_uri"} <= key.keys():
        message = f"{_NAME} needs the JSON key of a service account"
        raise StoreError(message, is_refusal=True)
    return key
