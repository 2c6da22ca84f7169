"""The places that can keep values: one protocol, and a module for each kind.

A value is written once under a reference of its own and never changed, so that a store needs no
transaction, no versions and no listing: put, get and delete are all that is asked of it.
"""

from workspace.secrets.stores.base import Ref, StoreError, ValueStore
from workspace.secrets.stores.kinds import open_store

__all__ = ["Ref", "StoreError", "ValueStore", "open_store"]
