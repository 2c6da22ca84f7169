"""AccessService: roles and their bindings."""

from google.protobuf import empty_pb2

from controlplane import names, store
from controlplane.authorization import grantable, scope_of
from controlplane.operations import access, explanations, roles
from controlplane.operations.access import NewBinding
from controlplane.operations.explanations import Explanation
from controlplane.operations.refusals import etag_of
from controlplane.permissions import CATALOGUE, ROLES, Role, held_on
from controlplane.servicers import catalogue
from controlplane.servicers.conversions import caller_subject, datetime_of, timestamp
from controlplane.store.schema_access import CustomRole, RoleBinding
from controlplane.subjects import SubjectKind
from meshkit.authentication import Context
from meshkit.clock import Clock
from meshkit.database import Database
from meshkit.errors import FieldViolation, InvalidArgument
from meshkit.idempotency import once
from meshkit.paging import ListQuery, PageTokens
from meshkit.rules import resolve_update_mask
from weftapi.controlplane.v1 import access_pb2, access_pb2_grpc


class AccessServicer(access_pb2_grpc.AccessServiceServicer):
    """Makes roles and grants them."""

    def __init__(self, database: Database, *, pages: PageTokens, clock: Clock) -> None:
        self._database = database
        self._pages = pages
        self._clock = clock

    async def ListPermissions(
        self, request: access_pb2.ListPermissionsRequest, _context: Context
    ) -> access_pb2.ListPermissionsResponse:
        window = self._pages.window(
            ListQuery("ListPermissions"),
            catalogue.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        page = window.page(window.pick(catalogue.entries()), catalogue.as_is, revision=0)
        return access_pb2.ListPermissionsResponse(
            permissions=page.items, next_page_token=page.next_page_token
        )

    async def GetRole(
        self, request: access_pb2.GetRoleRequest, _context: Context
    ) -> access_pb2.Role:
        organization, role = names.organization_of(request.name), names.last(request.name)
        if role in ROLES:
            return built_in_to_proto(ROLES[role], organization)
        return role_to_proto(await self._database.read(roles.find, organization, role))

    async def ListRoles(
        self, request: access_pb2.ListRolesRequest, _context: Context
    ) -> access_pb2.ListRolesResponse:
        window = self._pages.window(
            ListQuery("ListRoles", request.parent),
            store.roles.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        organization = names.organization_of(request.parent)
        custom = await self._database.read(store.roles.all_of, organization)

        def convert(role: Role | CustomRole) -> access_pb2.Role:
            if isinstance(role, Role):
                return built_in_to_proto(role, organization)
            return role_to_proto(role)

        roles_of_both_kinds: list[Role | CustomRole] = [*ROLES.values(), *custom]
        rows = window.pick(roles_of_both_kinds)
        page = window.page(rows, convert, revision=self._database.feed.head)
        return access_pb2.ListRolesResponse(roles=page.items, next_page_token=page.next_page_token)

    async def CreateRole(
        self, request: access_pb2.CreateRoleRequest, _context: Context
    ) -> access_pb2.Role:
        return await self._database.write(
            roles.create,
            names.organization_of(request.parent),
            request.role_id,
            display_name=request.role.display_name,
            description=request.role.description,
            permissions=list(request.role.permissions),
            creator=caller_subject(),
            once=once(request, access_pb2.Role),
            reply=role_to_proto,
        )

    async def UpdateRole(
        self, request: access_pb2.UpdateRoleRequest, _context: Context
    ) -> access_pb2.Role:
        role = request.role
        values = {
            path: getattr(role, path) for path in resolve_update_mask(role, request.update_mask)
        }
        if "permissions" in values:
            values["permissions"] = list(role.permissions)
        return await self._database.write(
            roles.change,
            names.organization_of(role.name),
            names.last(role.name),
            values,
            etag=role.etag,
            caller=caller_subject(),
            once=once(request, access_pb2.Role),
            reply=role_to_proto,
        )

    async def DeleteRole(
        self, request: access_pb2.DeleteRoleRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._database.write(
            roles.delete,
            names.organization_of(request.name),
            names.last(request.name),
            etag=request.etag,
        )
        return empty_pb2.Empty()

    async def GetRoleBinding(
        self, request: access_pb2.GetRoleBindingRequest, _context: Context
    ) -> access_pb2.RoleBinding:
        organization, uid = names.organization_of(request.name), names.uid_of(request.name)
        row = await self._database.read(access.get, organization, uid, caller=caller_subject())
        return binding_to_proto(row)

    async def CreateRoleBinding(
        self, request: access_pb2.CreateRoleBindingRequest, _context: Context
    ) -> access_pb2.RoleBinding:
        organization = names.organization_of(request.parent)
        return await self._database.write(
            access.create,
            organization,
            _new_binding(organization, request.role_binding),
            creator=caller_subject(),
            once=once(request, access_pb2.RoleBinding),
            reply=binding_to_proto,
        )

    async def ListRoleBindings(
        self, request: access_pb2.ListRoleBindingsRequest, _context: Context
    ) -> access_pb2.ListRoleBindingsResponse:
        filter_ = store.bindings.FIELDS.parse(request.filter, now=self._clock.now())
        window = self._pages.window(
            # The caller's grants decide what is on a page, so a token is theirs alone.
            ListQuery(f"ListRoleBindings/{caller_subject().claim}", request.parent, request.filter),
            store.bindings.ORDERS,
            size=request.page_size,
            token=request.page_token,
        )
        organization = names.organization_of(request.parent)
        rows = await self._database.read(
            access.list_page, organization, filter_, window, caller=caller_subject()
        )
        page = window.page(rows, binding_to_proto, revision=self._database.feed.head)
        return access_pb2.ListRoleBindingsResponse(
            role_bindings=page.items, next_page_token=page.next_page_token
        )

    async def DeleteRoleBinding(
        self, request: access_pb2.DeleteRoleBindingRequest, _context: Context
    ) -> empty_pb2.Empty:
        await self._database.write(
            access.delete,
            names.organization_of(request.name),
            names.uid_of(request.name),
            caller=caller_subject(),
        )
        return empty_pb2.Empty()

    async def TestPermissions(
        self, request: access_pb2.TestPermissionsRequest, _context: Context
    ) -> access_pb2.TestPermissionsResponse:
        grants = await self._database.read(access.grants_of, caller_subject())
        scope = scope_of(request.resource)
        held = held_on(grants, scope) if scope else frozenset[str]()
        return access_pb2.TestPermissionsResponse(
            permissions=[permission for permission in request.permissions if permission in held]
        )

    async def GetEffectivePermissions(
        self, request: access_pb2.GetEffectivePermissionsRequest, _context: Context
    ) -> access_pb2.EffectivePermissions:
        scope = scope_of(request.resource)
        if scope is None:
            raise _invalid("resource", "must be an organization, or something in it")
        only = frozenset(request.permissions)
        if request.subject and request.subject != caller_subject().claim:
            explained = await self._database.read(
                explanations.of_named, request.subject, scope, only=only
            )
        else:
            explained = await self._database.read(
                explanations.of_subject, caller_subject(), scope, only=only
            )
        return explanation_to_proto(explained, request.resource)


def _new_binding(organization: str, binding: access_pb2.RoleBinding) -> NewBinding:
    """What to grant; everything in it must lie inside the organization that was authorized."""
    scope = grantable(organization, binding.resource)
    if scope is None:
        raise _invalid(
            "role_binding.resource",
            "must be the parent organization, or something in it that can be granted",
        )
    if names.organization_of(binding.role) != organization:
        raise _outside("role_binding.role")
    expire_time = datetime_of(binding.expire_time) if binding.HasField("expire_time") else None
    role = binding.role.rpartition("/")[2]
    return NewBinding(binding.subject, role, scope, expire_time)


def _outside(field: str) -> InvalidArgument:
    return _invalid(field, "must lie inside the parent organization")


def _invalid(field: str, problem: str) -> InvalidArgument:
    return InvalidArgument(
        "INVALID_FIELDS", f"{field} {problem}", violations=[FieldViolation(field, problem)]
    )


def built_in_to_proto(role: Role, organization: str) -> access_pb2.Role:
    return access_pb2.Role(
        name=f"organizations/{organization}/roles/{role.id}",
        display_name=role.display_name,
        description=role.description,
        permissions=sorted(role.permissions),
        built_in=True,
    )


def role_to_proto(row: CustomRole) -> access_pb2.Role:
    return access_pb2.Role(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        creator=row.creator,
        create_time=timestamp(row.create_time),
        update_time=timestamp(row.update_time),
        etag=etag_of(row),
        permissions=sorted(CATALOGUE.intersection(row.permissions)),
    )


def binding_to_proto(row: RoleBinding) -> access_pb2.RoleBinding:
    return access_pb2.RoleBinding(
        name=row.name,
        uid=str(row.uid),
        creator=row.creator,
        create_time=timestamp(row.create_time),
        subject=row.subject,
        role=row.role_name,
        resource=row.resource,
        expire_time=timestamp(row.expire_time),
    )


def explanation_to_proto(explained: Explanation, resource: str) -> access_pb2.EffectivePermissions:
    return access_pb2.EffectivePermissions(
        resource=resource,
        permissions=[
            access_pb2.EffectivePermission(
                permission=permission, role_bindings=[held.row.name for held in grants]
            )
            for permission, grants in sorted(explained.permissions.items())
        ],
        grants=[_effective_grant(held.row) for held in explained.grants],
    )


def _effective_grant(row: RoleBinding) -> access_pb2.EffectiveGrant:
    is_by_team = row.holder.kind is SubjectKind.TEAM
    return access_pb2.EffectiveGrant(
        role_binding=row.name,
        role=row.role_name,
        resource=row.resource,
        team=row.subject if is_by_team else "",
        expire_time=timestamp(row.expire_time),
    )
