"""Signing in, and choosing a mesh."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli._output import note, output_option, print_document, print_fields, print_table

if TYPE_CHECKING:
    from weft._connection import Connection, Endpoint
    from weft._contexts import Context, SignIn
    from weftapi.controlplane.v1 import auth_pb2


@click.command()
@click.argument("host", metavar="HOST:PORT")
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the CA of the mesh, where it is not a public one.",
)
@click.option("--fingerprint", help="The CA's fingerprint, sha256:..., instead of the file.")
@click.option("--token", help="A personal access token; '-' reads it from standard input.")
@click.option("--name", help="Name of the context; the host by default.")
@click.option("--workspace", help="Id of the workspace to use; the only one by default.")
def login(
    *,
    host: str,
    ca: Path | None,
    fingerprint: str | None,
    token: str | None,
    name: str | None,
    workspace: str | None,
) -> None:
    """Sign in to the mesh at HOST:PORT, in a browser of any machine or with a token."""
    from dataclasses import replace

    from weft._connection import Connection
    from weft._contexts import Context, ContextStore

    ca_pem = ca.read_text() if ca else _fetch_ca(host, fingerprint) if fingerprint else ""
    context = Context(name=name or host.partition(":")[0], control_plane=host, ca_pem=ca_pem)
    store = ContextStore()
    store.put(context, is_current=False)
    store.sign_in(context.name, _sign_in(context, token))
    connection = Connection(context, store)
    context = replace(context, **_choose_workspace(connection, workspace))
    store.put(context)
    note(f"signed in; context {context.name!r} uses {context.workspace or 'no workspace yet'}")


@click.command()
def logout() -> None:
    """Forget the sign-in of the current context, here and at the control plane."""
    from weft._connection import Connection
    from weft._contexts import ContextStore
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    store = ContextStore()
    context = store.current()
    secrets = store.sign_in_of(context.name)
    token = secrets.refresh_token or secrets.personal_access_token
    if token:
        endpoint = Connection(context, store).anonymous
        stub = endpoint.stub(auth_pb2_grpc.AuthServiceStub)
        endpoint.call(stub.RevokeToken, auth_pb2.RevokeTokenRequest(token=token))
    store.sign_out(context.name)
    note(f"signed out of {context.control_plane}")


@click.command()
@output_option
def whoami(*, output: str) -> None:
    """Show who is signed in, where, with which roles, and for how long."""
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
    """Show the contexts, or use the one called NAME."""
    from weft._contexts import ContextStore

    store = ContextStore()
    if name:
        store.put(store.get(name))
    contexts = [store.get(each) for each in store.names()]
    current = store.current_name()
    if output == "table":
        mark = {current: "*"}
        print_table(
            ("", "NAME", "CONTROL PLANE", "WORKSPACE", "PROJECT"),
            [
                (mark.get(c.name, ""), c.name, c.control_plane, c.workspace, c.project)
                for c in contexts
            ],
        )
    elif output == "name":
        click.echo("\n".join(c.name for c in contexts))
    else:
        document = [
            {
                "name": c.name,
                "current": c.name == current,
                "controlPlane": c.control_plane,
                "workspace": c.workspace,
                "project": c.project,
            }
            for c in contexts
        ]
        print_document(document, output)


def _sign_in(context: Context, token: str | None) -> SignIn:
    from weft._connection import Endpoint, no_token
    from weft._contexts import SignIn

    if token:
        secret = sys.stdin.readline().strip() if token == "-" else token  # noqa: S105
        return SignIn(personal_access_token=secret)
    endpoint = Endpoint(context.control_plane, ca_pem=context.ca_pem, token=no_token)
    try:
        return SignIn(refresh_token=_by_device(endpoint).refresh_token)
    finally:
        endpoint.close()


def _by_device(endpoint: Endpoint) -> auth_pb2.TokenSet:
    """RFC 8628: shows a code, waits until somebody approves it in a browser."""
    from weft.errors import ApiError
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    stub = endpoint.stub(auth_pb2_grpc.AuthServiceStub)
    client_name = f"weft on {socket.gethostname()}"
    device = endpoint.call(
        stub.StartDeviceAuthorization,
        auth_pb2.StartDeviceAuthorizationRequest(client_name=client_name),
    )
    note(f"open {device.verification_uri} and enter the code {device.user_code}")
    interval_s = device.interval.seconds or 5
    while True:
        time.sleep(interval_s)
        request = auth_pb2.ExchangeTokenRequest(device_code=device.device_code)
        try:
            return endpoint.call(stub.ExchangeToken, request)
        except ApiError as error:
            if error.reason == "SLOW_DOWN":
                interval_s += 5
            elif error.reason != "AUTHORIZATION_PENDING":
                raise


def _choose_workspace(connection: Connection, wanted: str | None) -> dict[str, str]:
    """The organization, workspace and endpoint to use."""
    from weftapi.controlplane.v1 import (
        organizations_pb2,
        organizations_pb2_grpc,
        workspaces_pb2,
        workspaces_pb2_grpc,
    )

    endpoint = connection.control_plane
    organizations = endpoint.call(
        endpoint.stub(organizations_pb2_grpc.OrganizationServiceStub).ListOrganizations,
        organizations_pb2.ListOrganizationsRequest(),
    ).organizations
    if not organizations:
        raise click.ClickException("you have no role in any organization yet; ask for one")
    found = endpoint.call(
        endpoint.stub(workspaces_pb2_grpc.WorkspaceServiceStub).ListWorkspaces,
        workspaces_pb2.ListWorkspacesRequest(parent=organizations[0].name),
    ).workspaces
    matching = [w for w in found if wanted is None or w.name.endswith(f"/{wanted}")]
    if wanted and not matching:
        known = ", ".join(w.name.split("/")[-1] for w in found) or "none"
        raise click.ClickException(f"there is no workspace {wanted!r} for you; known are: {known}")
    if len(matching) > 1:
        known = ", ".join(w.name.split("/")[-1] for w in matching)
        raise click.ClickException(f"choose one with --workspace: {known}")
    if not matching:
        return {"organization": organizations[0].name}
    return {
        "organization": organizations[0].name,
        "workspace": matching[0].name,
        "workspace_endpoint": matching[0].endpoint,
    }


def _fetch_ca(host: str, fingerprint: str) -> str:
    """The CA that the server shows, if it is the one with this fingerprint."""
    import hashlib
    import ssl

    from weft._connection import Endpoint, no_token
    from weftapi.controlplane.v1 import system_pb2, system_pb2_grpc

    name, _, port = host.rpartition(":")
    leaf = ssl.get_server_certificate((name.strip("[]"), int(port)), timeout=10)
    # Trusting the very certificate we met is enough to ask for the CA: what is trusted
    # afterwards is only what has the fingerprint.
    endpoint = Endpoint(host, ca_pem=leaf, token=no_token)
    stub = endpoint.stub(system_pb2_grpc.SystemServiceStub)
    info = endpoint.call(stub.GetServerInfo, system_pb2.GetServerInfoRequest())
    endpoint.close()
    end = "-----END CERTIFICATE-----\n"
    for pem in (part + end for part in info.trust_bundle_pem.split(end) if part.strip()):
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
        if f"sha256:{digest}" == fingerprint.lower().replace(" ", ""):
            return pem
    raise click.ClickException(
        f"the CA of {host} does not have this fingerprint: do not sign in there, or check it"
    )
