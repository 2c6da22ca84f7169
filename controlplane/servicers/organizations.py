"""OrganizationService."""

from google.protobuf import empty_pb2

from controlplane import names, store
from controlplane.operations import access, members, organizations
from controlplane.operations.refusals import absent, etag_of
from controlplane.servicers.conversions import (
    caller_sid,
    caller_subject,
    caller_uid,
    timestamp,
)
from controlplane.store.schema import Organization
from controlplane.subjects import Subject
from meshkit.authentication import Context
from meshkit.database import Database, Session
from meshkit.idempotency import once
from meshkit.paging import ListQuery, PageTokens, Window
from meshkit.rules import resolve_update_mask
from weftapi.controlplane.v1 import organizations_pb2, organizations_pb2_grpc


class OrganizationServicer(organizations_pb2_grpc.OrganizationServiceServicer):
    """Keeps organizations."""

    def __init__(self, database: Database, *, pages: PageTokens, root: str) -> None:
        self._database = database
        # The first organization, which stays as long as the control plane does.
        self._root = root
        self._pages = pages

    async def GetOrganization(
        self, request: organizations_pb2.GetOrganizationRequest, _context: Context
    ) -> organizations_pb2.Organization:
        id_ = names.organization_of(request.name)
        row = await self._database.read(store.organizations.get, id_)
        if row is None:
            raise absent(request.name)
        return organization_to_proto(row)

    async def ListOrganizations(
        self, request: organizations_pb2.ListOrganizationsRequest, _context: Context
    ) -> organizations_pb2.ListOrganizationsResponse:
        caller = caller_subject()
        window = self._pages.window(
            ListQuery("ListOrganizations", caller.claim),
            store.organizations.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        rows = await self._database.read(_list, caller, window)
        page = window.page(rows, organization_to_proto, revision=self._database.feed.head)
        return organizations_pb2.ListOrganizationsResponse(
            organizations=page.items, next_page_token=page.next_page_token
        )

    async def CreateOrganization(
        self, request: organizations_pb2.CreateOrganizationRequest, _context: Context
    ) -> organizations_pb2.Organization:
        return await self._database.write(
            organizations.create,
            request.organization_id,
            display_name=request.organization.display_name,
            creator_uid=caller_uid(),
            once=once(request, organizations_pb2.Organization),
            reply=organization_to_proto,
        )

    async def UpdateOrganization(
        self, request: organizations_pb2.UpdateOrganizationRequest, _context: Context
    ) -> organizations_pb2.Organization:
        organization = request.organization
        paths = resolve_update_mask(organization, request.update_mask)
        return await self._database.write(
            organizations.change,
            names.organization_of(organization.name),
            {path: getattr(organization, path) for path in paths},
            etag=organization.etag,
            once=once(request, organizations_pb2.Organization),
            reply=organization_to_proto,
        )

    async def DeleteOrganization(
        self, request: organizations_pb2.DeleteOrganizationRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._database.write(
            organizations.delete,
            names.organization_of(request.name),
            root=self._root,
            etag=request.etag,
        )
        return empty_pb2.Empty()

    async def LeaveOrganization(
        self, request: organizations_pb2.LeaveOrganizationRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._database.write(
            members.withdraw,
            names.organization_of(request.name),
            caller_uid(),
            sid=caller_sid(),
        )
        return empty_pb2.Empty()


def _list(session: Session, caller: Subject, window: Window) -> list[Organization]:
    """Those in which the caller has a role, on whatever in it."""
    ids = sorted({grant.scope.organization for grant in access.grants_of(session, caller)})
    return list(store.organizations.list_page(session, ids, window))


def organization_to_proto(row: Organization) -> organizations_pb2.Organization:
    return organizations_pb2.Organization(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        create_time=timestamp(row.create_time),
        update_time=timestamp(row.update_time),
        etag=etag_of(row),
    )
