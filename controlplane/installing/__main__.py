"""`python -m controlplane.installing`: what to try as JSON on standard input, findings on output.

The command line `weft install check` runs it: no password is among this process's arguments.
"""

import asyncio
import ipaddress
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from controlplane.installing import Finding
from controlplane.installing.hosts import check_host
from controlplane.installing.postgres import check_database

Check = Callable[[], Awaitable[list[Finding]]]


def _checks(wanted: dict[str, Any]) -> list[tuple[str, Check]]:
    """The checks that are wanted, each with what to call it where it breaks."""
    ca_file = Path(wanted["ca"]) if wanted.get("ca") else None
    checks: list[tuple[str, Check]] = [
        ("database", partial(check_database, url)) for url in wanted.get("databases", [])
    ]
    if wanted.get("issuer"):
        checks.append(("issuer", partial(_check_issuer, wanted, ca_file)))
    for host in wanted.get("hosts", []):
        name, _, port = host.partition(":")
        check = partial(check_host, name, port=int(port or 443), ca_file=ca_file)
        checks.append((f"host {name}", check))
    if wanted.get("kubeconfig"):
        checks.append(("kubernetes", partial(_check_cluster, wanted)))
    return checks


# Libraries are imported for what is wanted alone.
async def _check_issuer(wanted: dict[str, Any], ca_file: Path | None) -> list[Finding]:
    from controlplane.installing.issuer import check_issuer

    return await check_issuer(
        wanted["issuer"],
        public_url=wanted["publicUrl"],
        client=(wanted.get("clientId", ""), wanted.get("clientSecret", "")),
        ca_file=ca_file,
        networks=tuple(map(ipaddress.ip_network, wanted.get("networks", []))),
    )


async def _check_cluster(wanted: dict[str, Any]) -> list[Finding]:
    from controlplane.installing.cluster import check_cluster

    return await check_cluster(wanted["kubeconfig"], wanted["namespace"])


async def _tried(name: str, check: Check) -> list[Finding]:
    """What a check found; one that breaks is a finding, and the others are not lost with it."""
    try:
        return await check()
    except Exception as error:  # noqa: BLE001 - whatever it is, and its text may hold a secret
        fix = "look at what was given for it; if that is right, report it as a bug of Weft"
        return [Finding(name, ok=False, detail=f"broke off: {type(error).__name__}", fix=fix)]


async def _run(wanted: dict[str, Any]) -> list[Finding]:
    """All at once: each waits for somebody else."""
    answers = await asyncio.gather(*(_tried(*check) for check in _checks(wanted)))
    return [finding for found in answers for finding in found]


def main() -> None:
    """Answers the findings, in the order in which the checks were asked for."""
    findings = asyncio.run(_run(json.load(sys.stdin)))
    json.dump([asdict(finding) for finding in findings], sys.stdout)


if __name__ == "__main__":
    main()
