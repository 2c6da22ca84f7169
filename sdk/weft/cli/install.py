"""`weft install`: what an installation stands on, and the chart's values for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from weft.cli._exit import CommandError, Exit
from weft.cli._output import output_option, print_document

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MAX_PORT = 65535


def _take_hosts(_context: Any, _option: Any, given: Any) -> Any:
    """NAME or NAME:PORT, one or several; raises BadParameter."""
    for host in [given] if isinstance(given, str) else given or ():
        name, colon, port = host.partition(":")
        is_port = port.isascii() and port.isdecimal() and 0 < int(port) <= _MAX_PORT
        if not name or (colon and not is_port):
            raise click.BadParameter(f"{host!r} is neither NAME nor NAME:PORT")
    return given


def _take_networks(_context: Any, _option: Any, given: tuple[str, ...]) -> tuple[str, ...]:
    import ipaddress

    for network in given:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise click.BadParameter(f"{error}; say it as 10.0.0.0/8") from None
    return given


def _take_ca(_context: Any, _option: Any, given: Path | None) -> Path | None:
    import ssl

    try:
        ssl.create_default_context(cafile=given)
    except (ssl.SSLError, ValueError):
        raise click.BadParameter(f"{given} holds no certificates in PEM") from None
    return given


@click.group()
def install() -> None:
    """Check what an installation stands on, and write values for the chart.

    docs/install.md tells the whole way.
    """


@install.command()
@click.option(
    "--db",
    "databases",
    multiple=True,
    metavar="URL",
    help="postgresql://..., from where others do not see its password: env:NAME, @FILE, or - for "
    "a line of standard input; repeat it.",
)
@click.option("--oidc-issuer", metavar="URL", help="Who vouches for people.")
@click.option("--oidc-client", metavar="ID", help="Our client id there; asks for its secret, too.")
@click.option(
    "--host",
    metavar="NAME",
    callback=_take_hosts,
    help="Where people find the dashboard: weft.example.com.",
)
@click.option(
    "--grpc-host",
    "grpc_hosts",
    multiple=True,
    metavar="NAME",
    callback=_take_hosts,
    help="Where clients dial; by default api.NAME and workspace.NAME. NAME:PORT is taken, too.",
)
@click.option(
    "--ca",
    type=_FILE,
    callback=_take_ca,
    help="The CA of host and issuer, where it is not a public one.",
)
@click.option(
    "--egress-network",
    "networks",
    multiple=True,
    metavar="CIDR",
    callback=_take_networks,
    help="A private network in which the issuer may be; WEFT_CONTROLPLANE_EGRESS_NETWORKS.",
)
@click.option("--kubeconfig", type=_FILE, help="The cluster, and who installs there.")
@click.option("--namespace", default="weft", show_default=True, help="Where in the cluster.")
@click.option("--store", metavar="URI", help="Where artifacts shall be: s3://bucket/prefix.")
@output_option
def check(
    *,
    databases: tuple[str, ...],
    oidc_issuer: str | None,
    oidc_client: str | None,
    host: str | None,
    grpc_hosts: tuple[str, ...],
    ca: Path | None,
    networks: tuple[str, ...],
    kubeconfig: Path | None,
    namespace: str,
    store: str | None,
    output: str,
) -> int:
    """Try databases, issuer, hosts, cluster and store as the servers will, and leave nothing.

    Exit codes: 0 all is well, 1 something is not, 2 nothing was said to be tried.
    """
    from weft.cli._secrets import ask, referred

    if oidc_issuer and not host:
        raise click.UsageError("say with --host where the issuer sends people back")
    hosts = [host, *(grpc_hosts or (f"api.{host}", f"workspace.{host}"))] if host else grpc_hosts
    wanted: dict[str, Any] = {
        "databases": [referred(database) for database in databases],
        "issuer": oidc_issuer,
        "publicUrl": f"https://{host}",
        "clientId": oidc_client or "",
        "clientSecret": ask("Client secret") if oidc_client else "",
        "hosts": hosts,
        "ca": str(ca) if ca else None,
        "networks": networks,
        "kubeconfig": str(kubeconfig) if kubeconfig else None,
        "namespace": namespace,
    }
    if not (databases or oidc_issuer or hosts or kubeconfig or store):
        raise click.UsageError(
            "say what to try: --db, --oidc-issuer, --host, --kubeconfig, --store"
        )
    findings = _ask_servers(wanted)
    if host:
        findings[0]["facts"]["host"] = host
    if store:
        findings.append(_try_store(store))
    _print(findings, output)
    return Exit.DONE if all(finding["ok"] for finding in findings) else Exit.ERROR


@install.command()
@click.option("--host", metavar="NAME", help="Where people find the dashboard: weft.example.com.")
@click.option("--image", metavar="REPOSITORY", help="Where you pushed the image, without its tag.")
@click.option("--store", metavar="URI", help="Where artifacts shall be: s3://bucket/prefix.")
@click.option(
    "--found",
    type=click.File("r"),
    help="What `weft install check -o json` printed; - reads it. Options hold over it.",
)
def values(*, host: str | None, image: str | None, store: str | None, found: Any) -> None:
    """Print values for the chart, with what each is for; Secrets are in it by their names alone."""
    from weft.cli import _install_values

    facts = _facts(found.read()) if found else {}
    given = {"host": host, "image": image, "store": store}
    facts |= {name: value for name, value in given.items() if value}
    try:
        click.echo(_install_values.render(facts), nl=False)
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE) from None


def _ask_servers(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """The servers' own program: what it takes is installed with them."""
    program = [sys.executable, "-m", "controlplane.installing"]
    if not any(wanted[name] for name in ("databases", "issuer", "hosts", "kubeconfig")):
        return []
    done = subprocess.run(  # noqa: S603 - our own
        program, input=json.dumps(wanted), text=True, stdout=subprocess.PIPE, check=False
    )
    if done.returncode:
        raise CommandError(_why_nothing())
    findings: list[dict[str, Any]] = json.loads(done.stdout)
    return findings


def _why_nothing() -> str:
    import importlib.util

    if importlib.util.find_spec("controlplane") is None:
        return "nothing could be tried: install the servers here (`pip install weft-server`)"
    return "nothing was found: the checks ended early, and this is a bug of Weft"


def _try_store(uri: str) -> dict[str, Any]:
    """Writes, reads and removes a small object, with the credentials of this environment."""
    import uuid

    from weft._objects import read_bytes, remove, write_bytes
    from weft.errors import WeftError

    probe = f"{uri.rstrip('/')}/.install-check-{uuid.uuid4().hex}"
    found: dict[str, Any] = {"check": "store", "ok": True, "detail": f"{uri}, written and read"}
    found |= {"fix": "", "facts": {"store": uri}}
    fix = "this environment's credentials must read, write and delete there; so must the pods'"
    try:
        write_bytes(probe, b"weft")
        is_same = read_bytes(probe, 1024) == b"weft"
        remove(probe)
    except (WeftError, OSError, ValueError) as error:
        return found | {"ok": False, "detail": str(error), "fix": fix}
    if not is_same:
        detail = f"{uri} does not give back what was written"
        return found | {"ok": False, "detail": detail, "fix": "another client writes there"}
    return found


def _print(findings: list[dict[str, Any]], output: str) -> None:
    if output == "name":
        click.echo("\n".join(finding["check"] for finding in findings if not finding["ok"]))
        return
    if output != "table":
        print_document(findings, output)
        return
    width = max(len(finding["check"]) for finding in findings)
    for finding in findings:
        mark = click.style("✓", fg="green") if finding["ok"] else click.style("✗", fg="red")
        click.echo(f"{mark} {finding['check']:<{width}}  {finding['detail']}")
        if finding["fix"]:
            click.echo(f"    {finding['fix']}")


def _facts(text: str) -> dict[str, str]:
    """What the checks found that values follow from; raises CommandError."""
    try:
        findings = json.loads(text)
        return {
            name: str(value) for finding in findings for name, value in finding["facts"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        raise CommandError(
            "--found takes what `weft install check -o json` printed", Exit.USAGE
        ) from None
