"""Ids in resource names that the field rules have found well-formed."""

from uuid import UUID

from meshkit.errors import NotFound


def organization_of(name: str) -> str:
    """ "organizations/o/..." -> "o"."""
    return name.split("/")[1]


def last(name: str) -> str:
    """The last id of a name: "editor" of "organizations/o/roles/editor"."""
    return name.rpartition("/")[2]


def workspace_of(name: str) -> str:
    """ "organizations/o/workspaces/w" -> "w"."""
    return name.split("/")[3]


def provider_of(name: str) -> tuple[str, str]:
    """ "organizations/o/identityProviders/p" -> "o", "p"."""
    return organization_of(name), name.rpartition("/")[2]


def place_of(name: str) -> tuple[str, str]:
    """ "organizations/o/workspaces/w/..." -> ("o", "w")."""
    return organization_of(name), workspace_of(name)


def uid_of(name: str) -> UUID:
    """The UUID at the end of a name; raises NotFound where there is none, as nothing has it."""
    try:
        return UUID(name.rpartition("/")[2])
    except ValueError as error:
        raise NotFound(
            "RESOURCE_NOT_FOUND", f"There is no {name}.", metadata={"resource": name}
        ) from error
