"""GitHub's OAuth, of github.com or a GitHub Enterprise Server.

It knows neither ID tokens nor discovery: the access token opens the API, which says who it is.
The API's address follows from the issuer's, because whoever could choose it apart from the
issuer could make anybody of that issuer.
"""

from typing import Any

from controlplane.identity.providers.model import (
    Answer,
    Assertion,
    Check,
    Client,
    IdentityRejectedError,
    Proofs,
    ProviderError,
    ProviderUnavailableError,
)
from controlplane.identity.providers.oidc import client_check
from controlplane.identity.providers.wire import OAuthSession, Wire

PUBLIC = "https://github.com"
DEFAULT_SCOPES = ("read:user", "user:email", "read:org")
_PUBLIC_API = "https://api.github.com"
_PAGE = 100
_MAX_PAGES = 10


class GitHub:
    """Speaks GitHub's OAuth."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def authorization_uri(self, client: Client, proofs: Proofs) -> str:
        async with self._wire.session(client) as session:
            return session.authorization_uri(
                f"{client.issuer}/login/oauth/authorize",
                state=proofs.state,
                code_verifier=proofs.code_verifier,
            )

    async def identify(self, client: Client, proofs: Proofs, answer: Answer) -> Assertion:
        async with self._wire.session(client, auth_method="client_secret_post") as session:
            await session.exchange(
                _token_endpoint(client), code=answer.code, code_verifier=proofs.code_verifier
            )
            api = _api(client.issuer)
            user = await session.get(f"{api}/user")
            # Numbers are never given to another account; logins are.
            if not isinstance(user, dict) or type(user.get("id")) is not int:
                raise IdentityRejectedError("the API names nobody")
            email = await self._email(session, api)
            groups = await self._groups(session, api)
        return Assertion(
            issuer=client.issuer,
            subject=str(user["id"]),
            email=email,
            email_verified=bool(email),
            display_name=str(user.get("name") or user.get("login") or "")[:128],
            groups=groups,
        )

    async def checks(self, client: Client) -> list[Check]:
        try:
            async with self._wire.session(client, auth_method="client_secret_post") as session:
                return [client_check(await session.refusal(_token_endpoint(client)))]
        except ProviderError as error:
            return [Check("client", False, str(error))]

    async def _email(self, session: OAuthSession, api: str) -> str:
        """The primary address, if GitHub has verified it."""
        for entry in await _list(session, f"{api}/user/emails"):
            if entry.get("primary") is True and entry.get("verified") is True:
                return str(entry.get("email") or "")[:254]
        return ""

    async def _groups(self, session: OAuthSession, api: str) -> frozenset[str]:
        organizations = await _list(session, f"{api}/user/orgs")
        teams = await _list(session, f"{api}/user/teams")
        names = {str(entry.get("login")) for entry in organizations}
        for entry in teams:
            owner = entry.get("organization")
            if isinstance(owner, dict):
                names.add(f"{owner.get('login')}/{entry.get('slug')}")
        return frozenset(names)


def _token_endpoint(client: Client) -> str:
    return f"{client.issuer}/login/oauth/access_token"


def _api(issuer: str) -> str:
    return _PUBLIC_API if issuer == PUBLIC else f"{issuer}/api/v3"


async def _list(session: OAuthSession, url: str) -> list[dict[str, Any]]:
    """All pages of a list, up to a thousand entries."""
    found: list[dict[str, Any]] = []
    for page in range(1, _MAX_PAGES + 1):
        entries = await session.get(f"{url}?per_page={_PAGE}&page={page}")
        if not isinstance(entries, list):
            raise ProviderUnavailableError("the API did not answer with a list")
        found += [entry for entry in entries if isinstance(entry, dict)]
        if len(entries) < _PAGE:
            break
    return found
