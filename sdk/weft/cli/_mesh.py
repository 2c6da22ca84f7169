"""Finding one's way to a mesh: its address, its CA, and where in it to work."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from weft.cli._exit import CommandError, Exit

if TYPE_CHECKING:
    from weft._connection import Connection


def address(text: str) -> str:
    """`host:port` of what people type: a URL too, and 443 where no port is given."""
    host = text.removeprefix("https://").rstrip("/")
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        return f"{host}:443"
    if not name or not port.isdecimal() or "/" in host:
        raise click.UsageError(f"{text!r} is no HOST:PORT")
    return host


class Mesh(NamedTuple):
    """Where a mesh is: `host:port` of its control plane, and the gateway's URL if it is known."""

    control_plane: str
    gateway: str = ""


def find_mesh(text: str, ca_pem: str) -> Mesh:
    """The mesh at what people type; of a gateway's URL, both of its addresses.

    Raises CommandError where calls go over HTTP and no gateway answers there.
    """
    from weft._transport import is_http, is_url

    host = address(text)
    if not (is_http() or is_url(text)):
        return Mesh(host)
    from weft._http.wire import CancelledError, read_json

    url = f"https://{host}".removesuffix(":443")
    try:
        told = read_json(f"{url}/.well-known/weft", ca_pem)
        return Mesh(told["endpoints"]["grpc"] or host, url)
    except (OSError, ValueError, LookupError, TypeError, CancelledError) as error:
        if not is_http():
            # Or the control plane itself has this name.
            return Mesh(host)
        raise CommandError(f"no gateway answers at {url}: {error}", Exit.UNAVAILABLE) from None


def gateway_of(connection: Connection) -> str:
    """The URL of the mesh's gateway, as its control plane tells it; "" where it has none."""
    from weft._transport import is_url
    from weftapi.controlplane.v1 import system_pb2, system_pb2_grpc

    stub = connection.anonymous.stub(system_pb2_grpc.SystemServiceStub)
    info = connection.anonymous.call(stub.GetServerInfo, system_pb2.GetServerInfoRequest())
    return info.gateway_url if is_url(info.gateway_url) else ""


def choose_workspace(
    connection: Connection, wanted: str | None, organization: str = ""
) -> dict[str, str]:
    """The organization (the first of the caller's by default), workspace and endpoint to use.

    None of them for who has no role anywhere yet: they are signed in all the same.
    """
    from weftapi.controlplane.v1 import workspaces_pb2, workspaces_pb2_grpc

    endpoint = connection.control_plane
    organization = organization or _first_organization(connection)
    if not organization:
        if wanted:
            raise CommandError("you have no role in any organization yet", Exit.NOT_FOUND)
        return {}
    found = endpoint.call(
        endpoint.stub(workspaces_pb2_grpc.WorkspaceServiceStub).ListWorkspaces,
        workspaces_pb2.ListWorkspacesRequest(parent=organization),
    ).workspaces
    matching = [w for w in found if wanted is None or w.name.endswith(f"/{wanted}")]
    if wanted and not matching:
        known = ", ".join(w.name.split("/")[-1] for w in found) or "none"
        raise CommandError(
            f"there is no workspace {wanted!r} for you; known are: {known}", Exit.NOT_FOUND
        )
    if len(matching) > 1:
        known = ", ".join(w.name.split("/")[-1] for w in matching)
        raise CommandError(f"choose one with --workspace: {known}", Exit.USAGE)
    if not matching:
        return {"organization": organization}
    return {
        "organization": organization,
        "workspace": matching[0].name,
        "workspace_endpoint": matching[0].endpoint,
    }


def _first_organization(connection: Connection) -> str:
    from weftapi.controlplane.v1 import organizations_pb2, organizations_pb2_grpc

    endpoint = connection.control_plane
    organizations = endpoint.call(
        endpoint.stub(organizations_pb2_grpc.OrganizationServiceStub).ListOrganizations,
        organizations_pb2.ListOrganizationsRequest(),
    ).organizations
    return organizations[0].name if organizations else ""


def fetch_ca(host: str, fingerprint: str) -> str:
    """The CA that the server shows, if it is the one with this fingerprint."""
    import hashlib
    import ssl

    from weft._connection import Endpoint, no_token
    from weft._transport import target_of_host
    from weftapi.controlplane.v1 import system_pb2, system_pb2_grpc

    target = target_of_host(host)
    try:
        leaf = _certificate_at(target)
    except OSError as error:
        raise CommandError(f"{host} cannot be reached: {error}", Exit.UNAVAILABLE) from None
    # Trusting the very certificate we met is enough to ask for the CA: what is trusted
    # afterwards is only what has the fingerprint.
    endpoint = Endpoint(target, ca_pem=leaf, token=no_token)
    stub = endpoint.stub(system_pb2_grpc.SystemServiceStub)
    info = endpoint.call(stub.GetServerInfo, system_pb2.GetServerInfoRequest())
    endpoint.close()
    end = "-----END CERTIFICATE-----\n"
    for pem in (part + end for part in info.trust_bundle_pem.split(end) if part.strip()):
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
        if f"sha256:{digest}" == fingerprint.lower().replace(" ", ""):
            return pem
    raise CommandError(
        f"the CA of {host} does not have this fingerprint: do not sign in there, or check it",
        Exit.AUTH,
    )


def _certificate_at(target: str) -> str:
    """The certificate that a server shows, whoever signed it; raises OSError."""
    import ssl

    from weft._transport import is_url

    if is_url(target):
        from weft._http.wire import certificate_at

        return certificate_at(target)
    name, _, port = target.rpartition(":")
    return ssl.get_server_certificate((name.strip("[]"), int(port)), timeout=10)
