"""Anything that takes bearer tokens of an OAuth 2 server: client credentials and refresh tokens."""

import base64
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote_plus

from workspace.connectors.answers import end_of, require_ok
from workspace.connectors.failures import unsupported
from workspace.connectors.model import (
    Access,
    AuthMethod,
    Bearer,
    ConnectorType,
    Issued,
    Property,
    Resource,
    ResourceType,
    Setup,
    Wanted,
)

CLIENT_CREDENTIALS, REFRESH_TOKEN = "client-credentials", "refresh-token"
_SERVICE = "The OAuth server"


class OAuth2Connector:
    """As `workspace.connectors.model.Connector`."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    async def identify(self) -> str:
        # A refresh token may be good for one use: then it is the issuing that keeps the next one.
        if self._setup.auth_method == CLIENT_CREDENTIALS:
            await self._token(Access.READ)
        return self._setup.get("client_id")

    async def resources(self, resource_type: str) -> Sequence[Resource]:
        raise unsupported(_SERVICE, f"there is no list of {resource_type}")

    async def issue(self, wanted: Wanted) -> Issued:
        bearer, end, refresh_token = await self._token(wanted.access)
        kept = self._setup.get("refresh_token")
        is_new = bool(refresh_token) and refresh_token != kept
        replaced = {"refresh_token": refresh_token} if is_new and kept else {}
        return Issued(bearer, "", end, replaced)

    async def _token(self, access: Access) -> tuple[Bearer, datetime, str]:
        setup, headers = self._setup, {}
        fields = {"grant_type": setup.auth_method.replace("-", "_")}
        scope = setup.get("scope")
        if access is Access.READ:
            scope = setup.get("read_scope", scope)
        fields |= {"scope": scope} if scope else {}
        fields |= {"audience": setup.get("audience")} if setup.get("audience") else {}
        if setup.auth_method == REFRESH_TOKEN:
            fields["refresh_token"] = setup.get("refresh_token")
        if setup.get("client_secret") and setup.get("client_auth", "basic") == "basic":
            headers["authorization"] = _basic(setup.get("client_id"), setup.get("client_secret"))
        else:
            fields |= {"client_id": setup.get("client_id")}
            fields |= {"client_secret": secret} if (secret := setup.get("client_secret")) else {}
        answer = await setup.wire.form(_SERVICE, setup.get("token_url"), fields, headers=headers)
        require_ok(answer)
        document = answer.json()
        bearer = Bearer(answer.text(document, "access_token"), str(document.get("scope", scope)))
        end = end_of(answer, document, setup.clock.now())
        return bearer, end, str(document.get("refresh_token") or "")


def _basic(client_id: str, secret: str) -> str:
    # RFC 6749, 2.3.1: encoded as a form is.
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


_TOKEN_URL = Property(
    "token_url",
    "The token endpoint.",
    required=True,
    steers=True,
    pattern=r"https?://[^/?#@\s]+/[^\s#]*",
)
_COMMON = (
    Property("scope", "What is asked for, separated by spaces."),
    Property("read_scope", "What is asked for in its place where reading is enough."),
    Property("audience", "For whom tokens are meant, where the server asks for it."),
    Property(
        "client_auth",
        "Where the client's secret stands: in a header (basic) or in the form (body).",
        choices=("basic", "body"),
    ),
)

TYPE = ConnectorType(
    "oauth2",
    "OAuth 2",
    "Any API that takes the bearer tokens of an OAuth 2 server.",
    auth_methods=(
        AuthMethod(
            CLIENT_CREDENTIALS,
            "Client credentials",
            "A program of its own: client id and secret.",
            (
                _TOKEN_URL,
                Property("client_id", "The client's id.", required=True),
                Property("client_secret", "The client's secret.", required=True, secret=True),
                *_COMMON,
            ),
        ),
        AuthMethod(
            REFRESH_TOKEN,
            "Refresh token",
            "On behalf of somebody; where the server gives a new refresh token, that is kept.",
            (
                _TOKEN_URL,
                Property("client_id", "The client's id.", required=True),
                Property("client_secret", "The client's secret, if it has one.", secret=True),
                Property(
                    "refresh_token",
                    "The refresh token.",
                    required=True,
                    secret=True,
                    max_length=20_000,
                ),
                *_COMMON,
            ),
            replaces_secrets=True,
        ),
    ),
    resource_types=(
        ResourceType("oauth2-api", "API", "A bearer token; its scopes say what it may do."),
    ),
    connect=OAuth2Connector,
)
