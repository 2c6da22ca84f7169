"""TeamService."""

from google.protobuf import empty_pb2

from controlplane import names, store
from controlplane.operations import teams
from controlplane.operations.refusals import etag_of
from controlplane.servicers.conversions import caller_subject, timestamp
from controlplane.store.schema_access import Team, TeamMember
from meshkit.authentication import Context
from meshkit.database import Database
from meshkit.idempotency import once
from meshkit.paging import ListQuery, PageTokens
from meshkit.rules import resolve_update_mask
from weftapi.controlplane.v1 import teams_pb2, teams_pb2_grpc


class TeamServicer(teams_pb2_grpc.TeamServiceServicer):
    """Keeps teams and who is in them."""

    def __init__(self, database: Database, *, pages: PageTokens) -> None:
        self._database = database
        self._pages = pages

    async def GetTeam(self, request: teams_pb2.GetTeamRequest, _context: Context) -> teams_pb2.Team:
        organization, team = names.organization_of(request.name), names.last(request.name)
        return team_to_proto(await self._database.read(teams.require, organization, team))

    async def ListTeams(
        self, request: teams_pb2.ListTeamsRequest, _context: Context
    ) -> teams_pb2.ListTeamsResponse:
        window = self._pages.window(
            ListQuery("ListTeams", request.parent),
            store.teams.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        organization = names.organization_of(request.parent)
        rows = await self._database.read(store.teams.list_page, organization, window)
        page = window.page(rows, team_to_proto, revision=self._database.feed.head)
        return teams_pb2.ListTeamsResponse(teams=page.items, next_page_token=page.next_page_token)

    async def CreateTeam(
        self, request: teams_pb2.CreateTeamRequest, _context: Context
    ) -> teams_pb2.Team:
        return await self._database.write(
            teams.create,
            names.organization_of(request.parent),
            request.team_id,
            display_name=request.team.display_name,
            description=request.team.description,
            creator=caller_subject(),
            once=once(request, teams_pb2.Team),
            reply=team_to_proto,
        )

    async def UpdateTeam(
        self, request: teams_pb2.UpdateTeamRequest, _context: Context
    ) -> teams_pb2.Team:
        team = request.team
        paths = resolve_update_mask(team, request.update_mask)
        return await self._database.write(
            teams.change,
            names.organization_of(team.name),
            names.last(team.name),
            {path: getattr(team, path) for path in paths},
            etag=team.etag,
            once=once(request, teams_pb2.Team),
            reply=team_to_proto,
        )

    async def DeleteTeam(
        self, request: teams_pb2.DeleteTeamRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._database.write(
            teams.delete,
            names.organization_of(request.name),
            names.last(request.name),
            etag=request.etag,
            caller=caller_subject(),
        )
        return empty_pb2.Empty()

    async def ListTeamMembers(
        self, request: teams_pb2.ListTeamMembersRequest, _context: Context
    ) -> teams_pb2.ListTeamMembersResponse:
        window = self._pages.window(
            ListQuery("ListTeamMembers", request.parent),
            store.teams.MEMBER_ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        organization, team = names.organization_of(request.parent), names.last(request.parent)
        rows = await self._database.read(teams.list_members, organization, team, window)
        page = window.page(rows, member_to_proto, revision=self._database.feed.head)
        return teams_pb2.ListTeamMembersResponse(
            team_members=page.items, next_page_token=page.next_page_token
        )

    async def AddTeamMembers(
        self, request: teams_pb2.AddTeamMembersRequest, _context: Context
    ) -> teams_pb2.AddTeamMembersResponse:
        return await self._database.write(
            teams.add,
            names.organization_of(request.name),
            names.last(request.name),
            list(request.members),
            caller=caller_subject(),
            once=once(request, teams_pb2.AddTeamMembersResponse),
            reply=_added,
        )

    async def RemoveTeamMembers(
        self, request: teams_pb2.RemoveTeamMembersRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._database.write(
            teams.remove,
            names.organization_of(request.name),
            names.last(request.name),
            list(request.members),
            caller=caller_subject(),
        )
        return empty_pb2.Empty()


def _added(rows: list[TeamMember]) -> teams_pb2.AddTeamMembersResponse:
    return teams_pb2.AddTeamMembersResponse(team_members=[member_to_proto(row) for row in rows])


def team_to_proto(row: Team) -> teams_pb2.Team:
    return teams_pb2.Team(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        creator=row.creator,
        create_time=timestamp(row.create_time),
        update_time=timestamp(row.update_time),
        etag=etag_of(row),
    )


def member_to_proto(row: TeamMember) -> teams_pb2.TeamMember:
    return teams_pb2.TeamMember(
        name=row.name,
        uid=str(row.uid),
        creator=row.creator,
        create_time=timestamp(row.create_time),
        member=row.member,
    )
