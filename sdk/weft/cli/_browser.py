"""Signing in through an identity provider, in the browser of this machine (RFC 8252)."""

from __future__ import annotations

import hashlib
import os
import queue
import secrets
import threading
import webbrowser
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._names import organization_name
from weft.cli._output import note

if TYPE_CHECKING:
    from weft._connection import Endpoint
    from weftapi.controlplane.v1 import auth_pb2

_PATH = "/callback"
_PAGE = "<!doctype html><meta charset=utf-8><title>weft</title><p>{}</p>"
_REFUSED = "You are not signed in; the terminal says why."
_DONE = "You can close this page and go back to the terminal."
# As long as the control plane waits.
_WAIT_S = 600.0


def has_browser() -> bool:
    """Whether a browser on this machine can be opened, and shown to whoever types here."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def choose_provider(endpoint: Endpoint, wanted: str | None, organization: str | None) -> str | None:
    """The provider to sign in through, by name; None where there is none to choose."""
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    config = endpoint.call(
        endpoint.stub(auth_pb2_grpc.AuthServiceStub).GetAuthConfig,
        auth_pb2.GetAuthConfigRequest(organization=organization_name(organization)),
    )
    names = [option.identity_provider for option in config.login_options]
    known = ", ".join(name.rpartition("/")[2] for name in names)
    if wanted is not None:
        found = [name for name in names if name.rpartition("/")[2] == wanted]
        if not found:
            text = f"there is no identity provider {wanted!r} here; known are: {known or 'none'}"
            raise CommandError(text, Exit.NOT_FOUND)
        return found[0]
    if len(names) > 1:
        raise click.UsageError(f"choose an identity provider with --provider: {known}")
    if organization and not names:
        note(f"there is no identity provider of {organization!r} here: is that its id?")
    return names[0] if names else None


def sign_in(endpoint: Endpoint, provider: str) -> auth_pb2.TokenSet:
    """Opens the browser and waits for it to come back."""
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    stub = endpoint.stub(auth_pb2_grpc.AuthServiceStub)
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    digest = hashlib.sha256(verifier.encode()).digest()
    with _Loopback(state) as loopback:
        request = auth_pb2.BeginOidcLoginRequest(
            identity_provider=provider,
            redirect_uri=loopback.redirect_uri,
            code_challenge=urlsafe_b64encode(digest).rstrip(b"=").decode(),
            state=state,
        )
        begun = endpoint.call(stub.BeginOidcLogin, request)
        note("opening your browser; if it stays away, open this address yourself:")
        note(begun.authorization_uri)
        webbrowser.open(begun.authorization_uri)
        code = loopback.wait()
    grant = auth_pb2.AuthorizationCodeGrant(code=code, code_verifier=verifier)
    return endpoint.call(
        stub.ExchangeToken, auth_pb2.ExchangeTokenRequest(authorization_code=grant)
    )


class _Loopback:
    """A port of this machine that waits for the browser, from the moment it is opened.

    In a thread, because some browsers are programs of the terminal that are waited for.
    """

    def __init__(self, state: str) -> None:
        self._answers: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        self._server = HTTPServer(("127.0.0.1", 0), _handler(state, self._answers))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def redirect_uri(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{_PATH}"

    def wait(self) -> str:
        """The code; CommandError where the sign-in was refused or nobody came back."""
        try:
            answer = self._answers.get(timeout=_WAIT_S)
        except queue.Empty:
            raise CommandError("nobody came back; sign in again", Exit.TIMED_OUT) from None
        if code := answer.get("code"):
            return code
        told = answer.get("error_description") or answer.get("error") or "nobody said why"
        raise CommandError(f"the sign-in was refused: {told}", Exit.AUTH)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(state: str, answers: queue.SimpleQueue[dict[str, str]]) -> type:
    """Takes the one request that knows the state; others on this machine could ask too."""

    class Handler(BaseHTTPRequestHandler):
        # A connection that says nothing must not keep the browser out.
        timeout = 5

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            given = {name: values[0] for name, values in parse_qs(parts.query).items()}
            shown = given.get("state", "").encode()
            if parts.path == _PATH and secrets.compare_digest(shown, state.encode()):
                self._show(200, _DONE if "code" in given else _REFUSED)
                answers.put(given)
            else:
                self._show(404, "There is nothing here.")

        def _show(self, code: int, text: str) -> None:
            body = _PAGE.format(text).encode()
            self.send_response(code)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            # The address holds the code, though it is of no use without the verifier.
            self.send_header("referrer-policy", "no-referrer")
            self.send_header("cache-control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing: the address holds the code."""

    return Handler
