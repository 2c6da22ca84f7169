"""`weft identity-providers`: who vouches for the organization's people."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from weft.cli._access import named, organization_of, told
from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import by_id, note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged
from weft.cli.domains import domains

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import identity_providers_pb2, identity_providers_pb2_grpc

F = TypeVar("F", bound=Callable[..., None])

_COLLECTION = "identityProviders"
_KINDS = {"oidc": 1, "github": 2}
_JOINING = {"members": 1, "trusted-domains": 2, "anyone": 3}
_SETTINGS = (
    click.option("--name", "display_name", help="What people read before they choose it."),
    click.option("--client-id", help="As which client we are registered there."),
    click.option("--client-secret", help="The client's secret; '-' reads it from standard input."),
    click.option("--scope", "scopes", multiple=True, help="What is asked for; by kind by default."),
    click.option("--groups-claim", help="The claim that lists a person's groups."),
    click.option(
        "--allow-group", "allowed_groups", multiple=True, help="Who may sign in; all by default."
    ),
    click.option(
        "--map", "group_mappings", multiple=True, metavar="GROUP=TEAM", help="Teams by groups."
    ),
    click.option(
        "--join",
        "join_policy",
        type=click.Choice(list(_JOINING)),
        help="Who becomes a member by signing in; by default only who is one already.",
    ),
)


@click.group("identity-providers")
def identity_providers() -> None:
    """List, set up and test identity providers. PROVIDER is an id."""


identity_providers.add_command(domains)


def _with_settings(command: F) -> F:
    for option in reversed(_SETTINGS):
        command = option(command)
    return command


@identity_providers.command("list")
@output_option
def list_providers(*, output: str) -> None:
    """List the identity providers of the organization."""
    from weftapi.controlplane.v1 import identity_providers_pb2

    connection, stub = _connect()
    call = connection.control_plane.call
    request = identity_providers_pb2.ListIdentityProvidersRequest(
        parent=organization_of(connection)
    )
    pages = paged(lambda r: call(stub.ListIdentityProviders, r), request)
    print_messages(
        [provider for page in pages for provider in page.identity_providers],
        output,
        header=("PROVIDER", "NAME", "KIND", "ISSUER", "JOIN", "STATE"),
        row=lambda p: (short(p.name), p.display_name, _kind(p), p.issuer, _joining(p), _state(p)),
        empty="no identity providers yet: add one with `weft identity-providers create ID`",
    )


@identity_providers.command()
@click.argument("provider")
@output_option
def show(*, provider: str, output: str) -> None:
    """Show an identity provider, and what to register there."""
    from weftapi.controlplane.v1 import identity_providers_pb2

    connection, stub = _connect()
    name = named(connection, _COLLECTION, provider)
    request = identity_providers_pb2.GetIdentityProviderRequest(name=name)
    found = connection.control_plane.call(stub.GetIdentityProvider, request)
    print_message(found, output, lambda: _draw(found))


@identity_providers.command()
@click.argument("provider")
@click.option("--kind", type=click.Choice(list(_KINDS)), default="oidc", show_default=True)
@click.option("--issuer", default="", help="Its URL, as its tokens say it; or GitHub's address.")
@_with_settings
@output_option
def create(*, provider: str, kind: str, issuer: str, output: str, **settings: Any) -> None:
    """Add an identity provider. Register the redirect URI that this prints there."""
    from weftapi.controlplane.v1 import identity_providers_pb2

    connection, stub = _connect()
    values = _values(connection, settings)
    request = identity_providers_pb2.CreateIdentityProviderRequest(
        parent=organization_of(connection),
        identity_provider_id=provider,
        identity_provider=identity_providers_pb2.IdentityProvider(
            kind=_KINDS[kind],  # type: ignore[arg-type]
            issuer=issuer,
            **values,
        ),
    )
    made = connection.control_plane.call(stub.CreateIdentityProvider, request)
    print_message(made, output, lambda: _draw(made))


@identity_providers.command()
@click.argument("provider")
@_with_settings
@click.option("--disable/--enable", "disabled", default=None, help="Stop or allow sign-ins.")
@output_option
def update(*, provider: str, output: str, **settings: Any) -> None:
    """Change an identity provider. An option that may be repeated replaces the whole list."""
    from google.protobuf.field_mask_pb2 import FieldMask

    from weftapi.controlplane.v1 import identity_providers_pb2

    connection, stub = _connect()
    values = _values(connection, settings)
    if not values:
        raise CommandError("say what changes: see the options with --help", Exit.USAGE)
    changed = identity_providers_pb2.IdentityProvider(
        name=named(connection, _COLLECTION, provider), **values
    )
    request = identity_providers_pb2.UpdateIdentityProviderRequest(
        identity_provider=changed, update_mask=FieldMask(paths=values)
    )
    made = connection.control_plane.call(stub.UpdateIdentityProvider, request)
    print_message(made, output, lambda: _draw(made))


@identity_providers.command()
@click.argument("provider")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete(*, provider: str, yes: bool) -> None:
    """Delete an identity provider; its people keep their accounts."""
    from weftapi.controlplane.v1 import identity_providers_pb2

    connection, stub = _connect()
    name = named(connection, _COLLECTION, provider)
    if not yes:
        question = f"Delete {short(name)}? Nobody signs in through it any more."
        click.confirm(question, abort=True, err=True)
    request = identity_providers_pb2.DeleteIdentityProviderRequest(name=name)
    connection.control_plane.call(stub.DeleteIdentityProvider, request)
    note(f"{short(name)} is deleted")


@identity_providers.command()
@click.argument("provider")
@output_option
def test(*, provider: str, output: str) -> None:
    """Ask the provider what a sign-in would ask it, and say what is wrong."""
    from weftapi.controlplane.v1 import identity_providers_pb2

    connection, stub = _connect()
    name = named(connection, _COLLECTION, provider)
    request = identity_providers_pb2.TestIdentityProviderRequest(name=name)
    answer = connection.control_plane.call(stub.TestIdentityProvider, request)
    checks = [(c.name, f"{'ok' if c.healthy else 'FAILS'}: {c.message}") for c in answer.checks]
    print_message(answer, output, lambda: print_fields(checks))
    if not answer.healthy:
        raise CommandError(f"nobody can sign in through {short(name)} like this")


def _values(connection: Connection, settings: dict[str, Any]) -> dict[str, Any]:
    """The fields that the options set."""
    values = {name: value for name, value in settings.items() if value not in (None, ())}
    if values.get("client_secret") == "-":
        values["client_secret"] = sys.stdin.readline().strip()
    if "join_policy" in values:
        values["join_policy"] = _JOINING[values["join_policy"]]
    if "group_mappings" in values:
        values["group_mappings"] = [_mapping(connection, t) for t in values["group_mappings"]]
    return values


def _mapping(connection: Connection, text: str) -> identity_providers_pb2.GroupMapping:
    from weftapi.controlplane.v1 import identity_providers_pb2

    # Groups may have "=" in their names, ids of teams may not.
    group, equals, team = text.rpartition("=")
    if not equals or not group or not team:
        raise click.UsageError(f"{text!r} is no GROUP=TEAM")
    return identity_providers_pb2.GroupMapping(group=group, team=named(connection, "teams", team))


def _connect() -> tuple[Connection, identity_providers_pb2_grpc.IdentityProviderServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import identity_providers_pb2_grpc

    connection = Connection.current()
    stub = identity_providers_pb2_grpc.IdentityProviderServiceStub
    return connection, connection.control_plane.stub(stub)


def _draw(provider: identity_providers_pb2.IdentityProvider) -> None:
    mappings = (f"{each.group} -> {short(each.team)}" for each in provider.group_mappings)
    print_fields(
        [
            by_id("provider", provider.name),
            ("name", provider.display_name),
            ("kind", _kind(provider)),
            ("issuer", provider.issuer),
            ("client id", provider.client_id),
            ("redirect URI", provider.redirect_uri),
            ("scopes", " ".join(provider.scopes)),
            ("groups claim", provider.groups_claim),
            ("allowed groups", ", ".join(provider.allowed_groups)),
            ("teams", ", ".join(mappings)),
            ("who may join", _joining(provider)),
            ("state", _state(provider)),
            ("changed", told(provider.update_time)),
        ]
    )


def _kind(provider: identity_providers_pb2.IdentityProvider) -> str:
    return _word(_KINDS, provider.kind)


def _joining(provider: identity_providers_pb2.IdentityProvider) -> str:
    return _word(_JOINING, provider.join_policy)


def _word(words: dict[str, int], number: int) -> str:
    """The option's word; the number itself where a newer server knows more of them."""
    return next((word for word, value in words.items() if value == number), str(number))


def _state(provider: identity_providers_pb2.IdentityProvider) -> str:
    return "disabled" if provider.disabled else "enabled"
