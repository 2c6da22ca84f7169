"""The types of connectors by id; each module is imported when its type is first asked for."""

from collections.abc import Sequence
from functools import cache
from importlib import import_module

from workspace.connectors.model import ConnectorType

# Where the `TYPE` of each is.
_MODULES = {
    "aws": "workspace.connectors.aws.type",
    "azure": "workspace.connectors.azure_type",
    "docker": "workspace.connectors.docker",
    "gcp": "workspace.connectors.gcp_type",
    "kubernetes": "workspace.connectors.kubernetes",
    "oauth2": "workspace.connectors.oauth2",
}


@cache
def get(id_: str) -> ConnectorType | None:
    """The type of this id."""
    module = _MODULES.get(id_)
    if module is None:
        return None
    found = import_module(module).TYPE
    assert isinstance(found, ConnectorType)
    return found


def every() -> Sequence[ConnectorType]:
    """All types, by id."""
    return [found for id_ in sorted(_MODULES) if (found := get(id_))]
