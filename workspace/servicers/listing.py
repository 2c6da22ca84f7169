"""One page of a list: from the request to the page of messages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from google.protobuf.message import Message

from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.filters import Fields, Filter
from meshkit.paging import ListQuery, Orders, Page, PageTokens, Window
from workspace import names
from workspace.operations.refusals import absent
from workspace.store import projects as project_store
from workspace.store.base import Row
from workspace.store.lists import Listed

R = TypeVar("R", bound=Row)
M = TypeVar("M", bound=Message)


class ListRequest(Protocol):
    """What every list request has; `parent`, `filter` and `order_by` where they mean something."""

    page_size: int
    page_token: str


@dataclass(frozen=True, slots=True)
class Lists:
    """What lists need: the database, the seal of page tokens, and the time for `now()`."""

    database: Database
    tokens: PageTokens
    clock: Clock

    def window(self, method: str, request: ListRequest, orders: Orders) -> Window:
        """The part of the list that is asked for; InvalidArgument for what makes no sense."""
        query = ListQuery(
            method,
            parent=getattr(request, "parent", ""),
            filter=getattr(request, "filter", ""),
            order_by=getattr(request, "order_by", ""),
        )
        return self.tokens.window(query, orders, size=request.page_size, token=request.page_token)

    def filter(self, fields: Fields, text: str) -> Filter | None:
        """The filter of a request, None for an empty one."""
        return fields.parse(text, now=self.clock.now()) if text else None

    async def page(
        self,
        window: Window,
        convert: Callable[[R], M],
        query: Callable[..., Listed[R]],
        *arguments: Any,
    ) -> Page[M]:
        """Reads a page and turns it into messages.

        NotFound where nothing is found because the project does not exist.
        """
        found = await self.database.read(query, *arguments)
        if not found.rows and window.cursor is None:
            await self.require_project(window.query.parent)
        return window.page(found.rows, convert, revision=found.revision)

    async def require_project(self, parent: str) -> None:
        """NotFound where the project of a parent does not exist."""
        project = names.project_of(parent)
        if project in ("", names.WILDCARD):
            return
        if not await self.database.read(project_store.existing, {project}):
            raise absent(names.project(project))
