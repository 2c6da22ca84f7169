"""`weft identity-providers domains`: domains whose addresses belong to the organization."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from weft.cli._access import organization_of, told
from weft.cli._exit import CommandError, Exit
from weft.cli._output import note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import identity_providers_pb2, identity_providers_pb2_grpc

_VERIFIED = 2


@click.group()
def domains() -> None:
    """List, claim and prove domains. A verified address in one says whose account is meant."""


@domains.command("list")
@output_option
def list_domains(*, output: str) -> None:
    """List the domains of the organization."""
    connection, stub = _connect()
    print_messages(
        _all(connection, stub),
        output,
        header=("DOMAIN", "STATE", "VERIFIED"),
        row=lambda domain: (domain.domain, _state(domain), told(domain.verify_time)),
        empty="no domains yet: claim one with `weft identity-providers domains add DOMAIN`",
    )


@domains.command()
@click.argument("domain")
@output_option
def add(*, domain: str, output: str) -> None:
    """Claim a domain, and say which DNS record proves it."""
    from weftapi.controlplane.v1 import identity_providers_pb2

    connection, stub = _connect()
    request = identity_providers_pb2.AddTrustedDomainRequest(
        parent=organization_of(connection), domain=domain
    )
    made = connection.control_plane.call(stub.AddTrustedDomain, request)
    print_message(made, output, lambda: _draw(made))
    note(f"make that TXT record, then: weft identity-providers domains verify {made.domain}")


@domains.command()
@click.argument("domain")
@output_option
def verify(*, domain: str, output: str) -> None:
    """Look the DNS record up, and trust the domain where it is right."""
    from weftapi.controlplane.v1 import identity_providers_pb2

    connection, stub = _connect()
    name = _find(connection, stub, domain).name
    request = identity_providers_pb2.VerifyTrustedDomainRequest(name=name)
    made = connection.control_plane.call(stub.VerifyTrustedDomain, request)
    print_message(made, output, lambda: _draw(made))


@domains.command()
@click.argument("domain")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(*, domain: str, yes: bool) -> None:
    """Trust a domain no longer."""
    from weftapi.controlplane.v1 import identity_providers_pb2

    connection, stub = _connect()
    name = _find(connection, stub, domain).name
    if not yes:
        click.confirm(f"Trust {domain} no longer?", abort=True, err=True)
    request = identity_providers_pb2.RemoveTrustedDomainRequest(name=name)
    connection.control_plane.call(stub.RemoveTrustedDomain, request)
    note(f"{domain} is trusted no longer")


def _find(
    connection: Connection,
    stub: identity_providers_pb2_grpc.IdentityProviderServiceStub,
    domain: str,
) -> identity_providers_pb2.TrustedDomain:
    """The domain as people say it; its name holds a UUID."""
    found = [each for each in _all(connection, stub) if each.domain == domain.lower()]
    if not found:
        raise CommandError(f"the organization has no domain {domain!r}", Exit.NOT_FOUND)
    return found[0]


def _all(
    connection: Connection, stub: identity_providers_pb2_grpc.IdentityProviderServiceStub
) -> list[identity_providers_pb2.TrustedDomain]:
    from weftapi.controlplane.v1 import identity_providers_pb2

    call = connection.control_plane.call
    request = identity_providers_pb2.ListTrustedDomainsRequest(parent=organization_of(connection))
    pages = paged(lambda r: call(stub.ListTrustedDomains, r), request)
    return [domain for page in pages for domain in page.trusted_domains]


def _connect() -> tuple[Connection, identity_providers_pb2_grpc.IdentityProviderServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import identity_providers_pb2_grpc

    connection = Connection.current()
    stub = identity_providers_pb2_grpc.IdentityProviderServiceStub
    return connection, connection.control_plane.stub(stub)


def _draw(domain: identity_providers_pb2.TrustedDomain) -> None:
    print_fields(
        [
            ("domain", domain.domain),
            ("state", _state(domain)),
            ("TXT record", domain.record_name),
            ("says", domain.record_value),
            ("verified", told(domain.verify_time)),
        ]
    )


def _state(domain: identity_providers_pb2.TrustedDomain) -> str:
    return "verified" if domain.state == _VERIFIED else "pending"
