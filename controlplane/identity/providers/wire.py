"""HTTP with providers: every request through the egress, every failure in words."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import httpx2

from controlplane.identity.providers.model import (
    Client,
    IdentityRejectedError,
    ProviderUnavailableError,
)
from meshkit.egress import Egress, EgressError

# Imported where it is used: most servers start more often than somebody signs in through others.
if TYPE_CHECKING:
    from authlib.integrations.httpx_client import AsyncOAuth2Client

_OK = 200
# Of the whole exchange; each provider's bulkhead ends it earlier.
_TIMEOUT_S = 10.0


class Wire:
    """Fetches documents and exchanges codes."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    async def fetch(self, url: str) -> dict[str, Any]:
        """A public JSON document; raises ProviderUnavailableError."""
        transport = self._egress.transport()
        async with httpx2.AsyncClient(transport=transport, timeout=_TIMEOUT_S) as client:
            document = await _get(client, url)
        if not isinstance(document, dict):
            raise ProviderUnavailableError(f"{_shown(url)} is not a JSON object")
        return document

    @contextlib.asynccontextmanager
    async def session(
        self, client: Client, *, auth_method: str | None = None
    ) -> AsyncIterator["OAuthSession"]:
        """A conversation as this client."""
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        oauth = AsyncOAuth2Client(
            client.client_id,
            client.client_secret,
            token_endpoint_auth_method=auth_method if client.client_secret else "none",
            redirect_uri=client.redirect_uri,
            scope=" ".join(client.scopes),
            code_challenge_method="S256",
            transport=self._egress.transport(),
            timeout=_TIMEOUT_S,
            # Proxies of the environment would connect to addresses that nobody checked.
            trust_env=False,
        )
        async with oauth:
            yield OAuthSession(oauth)


class OAuthSession:
    """The provider's endpoints, as one client; keeps the access token it was given."""

    def __init__(self, oauth: "AsyncOAuth2Client") -> None:
        self._oauth = oauth

    def authorization_uri(self, endpoint: str, **parameters: str) -> str:
        uri, _ = self._oauth.create_authorization_url(endpoint, **parameters)
        return str(uri)

    async def exchange(self, endpoint: str, *, code: str, code_verifier: str) -> dict[str, Any]:
        """The token endpoint's answer; raises IdentityRejectedError where it refuses the code."""
        refusal, answer = await self._ask_for_token(endpoint, code, code_verifier)
        if refusal:
            raise IdentityRejectedError(f"the provider refused the code: {refusal}")
        return answer

    async def refusal(self, endpoint: str) -> str:
        """The error with which the token endpoint refuses a code that it never gave."""
        refusal, _ = await self._ask_for_token(endpoint, "a-code-that-nobody-gave", "x" * 43)
        return refusal

    async def get(self, url: str) -> Any:
        """JSON that the access token opens."""
        return await _get(self._oauth, url)

    async def _ask_for_token(
        self, endpoint: str, code: str, code_verifier: str
    ) -> tuple[str, dict[str, Any]]:
        from authlib.common.errors import AuthlibBaseError

        with _failures_in_words(endpoint):
            try:
                answer = await self._oauth.fetch_token(
                    endpoint,
                    code=code,
                    code_verifier=code_verifier,
                    headers={"accept": "application/json"},
                )
            except AuthlibBaseError as error:
                return _shown(str(error.error)), {}
        if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
            raise ProviderUnavailableError("the token endpoint answered without an access token")
        return "", dict(answer)


async def _get(client: httpx2.AsyncClient, url: str) -> Any:
    with _failures_in_words(url):
        response = await client.get(url, headers={"accept": "application/json"})
        if response.status_code != _OK:
            raise ProviderUnavailableError(f"{_shown(url)} answered {response.status_code}")
        return json.loads(response.content)


@contextlib.contextmanager
def _failures_in_words(url: str) -> Iterator[None]:
    """Everything that an address of somebody else's can do to us, as one kind of error."""
    try:
        yield
    except EgressError as error:
        raise ProviderUnavailableError(f"{_shown(url)}: {error}") from error
    except httpx2.TimeoutException as error:
        raise ProviderUnavailableError(f"{_shown(url)} did not answer in time") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        raise ProviderUnavailableError(f"{_shown(url)} cannot be reached") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ProviderUnavailableError(f"{_shown(url)} did not answer in JSON") from error


def _shown(text: str) -> str:
    """What a provider chose, fit for a sentence."""
    return "".join(c if c.isprintable() else "?" for c in text[:200])
