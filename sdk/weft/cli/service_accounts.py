"""`weft service-accounts`: programs with roles of their own, and how they sign in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from weft.cli._access import end_of, named, organization_of, told
from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._output import by_id, note, output_option, print_fields, print_message, print_messages
from weft.cli._pages import paged

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import (
        federated_credentials_pb2,
        federated_credentials_pb2_grpc,
        service_accounts_pb2,
        service_accounts_pb2_grpc,
    )

_COLLECTION = "serviceAccounts"
_yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@click.group("service-accounts")
def service_accounts() -> None:
    """List and make service accounts. ACCOUNT is an id; grant it roles as `sa:ACCOUNT`."""


@service_accounts.command("list")
@output_option
def list_accounts(*, output: str) -> None:
    """List the service accounts of the organization."""
    from weftapi.controlplane.v1 import service_accounts_pb2 as pb

    connection, stub = _connect()
    call = connection.control_plane.call
    request = pb.ListServiceAccountsRequest(parent=organization_of(connection))
    pages = paged(lambda r: call(stub.ListServiceAccounts, r), request)
    print_messages(
        [account for page in pages for account in page.service_accounts],
        output,
        header=("ACCOUNT", "NAME", "STATE", "MADE"),
        row=lambda a: (short(a.name), a.display_name, _state(a), told(a.create_time)),
        empty="no service accounts yet: make one with `weft service-accounts create ID`",
    )


@service_accounts.command()
@click.argument("account")
@output_option
def show(*, account: str, output: str) -> None:
    """Show a service account."""
    from weftapi.controlplane.v1 import service_accounts_pb2 as pb

    connection, stub = _connect()
    request = pb.GetServiceAccountRequest(name=named(connection, _COLLECTION, account))
    found = connection.control_plane.call(stub.GetServiceAccount, request)
    print_message(found, output, lambda: _draw(found))


@service_accounts.command()
@click.argument("account")
@click.option("--name", default="", help="The name that people read.")
@click.option("--description", default="", help="What it is for.")
@output_option
def create(*, account: str, name: str, description: str, output: str) -> None:
    """Make a service account, without roles or keys."""
    from weftapi.controlplane.v1 import service_accounts_pb2 as pb

    connection, stub = _connect()
    request = pb.CreateServiceAccountRequest(
        parent=organization_of(connection),
        service_account_id=account,
        service_account=pb.ServiceAccount(display_name=name, description=description),
    )
    made = connection.control_plane.call(stub.CreateServiceAccount, request)
    print_message(made, output, lambda: _draw(made))


@service_accounts.command()
@click.argument("account")
@_yes_option
def delete(*, account: str, yes: bool) -> None:
    """Delete a service account with its keys and roles; its tokens die within seconds."""
    from weftapi.controlplane.v1 import service_accounts_pb2 as pb

    connection, stub = _connect()
    if not yes:
        click.confirm(f"Delete {account}? What signs in as it stops.", abort=True, err=True)
    request = pb.DeleteServiceAccountRequest(name=named(connection, _COLLECTION, account))
    connection.control_plane.call(stub.DeleteServiceAccount, request)
    note(f"{account} is deleted")


@service_accounts.command()
@click.argument("account")
@output_option
def disable(*, account: str, output: str) -> None:
    """Shut a service account out; its tokens die within seconds, its keys and roles stay."""
    from weftapi.controlplane.v1 import service_accounts_pb2 as pb

    connection, stub = _connect()
    request = pb.DisableServiceAccountRequest(name=named(connection, _COLLECTION, account))
    found = connection.control_plane.call(stub.DisableServiceAccount, request)
    print_message(found, output, lambda: _draw(found))


@service_accounts.command()
@click.argument("account")
@output_option
def enable(*, account: str, output: str) -> None:
    """Let a disabled service account in again."""
    from weftapi.controlplane.v1 import service_accounts_pb2 as pb

    connection, stub = _connect()
    request = pb.EnableServiceAccountRequest(name=named(connection, _COLLECTION, account))
    found = connection.control_plane.call(stub.EnableServiceAccount, request)
    print_message(found, output, lambda: _draw(found))


@service_accounts.group()
def keys() -> None:
    """List, make and rotate the API keys of a service account: two live at most."""


@keys.command("list")
@click.argument("account")
@output_option
def list_keys(*, account: str, output: str) -> None:
    """List the keys of a service account, newest first."""
    from weftapi.controlplane.v1 import service_accounts_pb2 as pb

    connection, stub = _connect()
    call = connection.control_plane.call
    request = pb.ListApiKeysRequest(parent=named(connection, _COLLECTION, account))
    pages = paged(lambda r: call(stub.ListApiKeys, r), request)
    print_messages(
        [key for page in pages for key in page.api_keys],
        output,
        header=("KEY", "BEGINS", "FOR", "LAST USED", "ENDS"),
        row=lambda k: (
            short(k.name),
            k.prefix,
            k.display_name,
            told(k.last_used_time),
            told(k.expire_time),
        ),
        empty=f"no keys yet: make one with `weft service-accounts keys create {account}`",
    )


@keys.command("create")
@click.argument("account")
@click.option("--name", default="", help="Where it is used.")
@click.option("--expires", help="When it ends: 30d, 12w; 90 days by default, 365 at most.")
@output_option
def create_key(*, account: str, name: str, expires: str | None, output: str) -> None:
    """Make a key. Its secret is printed now and never again: keep it as WEFT_API_KEY."""
    from weftapi.controlplane.v1 import service_accounts_pb2 as pb

    connection, stub = _connect()
    key = pb.ApiKey(
        display_name=name, expire_time=end_of(expires, datetime.now(UTC)) if expires else None
    )
    request = pb.CreateApiKeyRequest(parent=named(connection, _COLLECTION, account), api_key=key)
    made = connection.control_plane.call(stub.CreateApiKey, request)
    print_message(made, output, lambda: _tell(made))


@keys.command("rotate")
@click.argument("account")
@click.argument("key")
@click.option("--retain", help="How long the old key works on: 1h, 7d; not at all by default.")
@output_option
def rotate_key(*, account: str, key: str, retain: str | None, output: str) -> None:
    """Make the successor of a key; its secret is printed now and never again."""
    from weftapi.controlplane.v1 import service_accounts_pb2 as pb

    connection, stub = _connect()
    request = pb.RotateApiKeyRequest(name=_below(connection, account, "apiKeys", key))
    if retain:
        now = datetime.now(UTC)
        request.retain_period.FromTimedelta(end_of(retain, now).ToDatetime(UTC) - now)
    made = connection.control_plane.call(stub.RotateApiKey, request)
    print_message(made, output, lambda: _tell(made))


@keys.command("delete")
@click.argument("account")
@click.argument("key")
def delete_key(*, account: str, key: str) -> None:
    """Delete a key; what was signed in with it stops within seconds."""
    from weftapi.controlplane.v1 import service_accounts_pb2 as pb

    connection, stub = _connect()
    request = pb.DeleteApiKeyRequest(name=_below(connection, account, "apiKeys", key))
    connection.control_plane.call(stub.DeleteApiKey, request)
    note(f"{short(request.name)} is deleted")


@service_accounts.group()
def federation() -> None:
    """Let jobs and pods elsewhere become a service account, without a secret of ours."""


@federation.command("list")
@click.argument("account")
@output_option
def list_credentials(*, account: str, output: str) -> None:
    """List whose tokens count for a service account."""
    from weftapi.controlplane.v1 import federated_credentials_pb2 as pb

    connection, stub = _connect_federation()
    call = connection.control_plane.call
    request = pb.ListFederatedCredentialsRequest(parent=named(connection, _COLLECTION, account))
    pages = paged(lambda r: call(stub.ListFederatedCredentials, r), request)
    print_messages(
        [each for page in pages for each in page.federated_credentials],
        output,
        header=("CREDENTIAL", "ISSUER", "AUDIENCE", "SUBJECT", "LAST USED"),
        row=lambda c: (
            short(c.name),
            c.issuer,
            c.audience,
            c.subject,
            told(c.last_used_time),
        ),
        empty=f"nobody yet: see `weft service-accounts federation create {account} --help`",
    )


@federation.command("create")
@click.argument("account")
@click.argument("credential")
@click.option("--issuer", required=True, help="The `iss` of the tokens, letter by letter.")
@click.option("--audience", required=True, help="The `aud` of the tokens: a name for us alone.")
@click.option("--subject", required=True, help="The `sub`; one * may stand at its start or end.")
@click.option("--claim", multiple=True, help="A claim that they must have: NAME=VALUE.")
@click.option("--reusable", is_flag=True, help="Take a token more than once, as pods mount it.")
@output_option
def create_credential(
    *,
    account: str,
    credential: str,
    issuer: str,
    audience: str,
    subject: str,
    claim: tuple[str, ...],
    reusable: bool,
    output: str,
) -> None:
    """Take the tokens of an issuer for a service account, if they fit all of this.

    \b
    A job of GitHub Actions on the main branch:
      weft service-accounts federation create ci github \\
        --issuer https://token.actions.githubusercontent.com --audience weft \\
        --subject repo:acme/model:ref:refs/heads/main
    """
    from weftapi.controlplane.v1 import federated_credentials_pb2 as pb

    connection, stub = _connect_federation()
    rules = pb.FederatedCredential(
        issuer=issuer,
        audience=audience,
        subject=subject,
        conditions=[pb.ClaimCondition(claim=n, value=v) for n, v in map(_pair, claim)],
        reusable=reusable,
    )
    request = pb.CreateFederatedCredentialRequest(
        parent=named(connection, _COLLECTION, account),
        federated_credential_id=credential,
        federated_credential=rules,
    )
    made = connection.control_plane.call(stub.CreateFederatedCredential, request)
    print_message(made, output, lambda: _draw_credential(made))


@federation.command("delete")
@click.argument("account")
@click.argument("credential")
def delete_credential(*, account: str, credential: str) -> None:
    """Take no more tokens by a credential; what was signed in by it stops within seconds."""
    from weftapi.controlplane.v1 import federated_credentials_pb2 as pb

    connection, stub = _connect_federation()
    name = _below(connection, account, "federatedCredentials", credential)
    request = pb.DeleteFederatedCredentialRequest(name=name)
    connection.control_plane.call(stub.DeleteFederatedCredential, request)
    note(f"{short(name)} is deleted")


def _connect() -> tuple[Connection, service_accounts_pb2_grpc.ServiceAccountServiceStub]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import service_accounts_pb2_grpc as services

    connection = Connection.current()
    return connection, connection.control_plane.stub(services.ServiceAccountServiceStub)


def _connect_federation() -> tuple[
    Connection, federated_credentials_pb2_grpc.FederatedCredentialServiceStub
]:
    from weft._connection import Connection
    from weftapi.controlplane.v1 import federated_credentials_pb2_grpc as services

    connection = Connection.current()
    return connection, connection.control_plane.stub(services.FederatedCredentialServiceStub)


def _below(connection: Connection, account: str, collection: str, text: str) -> str:
    if text.startswith("organizations/"):
        return text
    return f"{named(connection, _COLLECTION, account)}/{collection}/{text}"


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"{text!r} is no NAME=VALUE", Exit.USAGE)
    return name, value


def _state(account: service_accounts_pb2.ServiceAccount) -> str:
    return "disabled" if account.HasField("disable_time") else "enabled"


def _draw(account: service_accounts_pb2.ServiceAccount) -> None:
    print_fields(
        [
            by_id("account", account.name),
            ("name", account.display_name),
            ("for", account.description),
            ("state", _state(account)),
            ("made", told(account.create_time)),
        ]
    )


def _draw_credential(credential: federated_credentials_pb2.FederatedCredential) -> None:
    print_fields(
        [
            by_id("credential", credential.name),
            ("issuer", credential.issuer),
            ("audience", credential.audience),
            ("subject", credential.subject),
            *((each.claim, each.value) for each in credential.conditions),
        ]
    )


def _tell(made: Any) -> None:
    """The secret alone on standard output, so that a pipe can take it."""
    click.echo(made.secret)
    note(f"{short(made.api_key.name)} ends {told(made.api_key.expire_time)}; keep the secret")
