"""Readers of watches, for tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc


class Reader:
    """Reads a watch message by message."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.events: list[Any] = []
        self.revision = 0
        self.first = 0

    async def next(self) -> Any:
        async with asyncio.timeout(30):
            response = await self.call.read()
        if response is not grpc.aio.EOF:
            self.events += response.events
            self.first = self.first or response.revision
            if not response.more_in_revision:
                self.revision = response.revision
        return response

    async def until(self, holds: Any) -> Any:
        while True:
            response = await self.next()
            assert response is not grpc.aio.EOF
            if holds(response):
                return response

    async def metadata(self) -> dict[str, str]:
        return dict(await self.call.initial_metadata())


@asynccontextmanager
async def reading(call: Any) -> AsyncIterator[Reader]:
    try:
        yield Reader(call)
    finally:
        call.cancel()
