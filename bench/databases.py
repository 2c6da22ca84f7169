"""The databases that durable figures are measured on."""

import asyncpg

from bench.load import Options
from bench.site import Server, Site


async def workspaces(
    site: Site, options: Options, *, with_normal: bool = True
) -> list[tuple[str, Server]]:
    """A workspace server on each database, by the database's name; SQLite's NORMAL beside it."""
    servers = [("sqlite FULL", await site.workspace())]
    if with_normal and not options.quick:
        servers.append(("sqlite NORMAL", await site.workspace(module="bench.relaxed")))
    if options.postgres and (url := await new_database(site)):
        servers.append(("postgresql", await site.workspace(url)))
    return servers


async def new_database(site: Site) -> str | None:
    """A fresh PostgreSQL database (fsync and synchronous_commit on); None where there is none."""
    admin = site.postgres_url("postgres")
    if admin is None:
        return None
    name = site.new_directory("database").name.replace("-", "_")
    connection = await asyncpg.connect(admin)
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()
    return site.postgres_url(name)
