"""SQL compiled once for all databases of a process.

Each engine of SQLAlchemy keeps what it compiled, by its own dialect. A server compiles a hundred
statements in its first seconds, and each test starts servers over databases of its own: a third
of their CPU. Dialects of one class are alike here, since nobody configures them.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

_STATEMENTS = 5_000


def share() -> None:
    """Lets all engines that are made from now on share what they compile."""
    for dialect in (PGDialect_asyncpg, SQLiteDialect_pysqlite):
        dialect.__eq__ = lambda self, other: type(self) is type(other)
        dialect.__hash__ = lambda self: hash(type(self))
    compiled: LRUCache = LRUCache(_STATEMENTS)
    make = sa.Engine.__init__

    def make_sharing(engine: sa.Engine, *args, **kwargs) -> None:
        make(engine, *args, **kwargs)
        engine._compiled_cache = compiled

    sa.Engine.__init__ = make_sharing
