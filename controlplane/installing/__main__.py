"""`python -m controlplane.installing`: what to try as JSON on standard input, findings on output.

The command line `weft install check` runs it: nobody sees passwords among the arguments of a
process.
"""

import asyncio
import ipaddress
import json
import sys
from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any

from controlplane.installing import Finding
from controlplane.installing.hosts import check_host
from controlplane.installing.postgres import check_database

Checks = list[Coroutine[Any, Any, list[Finding]]]


def _checks(wanted: dict[str, Any]) -> Checks:
    """The checks that are wanted; libraries are imported for those alone."""
    ca_file = Path(wanted["ca"]) if wanted.get("ca") else None
    checks: Checks = [check_database(url) for url in wanted.get("databases", [])]
    if issuer := wanted.get("issuer"):
        from controlplane.installing.issuer import check_issuer

        checks.append(
            check_issuer(
                issuer,
                public_url=wanted["publicUrl"],
                client=(wanted.get("clientId", ""), wanted.get("clientSecret", "")),
                ca_file=ca_file,
                networks=tuple(map(ipaddress.ip_network, wanted.get("networks", []))),
            )
        )
    for host in wanted.get("hosts", []):
        name, _, port = host.partition(":")
        checks.append(check_host(name, port=int(port or 443), ca_file=ca_file))
    if kubeconfig := wanted.get("kubeconfig"):
        from controlplane.installing.cluster import check_cluster

        checks.append(check_cluster(kubeconfig, wanted["namespace"]))
    return checks


async def _run(wanted: dict[str, Any]) -> list[Finding]:
    """All at once: each waits for somebody else."""
    return [finding for found in await asyncio.gather(*_checks(wanted)) for finding in found]


def main() -> None:
    """Answers the findings, in the order in which the checks were asked for."""
    findings = asyncio.run(_run(json.load(sys.stdin)))
    json.dump([asdict(finding) for finding in findings], sys.stdout)


if __name__ == "__main__":
    main()
