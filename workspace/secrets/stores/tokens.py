"""Access tokens of clouds that sign in by OAuth: got when needed, kept until near their end."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from workspace.secrets.stores.wire import member

_EARLY_S = 60.0


class AccessTokens:
    """`request` answers a token endpoint's JSON; `name` is the store's."""

    def __init__(self, name: str, request: Callable[[], Awaitable[Any]]) -> None:
        self._name = name
        self._request = request
        self._token = ""
        self._valid_until = 0.0

    async def headers(self) -> dict[str, str]:
        """What a request carries."""
        if time.monotonic() >= self._valid_until:
            answer = await self._request()
            self._token = str(member(self._name, answer, "access_token"))
            seconds = float(member(self._name, answer, "expires_in"))
            self._valid_until = time.monotonic() + max(seconds - _EARLY_S, 0.0)
        return {"Authorization": f"Bearer {self._token}"}
