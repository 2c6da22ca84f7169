"""Azure Key Vault, signed in to with the client secret of an application."""

import json
from collections.abc import Mapping
from typing import Any

from workspace.secrets.stores.base import Ref, StoreError
from workspace.secrets.stores.tokens import AccessTokens
from workspace.secrets.stores.wire import Wire, member, texts_of

_NAME = "Azure Key Vault"
_AUTHORITY = "https://login.microsoftonline.com"
_SCOPE = "https://vault.azure.net/.default"
_VERSION = "api-version=7.4"
_ABSENT = frozenset({404})
# Purging needs a right of its own, and time after the deletion; a vault may forbid it.
_UNPURGED = frozenset({403, 404, 409})


class AzureStore:
    """One secret for each generation, its values as JSON."""

    def __init__(self, config: Mapping[str, str], credentials: Mapping[str, str]) -> None:
        if not credentials.get("client_secret"):
            raise StoreError(f"{_NAME} needs a client secret", is_refusal=True)
        self._config = config
        self._client_secret = credentials["client_secret"]
        self._prefix = config.get("prefix") or "weft-"
        self._wire = Wire(_NAME, config["vault_uri"])
        self._sign_in = Wire(_NAME, config.get("authority") or _AUTHORITY)
        self._tokens = AccessTokens(_NAME, self._exchange)

    async def put(self, ref: Ref, values: Mapping[str, str]) -> None:
        body = {"value": json.dumps(dict(values)), "contentType": "application/json"}
        await self._ask("PUT", "secrets", ref, body=body)

    async def get(self, ref: Ref) -> dict[str, str] | None:
        status, answer = await self._ask("GET", "secrets", ref, accept=_ABSENT)
        if status in _ABSENT:
            return None
        return texts_of(_NAME, member(_NAME, answer, "value"))

    async def delete(self, ref: Ref) -> None:
        status, _ = await self._ask("DELETE", "secrets", ref, accept=_ABSENT)
        if status not in _ABSENT:
            await self._ask("DELETE", "deletedsecrets", ref, accept=_UNPURGED)

    async def close(self) -> None:
        await self._wire.close()
        await self._sign_in.close()

    async def _ask(self, method: str, kind: str, ref: Ref, **request: Any) -> tuple[int, Any]:
        path = f"/{kind}/{self._prefix}{ref.name}?{_VERSION}"
        headers = await self._tokens.headers()
        return await self._wire.ask(method, path, headers=headers, **request)

    async def _exchange(self) -> Any:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._config["client_id"],
            "client_secret": self._client_secret,
            "scope": _SCOPE,
        }
        path = f"/{self._config['tenant_id']}/oauth2/v2.0/token"
        _, answer = await self._sign_in.ask("POST", path, form=form)
        return answer
