"""The kinds of external stores, by the name of their field in `SecretBackend`."""

from collections.abc import Callable, Mapping

from workspace.secrets.stores.aws import AwsStore
from workspace.secrets.stores.azure import AzureStore
from workspace.secrets.stores.base import StoreError, ValueStore
from workspace.secrets.stores.gcp import GcpStore
from workspace.secrets.stores.vault import VaultStore

_Open = Callable[[Mapping[str, str], Mapping[str, str]], ValueStore]
_KINDS: dict[str, _Open] = {
    "vault": VaultStore,
    "aws": AwsStore,
    "gcp": GcpStore,
    "azure": AzureStore,
}


def open_store(kind: str, config: Mapping[str, str], credentials: Mapping[str, str]) -> ValueStore:
    """A store by its settings; StoreError where they cannot be right. Connects when first asked."""
    try:
        return _KINDS[kind](config, credentials)
    except KeyError as error:
        raise StoreError(f"{kind} stores are not known here", is_refusal=True) from error
