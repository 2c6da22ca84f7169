"""HashiCorp Vault and OpenBao: a KV v2 secrets engine, with a token or through AppRole."""

import time
from collections.abc import Mapping
from typing import Any

from workspace.secrets.stores.base import Ref, StoreError
from workspace.secrets.stores.wire import Wire, member, texts

_NAME = "Vault"
_ABSENT = frozenset({404})
# A login is renewed by another one, so much before its end.
_EARLY_S = 30.0


class VaultStore:
    """`<mount>/data/<prefix>/<name>`, one key in Vault for each key of the secret."""

    def __init__(self, config: Mapping[str, str], credentials: Mapping[str, str]) -> None:
        self._mount = config.get("mount") or "secret"
        self._prefix = config.get("prefix") or "weft"
        self._role = config.get("role_id", "")
        self._namespace = config.get("namespace", "")
        self._secret_id = credentials.get("secret_id", "")
        self._token = credentials.get("token", "")
        self._is_ours = not self._token
        self._valid_until = 0.0
        if self._is_ours and not (self._role and self._secret_id):
            message = "Vault needs a token, or the role id and secret id of AppRole"
            raise StoreError(message, is_refusal=True)
        ca_certificate = config.get("ca_certificate", "")
        self._wire = Wire(_NAME, config["address"], ca_certificate=ca_certificate)

    async def put(self, ref: Ref, values: Mapping[str, str]) -> None:
        await self._ask("POST", self._path("data", ref), body={"data": dict(values)})

    async def get(self, ref: Ref) -> dict[str, str] | None:
        status, answer = await self._ask("GET", self._path("data", ref), accept=_ABSENT)
        if status in _ABSENT:
            return None
        return texts(_NAME, member(_NAME, answer, "data", "data"))

    async def delete(self, ref: Ref) -> None:
        # Of the metadata: deleting data leaves it to be undeleted.
        await self._ask("DELETE", self._path("metadata", ref), accept=_ABSENT)

    async def close(self) -> None:
        await self._wire.close()

    def _path(self, kind: str, ref: Ref) -> str:
        return f"/v1/{self._mount}/{kind}/{self._prefix}/{ref.name}"

    async def _ask(self, method: str, path: str, **request: Any) -> tuple[int, Any]:
        if self._is_ours and time.monotonic() >= self._valid_until:
            await self._log_in()
        headers = {**self._headers(), "X-Vault-Token": self._token}
        return await self._wire.ask(method, path, headers=headers, **request)

    async def _log_in(self) -> None:
        proof = {"role_id": self._role, "secret_id": self._secret_id}
        _, answer = await self._wire.ask(
            "POST", "/v1/auth/approle/login", headers=self._headers(), body=proof
        )
        self._token = str(member(_NAME, answer, "auth", "client_token"))
        lease_s = float(member(_NAME, answer, "auth", "lease_duration"))
        self._valid_until = time.monotonic() + max(lease_s - _EARLY_S, 0.0)

    def _headers(self) -> dict[str, str]:
        namespace = {"X-Vault-Namespace": self._namespace} if self._namespace else {}
        return {"X-Vault-Request": "true", **namespace}
