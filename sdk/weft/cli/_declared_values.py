"""What no file holds and nobody reads again: values of secrets and connectors, alerters' URLs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.cli._exit import CommandError, Exit

if TYPE_CHECKING:
    from weft.cli._kinds import Kind

Sources = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Hidden:
    """A field that is written and never read, and the one that lists which values it has.

    Where none lists them, the field is one text, and has been there since the resource was made.
    """

    field: str
    listed: str = ""

    def present(self, current: Any) -> set[str]:
        """The values that a resource has."""
        return set(getattr(current, self.listed)) if self.listed else {self.field}

    def put(self, wanted: Any, values: Mapping[str, str]) -> None:
        """Gives a message its values."""
        if self.listed:
            getattr(wanted, self.field).update(values)
        elif values:
            setattr(wanted, self.field, values[self.field])


HIDDEN: Mapping[str, Hidden] = {
    "Secret": Hidden("values", "keys"),
    "ServiceConnector": Hidden("secret_config", "secret_fields"),
    "Alerter": Hidden("url"),
}


def sources_of(kind: Kind, sources: Mapping[str, Any]) -> Sources:
    """Where a document says that values are, {"env": NAME} or {"file": PATH}, checked.

    Raises:
        ValueError: The kind has no such values, or it says no such place.
    """
    hidden = HIDDEN.get(kind.noun)
    if sources and hidden is None:
        kinds = " or ".join(HIDDEN)
        raise ValueError(f"valuesFrom is for a {kinds}, and this is a {kind.noun}")
    for key, source in sources.items():
        if hidden and not hidden.listed and key != hidden.field:
            raise ValueError(f"valuesFrom: {kind.noun} has {hidden.field}, and no {key}")
        pairs = list(source.items()) if isinstance(source, dict) else []
        if len(pairs) != 1 or pairs[0][0] not in {"env", "file"} or not _is_name(pairs[0][1]):
            raise ValueError(f"valuesFrom: {key} is {{env: NAME}} or {{file: PATH}}")
    return sources


def read_values(name: str, sources: Sources, present: Iterable[str] = ()) -> dict[str, str]:
    """The values that a resource lacks; those that it has may have been rotated, and stay.

    Raises:
        CommandError: The variable of one is not set.
    """
    found = {}
    for key in sorted(sources.keys() - set(present)):
        source = sources[key]
        if "file" in source:
            found[key] = Path(source["file"]).read_text(encoding="utf-8")
        elif source["env"] in os.environ:
            found[key] = os.environ[source["env"]]
        else:
            raise CommandError(
                f"{name} has no {key} yet: set the variable {source['env']}", Exit.USAGE
            )
    return found


def asked_for(kind: Kind, resource: Any) -> dict[str, dict[str, str]]:
    """The `valuesFrom` of an exported resource: a variable for each value, by its name."""
    if kind.noun not in HIDDEN:
        return {}
    variable = resource.name.rpartition("/")[2].upper().replace("-", "_")
    keys = sorted(HIDDEN[kind.noun].present(resource))
    return {key: {"env": f"{variable}_{key.upper()}".replace("-", "_")} for key in keys}


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != ""
