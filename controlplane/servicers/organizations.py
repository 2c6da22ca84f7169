"""OrganizationService."""

from controlplane import names, store
from controlplane.operations import access
from controlplane.servicers.conversions import caller_subject, timestamp
from controlplane.store.schema import Organization
from controlplane.subjects import Subject
from meshkit.authentication import Context
from meshkit.database import Database, Session
from meshkit.errors import NotFound
from meshkit.paging import ListQuery, PageTokens, Window
from weftapi.controlplane.v1 import organizations_pb2, organizations_pb2_grpc


class OrganizationServicer(organizations_pb2_grpc.OrganizationServiceServicer):
    """Answers organizations."""

    def __init__(self, database: Database, *, pages: PageTokens) -> None:
        self._database = database
        self._pages = pages

    async def GetOrganization(
        self, request: organizations_pb2.GetOrganizationRequest, _context: Context
    ) -> organizations_pb2.Organization:
        id_ = names.organization_of(request.name)
        row = await self._database.read(store.organizations.get, id_)
        if row is None:
            raise NotFound(
                "RESOURCE_NOT_FOUND",
                f"There is no {request.name}.",
                metadata={"resource": request.name},
            )
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
    )
