"""The walk of `docs/walk-through.md`: its very commands, in order, in one shell."""

import asyncio
import secrets
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest

from tests.controlplane.oidc_provider import browser
from tests.controlplane.oidc_provider.process import Providers, RealProvider
from tests.system.walking import Shell, Step, is_answered, read
from weft._connection import Connection
from weft._contexts import ContextStore
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/walk-through.md").read_text(encoding="utf-8")
WEFT, CI = "weft", "weft-ci"
CI_SUBJECT = "repo:acme/model:ref:refs/heads/main"
CI_DONE = "https://ci.example/done"
GRACE = {"name": "Grace", "email": "grace@acme.example", "groups": ["on-call", "everybody"]}


@pytest.fixture
def providers() -> Iterator[Providers]:
    launched = Providers.launch()
    yield launched
    launched.close()


@pytest.mark.page
@pytest.mark.timeout(400)
def test_the_walk_does_what_its_page_says(
    bare_shell: Shell, providers: Providers, tmp_path: Path
) -> None:
    elsewhere = _Elsewhere(providers, tmp_path / "home")
    before: dict[str, Callable[[], dict[str, str]]] = {
        "3. Single sign-on": elsewhere.identity_provider,
        "4. A CI job that federates in": elsewhere.ci_job,
    }
    for chapter in read(PAGE):
        for name, value in before.pop(chapter.title, dict)().items():
            bare_shell.run(f"export {name}='{value}'")
        assert chapter.steps, f"nothing to do under {chapter.title}"
        for step in chapter.steps:
            bare_shell.walk(step)
    assert not before


def test_every_command_of_the_page_says_what_it_answers() -> None:
    steps = [step for chapter in read(PAGE) for step in chapter.steps]
    assert len(steps) > 40
    silent = ("weft up", "weft ctx", "weft audit keys")
    for step in steps:
        is_told = step.answers or not step.command.startswith("weft ")
        assert is_told or step.command.startswith(silent), step


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (Step(7, "(exit 3)"), r"line 7: \$ \(exit 3\)\s+exit code 3"),
        (Step(8, "false | cat"), "exit code 1"),
        (Step(9, "echo one", ["two"]), "one\n\nnowhere: two"),
    ],
)
def test_a_step_that_does_something_else_fails(shell: Shell, step: Step, told: str) -> None:
    shell.walk(Step(1, "here=there"))
    shell.walk(Step(2, "cat; echo $here", ["there"]))
    with pytest.raises(AssertionError, match=told):
        shell.walk(step)


def test_an_answer_is_compared_word_by_word() -> None:
    assert is_answered("phase ... trusting", "other\nphase        trusting\n")
    assert is_answered("... ok ...", "discovery  ok: found")
    assert not is_answered("phase ... trusting", "phase\ntrusting")
    assert not is_answered("exit code 4", "exit code  5")


class _Elsewhere:
    """What the page takes from outside of the mesh: a provider with a browser, and a CI system."""

    def __init__(self, providers: Providers, home: Path) -> None:
        self._providers = providers
        self._home = home

    def identity_provider(self) -> dict[str, str]:
        """Registers the mesh at a provider, where Grace is; and gives her a browser."""
        callback = f"{self._public_url()}/oauth2/callback/default/company"
        provider = self._start(WEFT, callback, {"grace": GRACE})
        return {
            "ISSUER": provider.issuer,
            "CLIENT_ID": WEFT,
            "CLIENT_SECRET": self._secret,
            "BROWSER": f"{sys.executable} {browser.__file__} %s",
            "TEST_LOGIN": "grace",
            "TEST_CALLBACK": callback,
            "TEST_GATEWAY": callback,
            "TEST_CA": str(self._home / "mesh/controlplane/credentials/trust.pem"),
        }

    def _public_url(self) -> str:
        """Where the mesh sends people's browsers."""
        store = ContextStore(self._home / "config")
        connection = Connection(store.get("local"), store)
        stub = connection.control_plane.stub(auth_pb2_grpc.AuthServiceStub)
        config = connection.control_plane.call(stub.GetAuthConfig, auth_pb2.GetAuthConfigRequest())
        connection.close()
        return config.verification_uri.removesuffix("/device")

    def ci_job(self) -> dict[str, str]:
        """The token of a job."""
        provider = self._start(CI, CI_DONE, {CI_SUBJECT: {}})
        return {
            "CI_ISSUER": provider.issuer,
            "CI_AUDIENCE": CI,
            "CI_SUBJECT": CI_SUBJECT,
            "CI_TOKEN": asyncio.run(self._id_token(provider.issuer)),
        }

    def _start(self, client: str, redirect_uri: str, accounts: dict[str, object]) -> RealProvider:
        self._secret = secrets.token_urlsafe(24)
        registration = {
            "client_id": client,
            "client_secret": self._secret,
            "redirect_uris": [redirect_uri],
        }
        return self._providers.start([registration], accounts)

    async def _id_token(self, issuer: str) -> str:
        """An ID token of the npm provider, by an authorization code."""
        verifier = secrets.token_urlsafe(48)
        digest = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "client_id": CI,
            "response_type": "code",
            "scope": "openid",
            "redirect_uri": CI_DONE,
            "code_challenge": digest,
            "code_challenge_method": "S256",
        }
        address = f"{issuer}/auth?{urlencode(query)}"
        brought = await browser.sign_in(address, CI_SUBJECT, until=CI_DONE)
        form = {
            "grant_type": "authorization_code",
            "code": brought["code"],
            "code_verifier": verifier,
            "redirect_uri": CI_DONE,
        }
        async with httpx2.AsyncClient(trust_env=False, auth=(CI, self._secret)) as client:
            answer = await client.post(f"{issuer}/token", data=form)
        return str(answer.json()["id_token"])
