"""The table of what there is: counters that quotas and usage are read from."""

from dataclasses import dataclass

from workspace.store.base import Row, stored


@stored("uses", key=("project", "quota"))
@dataclass(slots=True)
class Use(Row):
    """How much of something a project holds, or with an empty project the whole workspace."""

    project: str
    quota: str
    amount: int = 0
