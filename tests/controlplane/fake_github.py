"""A fake GitHub (a GitHub Enterprise Server) on a loopback port: its OAuth and the API we ask.

Faithful to the answers that matter: errors of the token endpoint come with status 200, lists
come in pages, an address may be neither primary nor verified, scopes decide what is shown.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests.controlplane.lying_provider import LyingProvider, Reply, in_json
from tests.controlplane.sign_on import CLIENT_ID, CLIENT_SECRET


@dataclass
class Account:
    """A person there."""

    id: int
    login: str
    name: str | None = None
    emails: list[dict[str, Any]] = field(default_factory=list)
    organizations: list[str] = field(default_factory=list)
    # Each by its organization and its slug.
    teams: list[tuple[str, str]] = field(default_factory=list)


class FakeGitHub(LyingProvider):
    """Only the server is the lying provider's; this one tells the truth."""

    def __init__(self) -> None:
        super().__init__()
        self._granted: dict[str, tuple[Account, str, str]] = {}
        self._tokens: dict[str, Account] = {}

    def authorize(self, authorization_uri: str, account: Account) -> dict[str, str]:
        """The person allows it; what the redirect brings back."""
        asked = dict(parse_qsl(urlsplit(authorization_uri).query))
        assert urlsplit(authorization_uri).path == "/login/oauth/authorize"
        assert asked["client_id"] == CLIENT_ID
        assert set(asked["scope"].split()) == {"read:user", "user:email", "read:org"}
        code = secrets.token_hex(10)
        self._granted[code] = (account, asked["redirect_uri"], asked["code_challenge"])
        return {"state": asked["state"], "code": code}

    def answer(self, path: str, body: str, head: str) -> Reply:
        self.asked.append(path)
        if path in self.replies:
            return self.replies[path]
        if path == "/login/oauth/access_token":
            return self._exchange({name: values[0] for name, values in parse_qs(body).items()})
        account = self._tokens.get(_bearer(head))
        if account is None:
            return in_json({"message": "Bad credentials"}, 401)
        return self._api(path, parse_qs(urlsplit(head.split(" ")[1]).query), account)

    def _exchange(self, form: dict[str, str]) -> Reply:
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return in_json({"error": "incorrect_client_credentials"})
        account, redirect_uri, challenge = self._granted.pop(form["code"], (None, "", ""))
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        proven = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
        if account is None or not proven or form["redirect_uri"] != redirect_uri:
            return in_json({"error": "bad_verification_code"})
        token = f"gho_{secrets.token_hex(18)}"
        self._tokens[token] = account
        return in_json({"access_token": token, "token_type": "bearer", "scope": "read:user"})

    def _api(self, path: str, query: dict[str, list[str]], account: Account) -> Reply:
        if path == "/api/v3/user":
            # The address here is what the person shows to everybody: unverified, so never used.
            shown = {"id": account.id, "login": account.login, "name": account.name}
            return in_json({**shown, "email": "shown@anywhere.example"})
        lists: dict[str, list[Any]] = {
            "/api/v3/user/emails": account.emails,
            "/api/v3/user/orgs": [{"login": login} for login in account.organizations],
            "/api/v3/user/teams": [
                {"slug": slug, "organization": {"login": owner}} for owner, slug in account.teams
            ],
        }
        size, page = int(query["per_page"][0]), int(query["page"][0])
        return in_json(lists[path][size * (page - 1) : size * page])


def _bearer(head: str) -> str:
    lines = [line for line in head.split("\r\n") if line.lower().startswith("authorization:")]
    return lines[0].rpartition(" ")[2] if lines else ""
