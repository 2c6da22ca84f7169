"""Who may call what here: decided on the name in the request, before anything is looked up.

Each decision reads the database, so a grant taken away or a session ended counts with the next
call. The refusal is the same whether the named thing exists or not.
"""

import re
from collections.abc import Sequence
from uuid import UUID

from google.protobuf.message import Message

from controlplane import store
from controlplane.identity.tokens import subject_of
from controlplane.operations import access, origins
from controlplane.operations.refusals import not_permitted
from controlplane.permissions import COLLECTIONS, Grant, Scope, held_on, may_see_below
from controlplane.subjects import Subject
from meshkit.access import MethodPolicy
from meshkit.caller import Caller, CallerKind
from meshkit.database import Database
from meshkit.errors import (
    FieldViolation,
    InvalidArgument,
    PermissionDenied,
    Unauthenticated,
)
from meshkit.feed import StoredEvent
from meshkit.resources import ID_PATTERN
from meshkit.scopes import ExtraCheck
from meshkit.session import Session
from meshkit.tokens import unauthenticated
from weftapi.controlplane.v1 import access_pb2

# An organization, or anything in it. Workspaces are scopes of their own, and so is what they
# hold; about everything else in an organization its name alone decides. What happens to a
# workspace lies below it, and is seen by who sees it.
_CHILD = rf"[a-z][a-zA-Z]*/(?:{ID_PATTERN}|[1-9][0-9]{{0,9}})"
_NAME = re.compile(
    rf"organizations/(?P<organization>{ID_PATTERN})"
    rf"(?:/workspaces/(?P<workspace>{ID_PATTERN})"
    rf"(?:/projects/(?P<project>{ID_PATTERN})(?:/(?P<item>{_CHILD}(?:/{_CHILD})*))?"
    rf"|/operations/{ID_PATTERN})?"
    rf"|/(?!workspaces/){_CHILD}(?:/{_CHILD})*"
    # What an organization looks after, but has none of its own.
    r"|/certificateAuthority)?"
)
_ME = "users/me"
# What nobody's rights rest on. A fleet that comes back changes little else: were each of its
# links decided anew with every other one that comes, none would get anywhere.
_IRRELEVANT = frozenset({"Link", "LinkHealth", "Operation", "SigningKey"})


def scope_of(name: str) -> Scope | None:
    """The scope that decides about a name; None where the name is not one of ours."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    organization, workspace, project, item = (part or "" for part in match.groups())
    return Scope(organization, workspace, project, item)


def grantable(organization: str, name: str) -> Scope | None:
    """The scope that something can be granted on, by its name; None where it is elsewhere, or of
    a kind that there is no permission for: such a grant would look like one and give nothing."""
    scope = scope_of(name)
    if scope is None or not Scope(organization).holds(scope):
        return None
    is_known = not scope.item or scope.item.partition("/")[0] in COLLECTIONS
    return scope if is_known else None


class Authorizer:
    """Decides for `meshkit` on every method that is not public."""

    def __init__(self, database: Database, root: Scope) -> None:
        self._database = database
        # Where a permission is held that no field of the request names a resource for.
        self._root = root
        self._revision = 0
        database.feed.tell(self._hear)

    @property
    def revision(self) -> int:
        """Moves with everything that a decision may rest on; open streams are decided again."""
        return self._revision

    def _hear(self, events: Sequence[StoredEvent]) -> None:
        # Without events the history is another one.
        if not events or any(event.resource_type not in _IRRELEVANT for event in events):
            self._revision += 1

    async def authorize(
        self,
        caller: Caller,
        policy: MethodPolicy,
        resource: str,
        request: Message | None,  # noqa: ARG002 - the name alone decides
    ) -> None:
        name = resource if policy.resource_field else self._root.name
        await self._database.read(_decide, caller, policy, name)


def _decide(session: Session, caller: Caller, policy: MethodPolicy, resource: str) -> None:
    if caller.peer is not None and not store.enrollments.is_live(session, str(caller.peer)):
        raise PermissionDenied("CALLER_NOT_ALLOWED", "This service is no longer a member.")
    if caller.kind is CallerKind.PEER:
        return
    _require_standing(session, caller)
    if policy.permission:
        grants = access.grants_of(session, subject_of(caller))
        _require_permission(grants, policy, resource)


def _require_standing(session: Session, caller: Caller) -> None:
    """What the caller's token was made from, a session, a token or a key, still stands."""
    try:
        origins.of(session, caller)
    except Unauthenticated as error:
        raise unauthenticated() from error


def _require_permission(grants: list[Grant], policy: MethodPolicy, resource: str) -> None:
    permission = policy.permission
    scope = scope_of(resource)
    if scope is None:
        # Who could be allowed hears what is wrong with the name; others hear nothing.
        if any(permission in held_on([grant], grant.scope) for grant in grants):
            problem = "must be the name of an organization or of something in it"
            violations = [FieldViolation(policy.resource_field, problem)]
            raise InvalidArgument("INVALID_FIELDS", f"The name {problem}.", violations=violations)
        raise not_permitted(permission)
    is_held = (
        may_see_below(grants, permission, scope)
        if policy.filter_results
        else permission in held_on(grants, scope)
    )
    if not is_held:
        raise not_permitted(permission)


def extra_checks(database: Database, *, first_organization: str) -> dict[str, ExtraCheck]:
    """The checks that options of the contract name."""

    async def own_only(caller: Caller, request: Message) -> None:
        if not _is_own(caller, _owner_of(request)):
            raise not_permitted("users")

    async def self_or_user_reader(caller: Caller, request: Message) -> None:
        owner = _owner_of(request)
        if not _is_own(caller, owner):
            await database.read(_require_reader, subject_of(caller), owner)

    async def self_or_account_administrator(caller: Caller, request: Message) -> None:
        owner = _owner_of(request)
        if not _is_own(caller, owner):
            await database.read(_require_administrator, subject_of(caller), owner)

    async def self_or_grant_reader(caller: Caller, request: Message) -> None:
        assert isinstance(request, access_pb2.GetEffectivePermissionsRequest)
        is_self = caller.kind is CallerKind.USER and request.subject == caller.subject
        if request.subject and not is_self:
            await database.read(_require_grant_reader, subject_of(caller), request.resource)

    return {
        "first_organization": _only_for(first_organization),
        "self": own_only,
        "self_or_grant_reader": self_or_grant_reader,
        "self_or_user_reader": self_or_user_reader,
        "self_or_account_administrator": self_or_account_administrator,
    }


def _only_for(organization: str) -> ExtraCheck:
    """What concerns the mesh as a whole is the business of those who set it up."""

    async def check(_caller: Caller, request: Message) -> None:
        name: str = getattr(request, "organization", "") or getattr(request, "name", "")
        if name.split("/")[1:2] != [organization]:
            raise not_permitted("the mesh itself")

    return check


def _is_own(caller: Caller, owner: str) -> bool:
    return caller.kind is CallerKind.USER and owner in (_ME, caller.subject)


def _require_grant_reader(session: Session, caller: Subject, resource: str) -> None:
    """The caller may list grants on the resource."""
    scope = scope_of(resource)
    grants = access.grants_of(session, caller)
    if scope is None or "roleBindings.list" not in held_on(grants, scope):
        raise not_permitted("roleBindings.list")


def _owner_of(request: Message) -> str:
    """The user below whose name a request asks for something."""
    resource = getattr(request, "user", request)
    name: str = getattr(resource, "parent", "") or getattr(resource, "name", "")
    return "/".join(name.split("/")[:2])


def _require_reader(session: Session, caller: Subject, owner: str) -> None:
    """The caller may list members of an organization to which the named user belongs."""
    if not any(_held_over(session, caller, owner, "members.list")):
        raise not_permitted("members.list")


def _require_administrator(session: Session, caller: Subject, owner: str) -> None:
    """The caller may shut the named user's account in every organization that it belongs to."""
    held = _held_over(session, caller, owner, "members.deactivate")
    if not held or not all(held):
        raise not_permitted("members.deactivate")


def _held_over(session: Session, caller: Subject, owner: str, permission: str) -> list[bool]:
    """Whether the caller holds a permission, for each organization of the named user."""
    try:
        user_uid = UUID(owner.removeprefix("users/"))
    except ValueError:
        return []
    grants = access.grants_of(session, caller)
    shared = store.organizations.of_user(session, user_uid)
    return [permission in held_on(grants, Scope(id_)) for id_ in shared]
