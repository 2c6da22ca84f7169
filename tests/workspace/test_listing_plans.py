"""How the databases find what is listed: by an index, whatever named filter is asked for.

The plans are those of real rows, about as many as it takes for PostgreSQL to prefer an index.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from meshkit.clock import SystemClock
from meshkit.database import Database
from meshkit.filters import Beside, Field, Fields, Filter, Kind
from meshkit.paging import Cursor, ListQuery, Orders, PageTokens, Window
from meshkit.session import Session
from tests.templates import WORKSPACE
from tests.workspace.listing_rows import NOW, UID, P, fill, on
from workspace.store import (
    alert_deliveries,
    alerters,
    artifacts,
    builds,
    code_repositories,
    collections,
    components,
    conditions,
    logs,
    model_versions,
    models,
    pipelines,
    projects,
    retention,
    runs,
    saved_views,
    schedules,
    secrets,
    service_connectors,
    snapshots,
    stacks,
    steps,
    triggers,
    webhooks,
)
from workspace.store.base import metadata

TOKENS = PageTokens([bytes(32)])

Page = Callable[[Session, Window, Filter | None], Any]


def of(page: Callable[..., Any], *scope: Any) -> Page:
    return lambda session, window, filter_: page(session, *scope, window, filter_)


@dataclass(frozen=True)
class Listing:
    """A list below one parent; `few` says by which column that one bounds how many there are.

    Configuration counts in hundreds: it is enough that its rows are read in their order.
    """

    table: str
    page: Page
    orders: Orders
    fields: Fields | None = None
    few: str = ""
    is_configuration: bool = False

    @property
    def is_by_time(self) -> bool:
        return self.orders.parse("").key.name.endswith("_time")


def configuration(table: str, page: Page, module: Any) -> Listing:
    return Listing(table, page, module.ORDERS, module.FIELDS, is_configuration=True)


V = model_versions
_CONDITIONS = (conditions.ORDERS, conditions.FIELDS)
_FIRINGS = (triggers.FIRING_ORDERS, triggers.FIRING_FIELDS)
_ALERTS = (alert_deliveries.ORDERS, alert_deliveries.FIELDS)
_VERSIONS = (artifacts.VERSION_ORDERS, artifacts.VERSION_FIELDS)
_LINKS = (V.LINK_ORDERS, V.LINK_FIELDS)
_MOVES = (V.TRANSITION_ORDERS, V.TRANSITION_FIELDS)
_REQUESTS = (V.REQUEST_ORDERS, V.REQUEST_FIELDS)
LISTINGS = {
    "runs": Listing("runs", of(runs.list_page, {P}), runs.ORDERS, runs.FIELDS),
    "steps": Listing("steps", of(steps.list_page, UID), steps.ORDERS, steps.FIELDS, "run_uid"),
    "all conditions": Listing("run_conditions", of(conditions.list_page, P, None), *_CONDITIONS),
    "conditions": Listing(
        "run_conditions", of(conditions.list_page, P, UID), *_CONDITIONS, "run_uid"
    ),
    "snapshots": Listing(
        "snapshots", of(snapshots.list_page, P), snapshots.ORDERS, snapshots.FIELDS
    ),
    "builds": Listing("builds", of(builds.list_page, P), builds.ORDERS, builds.FIELDS),
    "artifacts": Listing(
        "artifacts", of(artifacts.list_page, P), artifacts.ORDERS, artifacts.FIELDS
    ),
    "all versions": Listing("artifact_versions", of(artifacts.list_versions, P, None), *_VERSIONS),
    "versions": Listing("artifact_versions", of(artifacts.list_versions, P, "a-1"), *_VERSIONS),
    "logs": Listing("log_streams", of(logs.list_page, P), logs.ORDERS, logs.FIELDS),
    "all model versions": Listing("model_versions", of(V.list_page, P, None), V.ORDERS, V.FIELDS),
    "model versions": Listing("model_versions", of(V.list_page, P, "m-1"), V.ORDERS, V.FIELDS),
    "all links": Listing("model_version_links", of(V.list_links, P, None), *_LINKS),
    "links": Listing("model_version_links", of(V.list_links, P, UID), *_LINKS, "version_uid"),
    "all transitions": Listing("stage_transitions", of(V.list_transitions, P, None), *_MOVES),
    "transitions": Listing("stage_transitions", of(V.list_transitions, P, "m-1"), *_MOVES),
    "all requests": Listing("stage_requests", of(V.list_requests, P, None), *_REQUESTS),
    "requests": Listing("stage_requests", of(V.list_requests, P, "m-1"), *_REQUESTS, "model"),
    "schedule firings": Listing(
        "schedule_firings",
        of(schedules.list_firings, UID),
        schedules.FIRING_ORDERS,
        schedules.FIRING_FIELDS,
    ),
    "all trigger firings": Listing(
        "trigger_firings", of(triggers.list_firings, P, None), *_FIRINGS
    ),
    "firings": Listing("trigger_firings", of(triggers.list_firings, P, UID), *_FIRINGS),
    "all alerts": Listing("alert_deliveries", of(alert_deliveries.list_page, P, None), *_ALERTS),
    "alerts": Listing("alert_deliveries", of(alert_deliveries.list_page, P, UID), *_ALERTS),
    "webhook deliveries": Listing(
        "webhook_deliveries",
        of(webhooks.list_deliveries, UID),
        webhooks.DELIVERY_ORDERS,
        webhooks.DELIVERY_FIELDS,
    ),
    "archived runs": Listing(
        "archived_runs", of(retention.list_page, P), retention.ORDERS, retention.FIELDS
    ),
    "models": configuration("models", of(models.list_page, P), models),
    "pipelines": configuration("pipelines", of(pipelines.list_page, P), pipelines),
    "projects": configuration("projects", of(projects.list_page, None), projects),
    "stacks": configuration("stacks", of(stacks.list_page), stacks),
    "components": configuration("components", of(components.list_page), components),
    "connectors": configuration(
        "service_connectors", of(service_connectors.list_page), service_connectors
    ),
    "secrets": configuration("secrets", of(secrets.list_page, "users/1"), secrets),
    "schedules": configuration("schedules", of(schedules.list_page, P), schedules),
    "saved views": configuration("saved_views", of(saved_views.list_page, P, "u"), saved_views),
    "triggers": configuration("triggers", of(triggers.list_page, P), triggers),
    "alerters": configuration("alerters", of(alerters.list_page, P), alerters),
    "webhooks": configuration("webhooks", of(webhooks.list_page, P), webhooks),
    "code repositories": configuration(
        "code_repositories", of(code_repositories.list_page, P), code_repositories
    ),
}


async def test_every_named_filter_of_every_list_is_served_by_an_index(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a thousand rows a hundred are few, as a thousand are of a million.
    monkeypatch.setattr(collections, "FEW", 100)
    WORKSPACE.fill(database_url)
    async with await Database.open(database_url, metadata=metadata, encode_event=lambda *_: b""):
        await on(database_url, partial(fill, tables={x.table for x in LISTINGS.values()}))
        found = await on(database_url, plans)
    assert len(found) > 100
    bad = [f"{what}: {plan}" for what, plan in found.items() if not plan.is_good]
    assert not bad, "\n".join(bad)


@dataclass(frozen=True)
class Plan:
    """What a database does for a page: the conditions that indexes serve, and the rest."""

    listing: Listing
    field: Field | None
    text: str
    served: str
    reads_all: bool
    sorts_all: bool

    def __str__(self) -> str:
        return f"served {self.served or 'nothing'}, {self.reads_all=}, {self.sorts_all=}"

    @property
    def is_good(self) -> bool:
        if self.reads_all:
            return False
        if self.listing.is_configuration:
            return True
        if self.field is None:
            return not self.sorts_all
        if self.field.kind is Kind.TIMESTAMP and not self.listing.is_by_time:
            # Names and times are two orders, and an index has one.
            return True
        names = {self.listing.few, self.leader}
        is_served = any(re.search(rf"\b{name}\b", self.served) for name in names if name)
        return is_served and not (self.is_much and self.sorts_all)

    @property
    def leader(self) -> str:
        """The column by which matches are found."""
        assert self.field
        if isinstance(self.field.column, Beside):
            return "state" if self.text == MANY_OF_STATE else "collection"
        return str(self.field.sql.name)

    @property
    def is_much(self) -> bool:
        return is_much(self.listing, self.field, self.text)


def is_much(listing: Listing, field: Field | None, text: str) -> bool:
    """Of what has few values, as of a range, there is too much to sort."""
    if field and isinstance(field.column, Beside):
        return "few" not in text
    return not field or (field.kind in (Kind.ENUM, Kind.TIMESTAMP) and not listing.few)


def plans(connection: sa.Connection) -> dict[str, Plan]:
    """The plan of each list by each of its fields, from the start and behind a page token."""
    session = Session(connection, SystemClock())
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, sql: str, values: Any, *_: Any) -> None:
        asked.append((sql, values))

    sa.event.listen(connection, "before_cursor_execute", note)
    found = {}
    for name, listing in LISTINGS.items():
        for field, text in filters(listing.fields):
            for cursor in (None, first_cursor(listing)):
                asked.clear()
                filter_ = listing.fields.parse(text, now=NOW) if text else None
                order = listing.orders.parse("")
                window = Window(20, order, ListQuery(name), cursor, TOKENS)
                listing.page(session, window, filter_)
                page = next(pair for pair in asked if f"FROM {listing.table}" in pair[0])
                what = f"{name} where {text or 'nothing'}" + (" resumed" if cursor else "")
                found[what] = explain(connection, listing, (field, text), *page)
    return found


MANY_OF_STATE = 'state = FAILED labels.many = "all"'


def filters(fields: Fields | None) -> Iterator[tuple[Field | None, str]]:
    yield None, ""
    names = fields.names() if fields else ()
    for field in fields or ():
        name = field.name
        match field.kind:
            case Kind.MAP:
                yield field, 'labels.many = "all"'
                yield field, 'labels.few = "7"'
                yield field, "labels:many"
                yield field, 'labels.many = "a*"'
                if "state" in names:
                    yield field, MANY_OF_STATE
                    yield field, 'state = FAILED labels.few = "7"'
            case Kind.VALUES:
                yield field, "metadata.many = 1"
                yield field, "metadata.many >= 1"
                yield field, "metadata.few < 10"
                yield field, "metadata.few < 10 metadata.many = 1"
            case Kind.ENUM:
                assert field.choices
                yield field, f"{name} = {list(field.choices.numbers)[-1]}"
            case Kind.TIMESTAMP:
                yield field, f'{name} < "2026-01-01T00:10:00Z"'
            case Kind.BOOL:
                yield field, f"{name} = true"
            case Kind.INT:
                yield field, f"{name} = 7"
            case _:
                yield field, f'{name} = "{field.sql.name}-7"'


def first_cursor(listing: Listing) -> Cursor:
    key = listing.orders.parse("").key
    return Cursor(
        {
            "create_time": NOW + timedelta(minutes=9),
            "archive_time": NOW + timedelta(minutes=9),
            "ordinal": 1,
        }.get(key.name, "x"),
        UID,
        1,
    )


def explain(
    connection: sa.Connection,
    listing: Listing,
    asked: tuple[Field | None, str],
    sql: str,
    values: Any,
) -> Plan:
    field, text = asked
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        lines = [detail for *_, detail in rows]
        served = " ".join(re.findall(r"INDEX \w+ \((.*)\)", " ".join(lines)))
        reads_all = any(re.match(rf"SCAN {listing.table}$", line) for line in lines)
        sorts_all = any("B-TREE FOR ORDER BY" in line for line in lines)
        return Plan(listing, field, text, served, reads_all, sorts_all)
    # It would rather sort what are but a few rows here.
    sort = "off" if is_much(listing, field, text) else "on"
    connection.execute(sa.text(f"SET LOCAL enable_sort = {sort}"))
    # Likewise it would read a whole table of a thousand rows for a hundred.
    connection.execute(sa.text(f"SET LOCAL enable_hashjoin = {'off' if 'few' in text else 'on'}"))
    connection.execute(sa.text(f"SET LOCAL enable_mergejoin = {'off' if 'few' in text else 'on'}"))
    rows = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", values)
    nodes = list(below(rows.scalar_one()[0]["Plan"]))
    served = " ".join(node.get("Index Cond", "") for node in nodes)
    kinds = {node["Node Type"] for node in nodes}
    return Plan(listing, field, text, served, "Seq Scan" in kinds, "Sort" in kinds)


def below(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from below(child)
