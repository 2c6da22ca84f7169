"""StatisticsService."""

from datetime import date

from meshkit.authentication import Context
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.paging import ListQuery
from weftapi.workspace.v1 import statistics_pb2, statistics_pb2_grpc
from workspace import names
from workspace.access import Access
from workspace.operations.refusals import absent, invalid
from workspace.servicers.converting import caller
from workspace.servicers.listing import Lists
from workspace.store import projects as project_store
from workspace.store import statistics as store
from workspace.tally import day_number, day_of

_DEFAULT_DAYS = 30
Request = statistics_pb2.GetStatisticsRequest | statistics_pb2.ListDailyStatisticsRequest


class StatisticsServicer(statistics_pb2_grpc.StatisticsServiceServicer):
    def __init__(self, database: Database, lists: Lists, access: Access, clock: Clock) -> None:
        self._database = database
        self._lists = lists
        self._access = access
        self._clock = clock

    async def GetStatistics(
        self, request: statistics_pb2.GetStatisticsRequest, _context: Context
    ) -> statistics_pb2.Statistics:
        days, pipeline = self._days(request), await self._pipeline(request)
        visible = self._access.visible(caller(), "statistics.get", request.parent)
        return _to_proto(await self._database.read(store.total, visible, pipeline, days))

    async def ListDailyStatistics(
        self, request: statistics_pb2.ListDailyStatisticsRequest, _context: Context
    ) -> statistics_pb2.ListDailyStatisticsResponse:
        days, pipeline = self._days(request), await self._pipeline(request)
        asked = f"{pipeline} {request.start_day} {request.end_day}"
        window = self._lists.tokens.window(
            ListQuery("ListDailyStatistics", request.parent, asked),
            store.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        visible = self._access.visible(caller(), "statistics.get", request.parent)
        rows = await self._database.read(store.list_days, visible, pipeline, days, window)
        page = window.page(rows, _day_to_proto, revision=0)
        return statistics_pb2.ListDailyStatisticsResponse(
            daily_statistics=page.items, next_page_token=page.next_page_token
        )

    def _days(self, request: Request) -> store.Days:
        """The range that is asked for; InvalidArgument for days that no calendar has."""
        end = _day(request.end_day, "end_day") or self._clock.now().date()
        start = _day(request.start_day, "start_day")
        if start and start > end:
            raise invalid("start_day", "lies after `end_day`")
        last = day_number(end)
        return (day_number(start) if start else last - _DEFAULT_DAYS + 1), last

    async def _pipeline(self, request: Request) -> str:
        """The pipeline's id; NotFound for one elsewhere, and for a project that does not exist."""
        project = names.last(request.parent)
        if request.pipeline and names.outside(project, [request.pipeline]):
            raise absent(request.pipeline)
        is_one = project != names.WILDCARD
        if is_one and not await self._database.read(project_store.existing, {project}):
            raise absent(request.parent)
        return names.last(request.pipeline)


def _day(text: str, field: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise invalid(field, "is no day of the calendar") from error


def _day_to_proto(row: store.Day) -> statistics_pb2.DailyStatistics:
    return statistics_pb2.DailyStatistics(
        day=day_of(row.day).isoformat(), statistics=_to_proto(row.counts)
    )


def _to_proto(counts: dict[str, int]) -> statistics_pb2.Statistics:
    return statistics_pb2.Statistics(
        created_run_count=counts["created_runs"],
        started_run_count=counts["started_runs"],
        succeeded_run_count=counts["succeeded_runs"],
        failed_run_count=counts["failed_runs"],
        stopped_run_count=counts["stopped_runs"],
        run_seconds=counts["run_ms"] // 1000,
        succeeded_step_count=counts["succeeded_steps"],
        cached_step_count=counts["cached_steps"],
        skipped_step_count=counts["skipped_steps"],
        failed_step_count=counts["failed_steps"],
        stopped_step_count=counts["stopped_steps"],
        step_seconds=counts["step_ms"] // 1000,
        retry_count=counts["retries"],
    )
