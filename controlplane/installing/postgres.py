"""A database for a server: version, rights, encryption, encoding, and its clock."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import asyncpg

from controlplane.installing import Finding

_OLDEST = 15
_TIMEOUT_S = 10.0
_MAX_SKEW_S = 30.0
_LOCAL = {"", "localhost", "127.0.0.1", "::1"}
# Fixed words: a part of what cannot be taken apart may be the password.
_FORM = (
    "write postgresql://USER:PASSWORD@HOST:PORT/NAME, and in the password %40 for @, %2F for /, "
    "%3F for ?, %23 for #, %5B for [ and %25 for %"
)
_UNREAD = Finding("database", ok=False, detail="a URL that cannot be taken apart", fix=_FORM)


async def check_database(url: str) -> list[Finding]:
    """Connects as a server does; nothing that it makes outlives the transaction."""
    place = _taken_apart(url)
    if place is None:
        return [_UNREAD]
    host = place.hostname or parse_qs(place.query).get("host", [""])[0]
    label = f"database {place.hostname or ''}{place.path}"
    try:
        connection: Any = await asyncpg.connect(url, timeout=_TIMEOUT_S)
    except ValueError:
        detail = "parameters of the URL that the driver does not take"
        return [
            Finding(label, ok=False, detail=detail, fix="look at sslmode, sslrootcert and host")
        ]
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        fix = (
            "it must answer, take this user and hold this database: look at host, port and password"
        )
        return [Finding(label, ok=False, detail=_said(error), fix=fix)]
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return [
                await _version(connection, label),
                await _rights(connection, label),
                await _encryption(connection, label, host),
                await _clock(connection, label),
            ]
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return [Finding(label, ok=False, detail=_said(error), fix="it broke off: try again")]
    finally:
        connection.terminate()


def _taken_apart(url: str) -> SplitResult | None:
    """The URL's parts; None where a password with a character of URLs may be in the wrong one."""
    try:
        place = urlsplit(url)
        _ = place.port, place.hostname
    except ValueError:
        return None
    is_plain = place.scheme == "postgresql" and url.count("@") == place.netloc.count("@") <= 1
    return place if is_plain else None


async def _version(connection: Any, label: str) -> Finding:
    said = await connection.fetchval("SHOW server_version")
    encoding = await connection.fetchval("SHOW server_encoding")
    is_new = connection.get_server_version().major >= _OLDEST
    return Finding(
        label,
        ok=is_new and encoding == "UTF8",
        detail=f"PostgreSQL {said}, {encoding}, no extension is needed",
        fix="" if is_new and encoding == "UTF8" else f"PostgreSQL {_OLDEST} or newer, with UTF8",
    )


async def _rights(connection: Any, label: str) -> Finding:
    """Makes a table with an index, as migrations do, and rolls it back."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("CREATE TABLE weft_install_check (id int PRIMARY KEY, t text)")
        await connection.execute("CREATE INDEX ON weft_install_check (t)")
        await connection.execute("LISTEN weft_install_check")
        await connection.fetchval("SELECT pg_advisory_xact_lock(0)")
    except asyncpg.PostgresError as error:
        fix = "the user must own the database, or have CREATE in its schema"
        return Finding(f"{label} rights", ok=False, detail=_said(error), fix=fix)
    finally:
        await transaction.rollback()
    return Finding(f"{label} rights", ok=True, detail="makes tables, listens, takes locks")


async def _encryption(connection: Any, label: str, host: str) -> Finding:
    row = await connection.fetchrow(
        "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    )
    if row and row["ssl"]:
        return Finding(f"{label} TLS", ok=True, detail=row["version"])
    if host in _LOCAL or host.startswith("/"):
        return Finding(f"{label} TLS", ok=True, detail="none, and it never leaves this machine")
    fix = "say ?sslmode=verify-full in the URL, and have the server offer TLS"
    return Finding(f"{label} TLS", ok=False, detail="what goes there can be read", fix=fix)


async def _clock(connection: Any, label: str) -> Finding:
    there: datetime = await connection.fetchval("SELECT clock_timestamp()")
    skew_s = abs((there - datetime.now(UTC)).total_seconds())
    is_near = skew_s < _MAX_SKEW_S
    fix = "" if is_near else "set the clocks: leases and tokens are judged by them"
    return Finding(f"{label} clock", ok=is_near, detail=f"{skew_s:.1f} s from this one", fix=fix)


def _said(error: Exception) -> str:
    """What went wrong, in one line and never with the URL, which holds a password."""
    return (str(error) or type(error).__name__).splitlines()[0]
