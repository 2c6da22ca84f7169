"""What services say of themselves on their links."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane import store
from controlplane.store.schema import Link
from meshkit.feed import ChangeKind
from meshkit.session import Session


@dataclass(frozen=True, slots=True)
class Hello:
    """Who links, and where it is reached."""

    version: str
    edge_endpoint: str
    mesh_endpoint: str
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """How a service is: its checks as {name, healthy, message}."""

    linked: bool
    checks: tuple[dict[str, Any], ...]
    time: datetime


def say_hello(session: Session, spiffe_id: str, hello: Hello) -> None:
    """Keeps the newest hello; peers hear of it where endpoints changed."""
    row = store.links.get(session, spiffe_id)
    if row is None:
        row = Link(spiffe_id=spiffe_id)
        session.add(row)
    told = (hello.edge_endpoint, hello.mesh_endpoint)
    is_news = (row.edge_endpoint, row.mesh_endpoint) != told
    row.version, row.features = hello.version, list(hello.features)
    row.edge_endpoint, row.mesh_endpoint = told
    row.linked, row.last_heartbeat_time = True, session.now
    session.flush()
    if is_news:
        session.emit(ChangeKind.UPDATED, row, fields=("edge_endpoint", "mesh_endpoint"))


def keep_health(session: Session, spiffe_id: str, health: Health) -> None:
    """Keeps how a service is. Not in the feed: nobody's decisions rest on it."""
    row = store.links.get(session, spiffe_id)
    if row is not None:
        row.linked, row.checks = health.linked, list(health.checks)
        row.last_heartbeat_time = health.time


def forget_open(session: Session) -> None:
    """At the start no link is open here; those to other replicas say so again within seconds."""
    store.links.close_all(session)
