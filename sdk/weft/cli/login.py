"""Signing in, and choosing a mesh."""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli._mesh import address, choose_workspace, fetch_ca, find_mesh, gateway_of
from weft.cli._names import organization_name
from weft.cli._output import note, output_option, print_fields, print_table
from weft.cli._secrets import ask, ask_new, given

if TYPE_CHECKING:
    from weft._connection import Connection, Endpoint
    from weft._contexts import Context, SignIn
    from weftapi.controlplane.v1 import auth_pb2


# By how much RFC 8628 has clients slow down.
_SLOWER_S = 5
# What the control plane calls the organization that its first start makes, unless told otherwise.
_FIRST_ORGANIZATION = "default"


@click.command()
@click.argument("host", metavar="HOST:PORT")
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the CA of the mesh, where it is not a public one.",
)
@click.option("--fingerprint", help="The CA's fingerprint, sha256:..., instead of the file.")
@click.option("--token", help="A personal token or an API key; '-' reads it from standard input.")
@click.option("--email", help="Address of a local account; its password is asked for.")
@click.option(
    "--setup",
    metavar="LINK",
    help="What `weft admin bootstrap-url` prints: makes --email the first administrator.",
)
@click.option("--provider", help="Id of the identity provider to sign in through.")
@click.option(
    "--organization", help="Id of the organization to sign in to, where it is not the first."
)
@click.option("--service-account", help="Id of the service account that a CI job's token becomes.")
@click.option("--id-token", help="That token; '-' reads it. By default it is WEFT_ID_TOKEN.")
@click.option("--device", is_flag=True, help="Show a code to approve elsewhere; use no browser.")
@click.option("--name", help="Name of the context; the host by default.")
@click.option("--workspace", help="Id of the workspace to use; the only one by default.")
def login(
    *,
    host: str,
    ca: Path | None,
    fingerprint: str | None,
    token: str | None,
    email: str | None,
    setup: str | None,
    provider: str | None,
    organization: str | None,
    service_account: str | None,
    id_token: str | None,
    device: bool,
    name: str | None,
    workspace: str | None,
) -> None:
    """Sign in to the mesh at HOST:PORT.

    Without --token or --email it opens your browser at the identity provider of --organization,
    or of the first one made there. Where there is no browser, or no provider, it shows a code,
    which somebody who is signed in approves (`weft approve CODE`): you, on another machine.

    HOST is that of the control plane, or the URL of the gateway: https://weft.example.com. Where
    only HTTP gets through, set WEFT_TRANSPORT=http, here and afterwards, and give that URL.

    With --service-account a job signs in by the OpenID Connect token that its own CI system
    gives it, for an hour (`weft service-accounts federation create` says which are taken).
    """
    from dataclasses import replace

    from weft._connection import Connection
    from weft._contexts import Context, ContextStore, MemorySecrets

    typed, host = host, address(host)
    ca_pem = ca.read_text() if ca else fetch_ca(host, fingerprint) if fingerprint else ""
    name = name or host.rpartition(":")[0]
    context = Context(name=name, ca_pem=ca_pem, **find_mesh(typed, ca_pem)._asdict())
    # Nothing is kept before all of it worked: a sign-in that fails leaves the last one as it was.
    job = _job(
        service_account, id_token, organization or _known_organization(context.control_plane)
    )
    if setup and not email:
        raise click.UsageError("say with --email who the first administrator shall be")
    way = _Way(token, email, provider, organization, device, job, setup)
    secrets = MemorySecrets(_sign_in(context, way))
    connection = Connection(context, secrets)
    try:
        context = replace(
            context,
            gateway=context.gateway or gateway_of(connection),
            **_place(connection, workspace, organization),
        )
    finally:
        connection.close()
    store = ContextStore()
    store.sign_in(context.name, secrets.sign_in_of(context.name))
    store.put(context)
    note(f"signed in; context {context.name!r} uses {context.workspace or 'no workspace yet'}")
    if not context.organization:
        where = organization or "any organization"
        note(f"you have no role in {where} yet: ask an administrator, then sign in again")


@click.command()
def logout() -> None:
    """Forget the sign-in of the current context, here and at the control plane."""
    from weft._connection import Connection
    from weft._contexts import ContextStore
    from weft.errors import ApiError
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    store = ContextStore()
    context = store.current()
    token = store.sign_in_of(context.name).refresh_token
    # Here in any case, also where the control plane is away; a personal token may be in use
    # elsewhere, and lives on.
    store.sign_out(context.name)
    if token:
        endpoint = Connection(context, store).anonymous
        stub = endpoint.stub(auth_pb2_grpc.AuthServiceStub)
        try:
            endpoint.call(stub.RevokeToken, auth_pb2.RevokeTokenRequest(token=token))
        except ApiError as error:
            note(f"the session lives on at the control plane until it ends by itself: {error}")
    note(f"signed out of {context.control_plane}")


@click.command()
@click.option(
    "--why",
    nargs=2,
    metavar="PERMISSION RESOURCE",
    help="Say instead which grants let you do that there: runs.stop projects/demo.",
)
@output_option
def whoami(*, why: tuple[str, str] | None, output: str) -> None:
    """Show who is signed in, where, with which roles, and for how long."""
    if why:
        from weft.cli.grants import explain

        explain(*why, subject=None, output=output)
        return
    from weft._connection import Connection
    from weft.cli._output import print_message
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    connection = Connection.current()
    stub = connection.control_plane.stub(auth_pb2_grpc.AuthServiceStub)
    principal = connection.control_plane.call(
        stub.GetCurrentPrincipal, auth_pb2.GetCurrentPrincipalRequest()
    )

    def show() -> None:
        context = connection.context
        print_fields(
            [
                ("user", principal.email or principal.subject),
                ("context", f"{context.name} ({context.control_plane})"),
                ("workspace", context.workspace),
                ("project", context.project),
                ("token ends", principal.token_expire_time.ToDatetime().isoformat() + "Z"),
            ]
        )
        print_table(("ROLE", "ON"), [(r.role.split("/")[-1], r.resource) for r in principal.roles])

    print_message(principal, output, show)


@click.command()
@click.argument("name", required=False)
@output_option
def ctx(*, name: str | None, output: str) -> None:
    """Show the contexts, or use the one called NAME; - is the one before."""
    from weft._contexts import ContextStore
    from weft.cli.contexts import print_contexts

    store = ContextStore()
    if name:
        store.use(name)
    print_contexts([store.get(each) for each in store.names()], store.current_name(), output)


@dataclass(frozen=True, slots=True)
class _Way:
    """How to sign in, as the options say it."""

    token: str | None
    email: str | None
    provider: str | None
    organization: str | None
    device: bool
    job: auth_pb2.IdTokenGrant | None
    setup: str | None


def _job(
    service_account: str | None, id_token: str | None, organization: str | None
) -> auth_pb2.IdTokenGrant | None:
    """The token of a job, and whom it becomes; raises UsageError where one of them is missing."""
    if service_account is None:
        if id_token is not None:
            raise click.UsageError("say with --service-account whom the token shall become")
        return None
    from weftapi.controlplane.v1 import auth_pb2

    encoded = given(id_token or os.environ.get("WEFT_ID_TOKEN", ""))
    if not encoded:
        raise click.UsageError("give the job's token: --id-token -, or WEFT_ID_TOKEN")
    if not service_account.startswith("organizations/"):
        parent = organization_name(organization or _FIRST_ORGANIZATION)
        service_account = f"{parent}/serviceAccounts/{service_account}"
    return auth_pb2.IdTokenGrant(id_token=encoded, service_account=service_account)


def _known_organization(host: str) -> str | None:
    """The organization that is in use, where it is one of this mesh."""
    from weft._contexts import ContextStore
    from weft.errors import ContextError

    try:
        context = ContextStore().current()
    except ContextError:
        return None
    is_same = context.control_plane == host and context.organization
    return context.organization.removeprefix("organizations/") if is_same else None


def _place(
    connection: Connection, workspace: str | None, organization: str | None
) -> dict[str, str]:
    """Where to work: in the organization that was named; nowhere yet for who has no role there."""
    from weft.errors import NotPermittedError

    try:
        return choose_workspace(connection, workspace, organization_name(organization))
    except NotPermittedError:
        if workspace:
            raise
        return {}


def _sign_in(context: Context, way: _Way) -> SignIn:
    from weft._connection import CONTROL_PLANE, Endpoint, no_token
    from weft._contexts import SignIn
    from weft._transport import targets_of

    if way.token:
        is_piped = way.token == "-"  # noqa: S105 - where it comes from
        secret = sys.stdin.readline().strip() if is_piped else way.token
        return SignIn(personal_access_token=secret)
    endpoint = Endpoint(targets_of(context).control_plane, ca_pem=context.ca_pem, token=no_token)
    try:
        answer = _tokens(endpoint, way)
    finally:
        endpoint.close()
    if way.job:
        # Nothing renews it: the access token is all that a job has.
        access = (answer.access_token, float(answer.expire_time.seconds))
        return SignIn(tokens={CONTROL_PLANE: access})
    return SignIn(refresh_token=answer.refresh_token)


def _tokens(endpoint: Endpoint, way: _Way) -> auth_pb2.TokenSet:
    from weft.cli import _browser

    if way.job:
        return _by_id_token(endpoint, way.job)
    if way.email and way.setup:
        return _as_first(endpoint, way.email, given(way.setup))
    if way.email:
        return _by_password(endpoint, way.email)
    if not way.device and (way.provider or _browser.has_browser()):
        provider = _browser.choose_provider(endpoint, way.provider, way.organization)
        if provider is not None:
            return _browser.sign_in(endpoint, provider)
    return _by_device(endpoint, way.organization)


def _by_password(endpoint: Endpoint, email: str) -> auth_pb2.TokenSet:
    """Asks for the password at the terminal; reads it from standard input where that is a pipe."""
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    password = ask("Password")
    stub = endpoint.stub(auth_pb2_grpc.AuthServiceStub)
    return endpoint.call(stub.SignIn, auth_pb2.SignInRequest(email=email, password=password))


def _as_first(endpoint: Endpoint, email: str, link: str) -> auth_pb2.TokenSet:
    """Makes the first administrator; the link may be its token alone."""
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    request = auth_pb2.CreateFirstAdministratorRequest(
        setup_token=link.rpartition("=")[2], email=email, password=ask_new("New password")
    )
    stub = endpoint.stub(auth_pb2_grpc.AuthServiceStub)
    return endpoint.call(stub.CreateFirstAdministrator, request)


def _by_id_token(endpoint: Endpoint, job: auth_pb2.IdTokenGrant) -> auth_pb2.TokenSet:
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    stub = endpoint.stub(auth_pb2_grpc.AuthServiceStub)
    return endpoint.call(stub.ExchangeToken, auth_pb2.ExchangeTokenRequest(id_token=job))


def _by_device(endpoint: Endpoint, organization: str | None) -> auth_pb2.TokenSet:
    """RFC 8628: shows a code, waits until somebody who is signed in approves it."""
    from weft.errors import ApiError, UnavailableError
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    stub = endpoint.stub(auth_pb2_grpc.AuthServiceStub)
    client_name = f"weft on {socket.gethostname()}"
    device = endpoint.call(
        stub.StartDeviceAuthorization,
        auth_pb2.StartDeviceAuthorizationRequest(
            client_name=client_name, organization=organization_name(organization)
        ),
    )
    note(f"where you are signed in already, run: weft approve {device.user_code}")
    note(f"or open in a browser: {device.verification_uri_complete}")
    interval_s = device.interval.seconds or 5
    while True:
        time.sleep(interval_s)
        request = auth_pb2.ExchangeTokenRequest(device_code=device.device_code)
        try:
            return endpoint.call(stub.ExchangeToken, request)
        except UnavailableError:
            # The code outlives a restart of the control plane.
            note("the control plane does not answer; trying again")
        except ApiError as error:
            if error.reason == "SLOW_DOWN":
                interval_s += _SLOWER_S
            elif error.reason != "AUTHORIZATION_PENDING":
                raise
