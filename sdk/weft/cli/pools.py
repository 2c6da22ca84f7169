"""`weft pools`: where runs find room, how much of it there is, and closing it for a while."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from weft.cli._output import note, output_option, print_message, print_messages, print_table

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.common.v1 import capacity_pb2
    from weftapi.workspace.v1 import pools_pb2, pools_pb2_grpc

_BAR = 20
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024
_THOUSAND = 1000
_BYTES = frozenset({"memory", "ephemeral-storage"})
_UNKNOWN = "?"


@click.group()
def pools() -> None:
    """See how much room there is for runs, and let pools take no new ones for a while.

    A pool is a machine, a namespace of a cluster, or a queue of Kueue. POOL is its id, or its whole
    name where several workload managers have one of that id.
    """


@pools.command("list")
@output_option
def list_(*, output: str) -> None:
    """List the pools of all workload managers."""
    connection, stub = _connect()
    answer = _all(connection, stub)

    def row(pool: pools_pb2.Pool) -> tuple[str, ...]:
        capacity = pool.capacity
        cpu = next((each for each in capacity.resources if each.resource == "cpu"), None)
        return (
            _id(pool),
            pool.workload_manager_display_name or pool.name.split("/")[1][:8],
            capacity.engine,
            capacity.place,
            str(capacity.running_workload_count),
            str(capacity.queued_workload_count),
            _share(cpu) if cpu else "",
            _senders(pool),
            "cordoned" if pool.HasField("cordon") else "open",
        )

    header = ("POOL", "MANAGER", "ENGINE", "PLACE", "RUNNING", "QUEUED", "CPU", "RUNS OF", "STATE")
    empty = "No workload manager serves this workspace: `weft workspaces enroll` lets one join."
    print_messages(answer.pools, output, header=header, row=row, empty=empty)
    for manager in answer.unreachable:
        note(f"{manager} does not answer: its pools are missing")


@pools.command()
@click.argument("pool")
@output_option
def show(*, pool: str, output: str) -> None:
    """Show what a pool has, what of it is asked for, and its limits.

    What the workload manager may not see stands as "?", with the reason.
    """
    found = _find(*_connect(), pool)
    print_message(found, output, lambda: _draw(found))


@pools.command()
@click.argument("pool")
@click.option("--reason", required=True, help="Why, for those whose runs wait.")
@output_option
def cordon(*, pool: str, reason: str, output: str) -> None:
    """Let a pool take no new runs, of any workspace; those that are under way go on.

    Runs that are submitted meanwhile stay queued, say who cordoned the pool and why, and go on by
    themselves when it is uncordoned.
    """
    from weftapi.workspace.v1 import pools_pb2

    connection, stub = _connect()
    request = pools_pb2.CordonPoolRequest(name=_name(connection, stub, pool), reason=reason)
    changed = connection.workspace.call(stub.CordonPool, request)
    print_message(changed, output, lambda: click.echo(f"{_id(changed)} takes no new runs"))


@pools.command()
@click.argument("pool")
@output_option
def uncordon(*, pool: str, output: str) -> None:
    """Let a pool take runs again."""
    from weftapi.workspace.v1 import pools_pb2

    connection, stub = _connect()
    request = pools_pb2.UncordonPoolRequest(name=_name(connection, stub, pool))
    changed = connection.workspace.call(stub.UncordonPool, request)
    print_message(changed, output, lambda: click.echo(f"{_id(changed)} takes runs"))


def _connect() -> tuple[Connection, pools_pb2_grpc.PoolServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import pools_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(pools_pb2_grpc.PoolServiceStub)


def _all(
    connection: Connection, stub: pools_pb2_grpc.PoolServiceStub
) -> pools_pb2.ListPoolsResponse:
    """All pages as one."""
    from weftapi.workspace.v1 import pools_pb2

    found, token = pools_pb2.ListPoolsResponse(), ""
    while True:
        request = pools_pb2.ListPoolsRequest(page_size=500, page_token=token)
        page = connection.workspace.call(stub.ListPools, request)
        found.pools.extend(page.pools)
        token = page.next_page_token
        if not token:
            found.unreachable.extend(page.unreachable)
            return found


def _name(connection: Connection, stub: pools_pb2_grpc.PoolServiceStub, pool: str) -> str:
    """The name of a pool that is named whole, or by an id that only one manager has."""
    from weft.cli._exit import CommandError, Exit

    if "/" in pool:
        return pool
    answer = _all(connection, stub)
    names = [each.name for each in answer.pools if _id(each) == pool]
    if len(names) == 1:
        return names[0]
    if names:
        words = f"several workload managers have a pool {pool}: say which by its whole name"
        raise CommandError(f"{words}: {', '.join(names)}", Exit.USAGE)
    silent = f" ({len(answer.unreachable)} workload managers do not answer)"
    more = silent if answer.unreachable else ""
    raise CommandError(f"there is no pool {pool}{more}: see `weft pools list`", Exit.NOT_FOUND)


def _find(
    connection: Connection, stub: pools_pb2_grpc.PoolServiceStub, pool: str
) -> pools_pb2.Pool:
    from weftapi.workspace.v1 import pools_pb2

    request = pools_pb2.GetPoolRequest(name=_name(connection, stub, pool))
    return connection.workspace.call(stub.GetPool, request)


def _id(pool: pools_pb2.Pool) -> str:
    return pool.name.rpartition("/")[2]


def _draw(pool: pools_pb2.Pool) -> None:
    capacity = pool.capacity
    click.echo(f"{_id(pool)}: {capacity.place}, {', '.join(_facts(pool))}")
    click.echo(f"{pool.name.partition('/pools/')[0]}, runs of: {_senders(pool)}")
    if pool.HasField("cordon"):
        click.echo(f"cordoned by {pool.cordon.creator}: {pool.cordon.reason}")
    header = ("RESOURCE", "ALLOCATABLE", "USED", "OURS", "QUEUED", "LARGEST", "")
    print_table(header, map(_row, capacity.resources))
    if capacity.limits:
        click.echo()
        print_table(("LIMIT", "RESOURCE", "USED", "OF", ""), _limits(capacity.limits))
    for words in capacity.unseen:
        note(words)


def _facts(pool: pools_pb2.Pool) -> Iterator[str]:
    capacity = pool.capacity
    yield f"{capacity.running_workload_count} running"
    yield f"{capacity.queued_workload_count} queued"
    if capacity.projects:
        yield f"for {', '.join(capacity.projects)}"
    if capacity.can_grow:
        yield "grows"


def _senders(pool: pools_pb2.Pool) -> str:
    """Which runs go to its manager."""
    named = [name.rpartition("/")[2] for name in pool.orchestrators]
    rest = ["the rest" if named else "all"] if pool.takes_new_runs else []
    return ", ".join([*named, *rest]) or "nobody"


def _row(found: capacity_pb2.ResourceCapacity) -> tuple[str, ...]:
    name = found.resource

    def known(field: str) -> str:
        return _amount(name, getattr(found, field)) if found.HasField(field) else _UNKNOWN  # type: ignore[arg-type]

    return (
        name,
        known("allocatable"),
        known("used"),
        _amount(name, found.own_used),
        _amount(name, found.queued),
        known("largest"),
        _share(found),
    )


def _limits(limits: Iterable[capacity_pb2.ResourceLimit]) -> Iterator[tuple[str, ...]]:
    for each in limits:
        used = _amount(each.resource, each.used) if each.HasField("used") else _UNKNOWN
        most = _amount(each.resource, each.limit)
        bar = _bar(each.used, each.limit) if each.HasField("used") else ""
        yield (each.source, each.resource, used, most, bar)


def _share(found: capacity_pb2.ResourceCapacity) -> str:
    """How much of it is asked for, as far as that is known."""
    if not found.HasField("allocatable"):
        return ""
    return _bar(found.used if found.HasField("used") else found.own_used, found.allocatable)


def _bar(used: int, most: int) -> str:
    if not most:
        return ""
    filled = min(_BAR * used // most, _BAR)
    return "█" * filled + "░" * (_BAR - filled) + f" {100 * used // most} %"


def _amount(resource: str, value: int) -> str:
    if resource == "cpu":
        return f"{value / _THOUSAND:g}"
    if resource not in _BYTES:
        return f"{value:,}"
    size, unit = float(value), 0
    while size >= _STEP and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    return f"{size:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"
