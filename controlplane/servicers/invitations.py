"""InvitationService."""

from uuid import UUID

from google.protobuf import empty_pb2

from controlplane import names, store
from controlplane.authorization import grantable
from controlplane.identity.invitees import Invitees
from controlplane.operations import invitations, promises
from controlplane.operations.invitations import NewInvitation
from controlplane.operations.promises import PromisedRole, PromisedTeam, Promises
from controlplane.operations.refusals import absent
from controlplane.servicers.conversions import caller_subject, datetime_of, timestamp
from controlplane.servicers.members import member_to_proto
from controlplane.store.schema_members import Invitation
from meshkit.authentication import Context
from meshkit.caller import current_call
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.idempotency import once
from meshkit.paging import ListQuery, PageTokens
from weftapi.controlplane.v1 import invitations_pb2, invitations_pb2_grpc, members_pb2


class InvitationServicer(invitations_pb2_grpc.InvitationServiceServicer):
    """Invites people."""

    def __init__(
        self, database: Database, *, invitees: Invitees, pages: PageTokens, clock: Clock
    ) -> None:
        self._database = database
        self._invitees = invitees
        self._pages = pages
        self._clock = clock

    async def CreateInvitation(
        self, request: invitations_pb2.CreateInvitationRequest, _context: Context
    ) -> invitations_pb2.CreateInvitationResponse:
        organization = names.organization_of(request.parent)
        invitation = await self._database.write(
            invitations.create,
            organization,
            _new_invitation(organization, request.invitation),
            inviter=caller_subject(),
            once=once(request, invitations_pb2.Invitation),
            reply=self._to_proto,
        )
        # Not part of the stored reply: no secret is kept, a repetition makes a new one.
        issued = await self._database.write(invitations.issue, organization, UUID(invitation.uid))
        token = issued.token if issued else ""
        return invitations_pb2.CreateInvitationResponse(invitation=invitation, token=token)

    async def GetInvitation(
        self, request: invitations_pb2.GetInvitationRequest, _context: Context
    ) -> invitations_pb2.Invitation:
        organization, uid = names.organization_of(request.name), names.uid_of(request.name)
        row = await self._database.read(store.invitations.get, organization, uid)
        if row is None:
            raise absent(request.name)
        return self._to_proto(row)

    async def ListInvitations(
        self, request: invitations_pb2.ListInvitationsRequest, _context: Context
    ) -> invitations_pb2.ListInvitationsResponse:
        filter_ = store.invitations.FIELDS.parse(request.filter, now=self._clock.now())
        window = self._pages.window(
            ListQuery("ListInvitations", request.parent, request.filter),
            store.invitations.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        organization = names.organization_of(request.parent)
        rows = await self._database.read(store.invitations.list_page, organization, filter_, window)
        page = window.page(rows, self._to_proto, revision=self._database.feed.head)
        return invitations_pb2.ListInvitationsResponse(
            invitations=page.items, next_page_token=page.next_page_token
        )

    async def ResendInvitation(
        self, request: invitations_pb2.ResendInvitationRequest, _context: Context
    ) -> invitations_pb2.ResendInvitationResponse:
        issued = await self._database.write(
            invitations.resend,
            names.organization_of(request.name),
            names.uid_of(request.name),
            inviter=caller_subject(),
        )
        return invitations_pb2.ResendInvitationResponse(
            invitation=self._to_proto(issued.row), token=issued.token
        )

    async def RevokeInvitation(
        self, request: invitations_pb2.RevokeInvitationRequest, _context: Context
    ) -> invitations_pb2.Invitation:
        return await self._database.write(
            invitations.revoke,
            names.organization_of(request.name),
            names.uid_of(request.name),
            reply=self._to_proto,
        )

    async def InspectInvitation(
        self, request: invitations_pb2.InspectInvitationRequest, _context: Context
    ) -> invitations_pb2.InspectInvitationResponse:
        inspected = await self._invitees.inspect(request.token, caller=current_call.get().caller)
        return invitations_pb2.InspectInvitationResponse(
            invitation=self._to_proto(inspected.row),
            organization_display_name=inspected.organization.display_name,
            account_exists=inspected.account_exists,
        )

    async def AcceptInvitation(
        self, request: invitations_pb2.AcceptInvitationRequest, _context: Context
    ) -> members_pb2.Member:
        member = await self._invitees.accept(
            request.token,
            caller=current_call.get().caller,
            display_name=request.display_name,
            password=request.password,
        )
        return member_to_proto(member)

    async def DeclineInvitation(
        self, request: invitations_pb2.DeclineInvitationRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._invitees.decline(request.token, caller=current_call.get().caller)
        return empty_pb2.Empty()

    def _to_proto(self, row: Invitation) -> invitations_pb2.Invitation:
        state = invitations.state_of(row, self._clock.now())
        parent, promised = f"organizations/{row.organization}", promises.of(row)
        left_out = promises.left_out(row)
        return invitations_pb2.Invitation(
            name=row.name,
            uid=str(row.uid),
            creator=row.inviter.claim,
            create_time=timestamp(row.create_time),
            email=row.email,
            roles=[_role_to_proto(row.organization, role) for role in promised.roles],
            teams=[f"{parent}/teams/{team.team}" for team in promised.teams],
            expire_time=timestamp(row.expire_time),
            state=invitations_pb2.InvitationState.Value(f"INVITATION_STATE_{state}"),
            end_time=timestamp(row.end_time),
            member=f"{parent}/members/{row.user_uid}" if row.user_uid else "",
            roles_left_out=[_role_to_proto(row.organization, role) for role in left_out.roles],
            teams_left_out=[f"{parent}/teams/{team.team}" for team in left_out.teams],
        )


def _new_invitation(organization: str, invitation: invitations_pb2.Invitation) -> NewInvitation:
    """Whom to invite; everything promised must lie inside the organization that was authorized."""
    is_timed = invitation.HasField("expire_time")
    waiting = Promises(
        [_promised_role(organization, index, role) for index, role in enumerate(invitation.roles)],
        [_promised_team(organization, index, name) for index, name in enumerate(invitation.teams)],
    )
    expire_time = datetime_of(invitation.expire_time) if is_timed else None
    return NewInvitation(invitation.email, waiting, expire_time)


def _promised_team(organization: str, index: int, name: str) -> PromisedTeam:
    if names.organization_of(name) != organization:
        raise _outside(f"invitation.teams[{index}]")
    return PromisedTeam(name.rpartition("/")[2])


def _promised_role(
    organization: str, index: int, invited: invitations_pb2.InvitedRole
) -> PromisedRole:
    scope = grantable(organization, invited.resource)
    if scope is None:
        raise _outside(f"invitation.roles[{index}].resource")
    if names.organization_of(invited.role) != organization:
        raise _outside(f"invitation.roles[{index}].role")
    role = invited.role.rpartition("/")[2]
    return PromisedRole(role, scope.workspace, scope.project, scope.item)


def _outside(field: str) -> InvalidArgument:
    problem = "must lie inside the parent organization"
    return InvalidArgument(
        "INVALID_FIELDS", f"{field} {problem}", violations=[FieldViolation(field, problem)]
    )


def _role_to_proto(organization: str, role: PromisedRole) -> invitations_pb2.InvitedRole:
    return invitations_pb2.InvitedRole(
        role=f"organizations/{organization}/roles/{role.role}",
        resource=role.scope(organization).name,
    )
