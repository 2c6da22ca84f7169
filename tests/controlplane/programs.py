"""Service accounts and their keys, as short calls for tests."""

from typing import Any

from tests.controlplane.harness import ORGANIZATION, Client, Plane
from weftapi.controlplane.v1 import auth_pb2
from weftapi.controlplane.v1 import service_accounts_pb2 as pb

ACCOUNT = f"{ORGANIZATION}/serviceAccounts/ci"
DENIED = ("PERMISSION_DENIED", "NOT_PERMITTED")
NOT_ALLOWED = ("PERMISSION_DENIED", "CALLER_NOT_ALLOWED")
INVALID_GRANT = ("UNAUTHENTICATED", "INVALID_GRANT")
UNAUTHENTICATED = ("UNAUTHENTICATED", "INVALID_CREDENTIAL")
MISSING = ("NOT_FOUND", "RESOURCE_NOT_FOUND")


async def new_account(admin: Client, id_: str = "ci", **fields: Any) -> pb.ServiceAccount:
    return await admin.service_accounts.CreateServiceAccount(
        pb.CreateServiceAccountRequest(
            parent=ORGANIZATION, service_account_id=id_, service_account=pb.ServiceAccount(**fields)
        )
    )


def new_key(client: Client, account: str, **fields: Any) -> Any:
    request = pb.CreateApiKeyRequest(parent=account, api_key=pb.ApiKey(**fields))
    return client.service_accounts.CreateApiKey(request)


def rotate(client: Client, key: str, **retain: int) -> Any:
    request = pb.RotateApiKeyRequest(name=key)
    request.retain_period.FromSeconds(retain.get("seconds", 0))
    return client.service_accounts.RotateApiKey(request)


def get_key(client: Client, name: str) -> Any:
    return client.service_accounts.GetApiKey(pb.GetApiKeyRequest(name=name))


def list_keys(client: Client, **fields: Any) -> Any:
    request = pb.ListApiKeysRequest(parent=ACCOUNT, **fields)
    return client.service_accounts.ListApiKeys(request)


def delete_key(client: Client, name: str) -> Any:
    return client.service_accounts.DeleteApiKey(pb.DeleteApiKeyRequest(name=name))


def disable(client: Client, name: str) -> Any:
    return client.service_accounts.DisableServiceAccount(pb.DisableServiceAccountRequest(name=name))


def enable(client: Client, name: str) -> Any:
    return client.service_accounts.EnableServiceAccount(pb.EnableServiceAccountRequest(name=name))


def delete(client: Client, name: str) -> Any:
    return client.service_accounts.DeleteServiceAccount(pb.DeleteServiceAccountRequest(name=name))


def exchange(client: Client, secret: str) -> Any:
    return client.auth.ExchangeToken(auth_pb2.ExchangeTokenRequest(api_key=secret))


def whoami(client: Client) -> Any:
    return client.auth.GetCurrentPrincipal(auth_pb2.GetCurrentPrincipalRequest())


async def sign_in(plane: Plane, secret: str) -> Client:
    """A client with the access token that a key is exchanged for."""
    return await plane.as_user(await exchange(await plane.edge(), secret))
