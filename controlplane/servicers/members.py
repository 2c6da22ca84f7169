"""MemberService."""

from google.protobuf import empty_pb2

from controlplane import names, store
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import members
from controlplane.servicers.conversions import caller_sid, caller_subject, timestamp
from controlplane.store.members import MemberView
from meshkit.authentication import Context
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.paging import ListQuery, PageTokens
from weftapi.controlplane.v1 import members_pb2, members_pb2_grpc


class MemberServicer(members_pb2_grpc.MemberServiceServicer):
    """Keeps the members of organizations."""

    def __init__(
        self, database: Database, *, pages: PageTokens, lifetimes: Lifetimes, clock: Clock
    ) -> None:
        self._database = database
        self._pages = pages
        self._lifetimes = lifetimes
        self._clock = clock

    async def GetMember(
        self, request: members_pb2.GetMemberRequest, _context: Context
    ) -> members_pb2.Member:
        organization, user_uid = names.organization_of(request.name), names.uid_of(request.name)
        return member_to_proto(await self._database.read(members.get, organization, user_uid))

    async def ListMembers(
        self, request: members_pb2.ListMembersRequest, _context: Context
    ) -> members_pb2.ListMembersResponse:
        filter_ = store.members.FIELDS.parse(request.filter, now=self._clock.now())
        window = self._pages.window(
            ListQuery("ListMembers", request.parent, request.filter),
            store.members.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        organization = names.organization_of(request.parent)
        rows = await self._database.read(store.members.list_page, organization, filter_, window)
        page = window.page(rows, member_to_proto, revision=self._database.feed.head)
        return members_pb2.ListMembersResponse(
            members=page.items, next_page_token=page.next_page_token
        )

    async def RemoveMember(
        self, request: members_pb2.RemoveMemberRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._database.write(
            members.remove,
            names.organization_of(request.name),
            names.uid_of(request.name),
            caller=caller_subject(),
        )
        return empty_pb2.Empty()

    async def DeactivateMember(
        self, request: members_pb2.DeactivateMemberRequest, _context: Context
    ) -> members_pb2.Member:
        return await self._database.write(
            members.deactivate,
            names.organization_of(request.name),
            names.uid_of(request.name),
            caller=caller_subject(),
            lifetimes=self._lifetimes,
            reply=member_to_proto,
        )

    async def ReactivateMember(
        self, request: members_pb2.ReactivateMemberRequest, _context: Context
    ) -> members_pb2.Member:
        return await self._database.write(
            members.reactivate,
            names.organization_of(request.name),
            names.uid_of(request.name),
            caller=caller_subject(),
            lifetimes=self._lifetimes,
            reply=member_to_proto,
        )

    async def EraseMember(
        self, request: members_pb2.EraseMemberRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._database.write(
            members.erase,
            names.organization_of(request.name),
            names.uid_of(request.name),
            caller=caller_subject(),
            lifetimes=self._lifetimes,
        )
        return empty_pb2.Empty()

    async def CreateRecoveryToken(
        self, request: members_pb2.CreateRecoveryTokenRequest, _context: Context
    ) -> members_pb2.CreateRecoveryTokenResponse:
        recovery = await self._database.write(
            members.recover,
            names.organization_of(request.name),
            names.uid_of(request.name),
            caller=caller_subject(),
            sid=caller_sid(),
        )
        return members_pb2.CreateRecoveryTokenResponse(
            email=recovery.email,
            password_token=recovery.token,
            expire_time=timestamp(recovery.expire_time),
        )


def member_to_proto(member: MemberView) -> members_pb2.Member:
    state = "ACTIVE" if member.user.is_active else "DEACTIVATED"
    return members_pb2.Member(
        name=member.row.name,
        uid=str(member.user.uid),
        display_name=member.user.display_name,
        create_time=timestamp(member.row.create_time),
        user=member.user.name,
        email=member.user.email,
        state=members_pb2.MemberState.Value(f"MEMBER_STATE_{state}"),
    )
