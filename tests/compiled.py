"""What all servers of a process make alike, made once: SQL, policies and rules.

Each engine of SQLAlchemy keeps what it compiled, by its own dialect. A server compiles a hundred
statements in its first seconds, and each test starts servers over databases of its own: a third
of their CPU. Dialects of one class are alike here, since nobody configures them. With its first
connection, each engine also asks PostgreSQL for its version and defaults, in five statements:
there is one server for all tests, and it answers alike.

Policies and rules are made of descriptors, which never change: another third of a start.
"""

from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa
from google.protobuf.descriptor import FileDescriptor
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

import meshkit.server as mesh_server
from meshkit.access import MethodPolicy

_STATEMENTS = 5_000


def share() -> None:
    """Lets all servers that are made from now on share what they compile."""
    _share_sql()
    _share_policies()


def _share_sql() -> None:
    for dialect in (PGDialect_asyncpg, SQLiteDialect_pysqlite):
        dialect.__eq__ = lambda self, other: type(self) is type(other)
        dialect.__hash__ = lambda self: hash(type(self))
    compiled: LRUCache = LRUCache(_STATEMENTS)
    make = sa.Engine.__init__

    def make_sharing(engine: sa.Engine, *args, **kwargs) -> None:
        make(engine, *args, **kwargs)
        engine._compiled_cache = compiled

    sa.Engine.__init__ = make_sharing
    _initialize_once(PGDialect_asyncpg)


def _initialize_once(dialect: Any) -> None:
    """Keeps what the first dialect found out, for each isolation level that engines ask for."""
    found: dict[Any, dict[str, Any]] = {}
    ask = dialect.initialize

    def initialize(self: Any, connection: sa.Connection) -> None:
        level = self._on_connect_isolation_level
        if level not in found:
            before = dict(vars(self))
            ask(self, connection)
            found[level] = {
                name: value
                for name, value in vars(self).items()
                if name not in before or before[name] is not value
            }
        vars(self).update(found[level])

    dialect.initialize = initialize


def _share_policies() -> None:
    """What is refused is refused anew each time: only what servers start with is kept."""
    policies, rules = cache(mesh_server.compile_policies), cache(mesh_server.rules.compile_all)

    def compile_policies(service: Any, *, extra_checks: Collection[str]) -> dict[str, MethodPolicy]:
        return policies(service, extra_checks=frozenset(extra_checks))

    def compile_all(files: Iterable[FileDescriptor]) -> None:
        rules(frozenset(files))

    mesh_server.compile_policies = compile_policies
    mesh_server.rules.compile_all = compile_all
