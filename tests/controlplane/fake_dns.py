"""A fake DNS server on a loopback port: it answers TXT questions with what a test says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class FakeDns:
    """`records` by name; `code` is what it answers to everything else."""

    address: str = ""
    records: dict[str, list[str]] = field(default_factory=dict)
    code: dns.rcode.Rcode = dns.rcode.NXDOMAIN

    def answer(self, wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        texts = self.records.get(question.name.to_text(omit_final_dot=True).lower())
        if texts is None:
            reply.set_rcode(self.code)
        elif question.rdtype == dns.rdatatype.TXT and texts:
            quoted = [f'"{text}"' for text in texts]
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", *quoted))
        return reply.to_wire()


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, server: FakeDns) -> None:
        self._server = server

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self._transport.sendto(self._server.answer(data), address)


@contextlib.asynccontextmanager
async def serving_dns() -> AsyncIterator[FakeDns]:
    """A server until the block ends."""
    server = FakeDns()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Protocol(server), ("127.0.0.1", 0)
    )
    server.address = "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1])
    yield server
    transport.close()
