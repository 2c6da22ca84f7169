"""A host that people dial: its name, its certificate, and whether HTTP/2 gets through."""

import asyncio
import socket
import ssl
import time
from pathlib import Path

from controlplane.installing import Finding

_TIMEOUT_S = 10.0
_DAY_S = 86400.0
_SOON_DAYS = 14


async def check_host(host: str, *, port: int = 443, ca_file: Path | None = None) -> list[Finding]:
    """Looks it up and shakes hands with what answers there."""
    return await asyncio.to_thread(_check, host, port, ca_file)


def _check(host: str, port: int, ca_file: Path | None) -> list[Finding]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        fix = f"make a DNS record of {host} that leads to the ingress, or the load balancer"
        return [Finding(f"dns {host}", ok=False, detail=str(error), fix=fix)]
    addresses = sorted({str(address[4][0]) for address in found})
    named = Finding(f"dns {host}", ok=True, detail=", ".join(addresses))
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.set_alpn_protocols(["h2", "http/1.1"])
    try:
        with (
            socket.create_connection((host, port), _TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as sock,
        ):
            return [named, _certificate(host, sock), _http2(host, sock)]
    except ssl.SSLCertVerificationError as error:
        fix = f"a certificate for {host} from a public CA, or --ca with the one that signed it"
        return [
            named,
            Finding(f"certificate {host}", ok=False, detail=error.verify_message, fix=fix),
        ]
    except OSError as error:
        fix = f"something must listen at port {port}, and speak TLS"
        return [named, Finding(f"certificate {host}", ok=False, detail=str(error), fix=fix)]


def _certificate(host: str, sock: ssl.SSLSocket) -> Finding:
    certificate = sock.getpeercert() or {}
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    days = (ends - time.time()) / _DAY_S
    fix = "" if days > _SOON_DAYS else "renew it, and have it renewed by itself"
    detail = f"valid for {days:.0f} days, {sock.version()}"
    return Finding(f"certificate {host}", ok=days > _SOON_DAYS, detail=detail, fix=fix)


def _http2(host: str, sock: ssl.SSLSocket) -> Finding:
    """gRPC takes HTTP/2 from end to end; ALPN says whether this end has it."""
    if sock.selected_alpn_protocol() == "h2":
        return Finding(f"http2 {host}", ok=True, detail="ALPN h2")
    fix = "switch HTTP/2 on there, or pass TLS through to the servers: gRPC does not go without"
    return Finding(f"http2 {host}", ok=False, detail="ALPN without h2", fix=fix)
