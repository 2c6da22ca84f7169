"""The audit log is insert-only, for the database too."""

from meshkit.insert_only import BEFORE_ANCHOR, protect_audit, protect_rows

revision = "0009"
down_revision = "0008"

_SAME = "chain = NEW.chain AND sequence = NEW.sequence AND kind = NEW.kind"


def upgrade() -> None:
    protect_audit()
    protect_rows("audit_checkpoints", goes=BEFORE_ANCHOR, same=_SAME)
