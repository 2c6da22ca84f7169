"""Tables that the database itself keeps from being altered, for migrations.

Triggers: a row is never changed, and goes only where a condition says that something stands in
its place. They stop slips and stolen statements; whoever may alter tables can take them away, and
is found by hashes and signatures. A migration that builds a table anew makes them again.
"""

from alembic import op

_CHAIN = "(SELECT anchor_sequence FROM audit_chains WHERE audit_chains.chain = OLD.chain)"

UP_TO_ANCHOR = f"OLD.sequence <= {_CHAIN}"
"""What retention may delete of a chain, once it has moved the anchor."""
BEFORE_ANCHOR = f"OLD.sequence < {_CHAIN}"

_SAME = "chain = NEW.chain AND sequence = NEW.sequence"

_MOVES_BACK = "NEW.sequence < OLD.sequence OR NEW.anchor_sequence < OLD.anchor_sequence"


def protect_audit() -> None:
    """Protects the rows of the audit log; the ends of its chains never move back."""
    protect_rows("audit_events", goes=UP_TO_ANCHOR)
    if _is_sqlite():
        _refuse_in_sqlite("audit_chains", "UPDATE", when=_MOVES_BACK)
        _refuse_in_sqlite("audit_chains", "DELETE")
        return
    # Judged without a call of the function: this row moves with every audited transaction.
    _refuse_in_postgresql("audit_chains", "UPDATE", f"ROW WHEN ({_MOVES_BACK})")
    _refuse_in_postgresql("audit_chains", "DELETE")
    _refuse_in_postgresql("audit_chains", "TRUNCATE", "STATEMENT")


def protect_rows(table: str, *, goes: str, same: str = _SAME) -> None:
    """Lets rows only be inserted, and deleted where the SQL condition `goes` on OLD holds.

    `same` is the condition under which a stored row is the NEW one: SQLite can replace a row,
    which deletes it without any trigger on that.
    """
    if _is_sqlite():
        _refuse_in_sqlite(table, "UPDATE")
        _refuse_in_sqlite(table, "DELETE", when=f"({goes}) IS NOT TRUE")
        is_there = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - migrations' words
        _refuse_in_sqlite(table, "INSERT", when=is_there)
        return
    _refuse_in_postgresql(table, "UPDATE")
    _refuse_in_postgresql(table, "DELETE", goes=goes)
    _refuse_in_postgresql(table, "TRUNCATE", "STATEMENT")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _refuse_in_sqlite(table: str, act: str, *, when: str = "TRUE") -> None:
    op.execute(
        f"CREATE TRIGGER {table}_{act.lower()} BEFORE {act} ON {table} WHEN {when} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
    )


def _refuse_in_postgresql(table: str, act: str, each: str = "ROW", *, goes: str = "FALSE") -> None:
    name = f"{table}_{act.lower()}"
    # A trigger on a statement has no OLD to judge.
    judge = f"IF {goes} THEN RETURN OLD; END IF;" if goes != "FALSE" else ""
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {judge} RAISE EXCEPTION '{table} is insert-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {act} ON {table} FOR EACH {each} EXECUTE FUNCTION {name}()"
    )
