"""Indexes of lists: each gives what one filter finds in the order of the list."""

from alembic import op

revision = "0020"
down_revision = "0019"

_OLD = (
    ("runs", ("state",)),
    ("artifacts", ("project", "display_name")),
    ("artifact_versions", ("project", "alias")),
)
_BY_NAME = ("id", "uid")
_BY_TIME = ("create_time", "uid")
# What is filtered, then the order of the list.
_NEW = (
    ("runs", ("state", *_BY_TIME)),
    ("artifacts", ("project", "display_name", *_BY_NAME)),
    ("artifact_versions", ("project", "alias", *_BY_TIME)),
    ("artifact_versions", ("project", "artifact", *_BY_TIME)),
    ("artifact_versions", ("project", "artifact", "type", *_BY_TIME)),
    ("artifact_versions", ("project", "artifact", "producer_run", *_BY_TIME)),
    ("model_versions", ("project", "model", "stage", *_BY_TIME)),
    ("stage_transitions", ("project", "model", "to_stage", *_BY_TIME)),
    ("stage_transitions", ("project", "number", *_BY_TIME)),
    ("trigger_firings", ("project", "state", *_BY_TIME)),
    ("trigger_firings", ("trigger_uid", "state", *_BY_TIME)),
)


def upgrade() -> None:
    for table, filtered in _OLD:
        op.drop_index(_name(table, filtered), table)
    for table, columns in _NEW:
        op.create_index(_name(table, columns), table, columns)


def _name(table: str, columns: tuple[str, ...]) -> str:
    return op.f("_".join(("ix", table, *columns)))
