"""Invitees: who they are when they come with a token, signed in or with a new account."""

from controlplane.identity import opaque
from controlplane.identity.opaque import OpaqueToken
from controlplane.identity.passwords import Passwords, require_strong
from controlplane.identity.throttle import Throttle
from controlplane.identity.tokens import session_uid_of, user_uid_of
from controlplane.operations import invitations
from controlplane.operations.invitations import Inspected
from controlplane.store.members import MemberView
from meshkit.caller import Caller, CallerKind
from meshkit.database import Database
from meshkit.errors import PermissionDenied, Unauthenticated

# A gateway that forwards nobody's token speaks for an anonymous person.
_STRANGERS = (CallerKind.ANONYMOUS, CallerKind.PEER)


class Invitees:
    """Everything that takes an invitation's token. Each try is throttled."""

    def __init__(self, database: Database, passwords: Passwords, throttle: Throttle) -> None:
        self._database = database
        self._passwords = passwords
        self._throttle = throttle

    async def inspect(self, token: str, *, caller: Caller) -> Inspected:
        """What a token invites to; raises INVALID_INVITATION."""
        return await self._database.write(invitations.inspect, self._read(token, caller))

    async def decline(self, token: str, *, caller: Caller) -> None:
        """Turns an invitation down; raises INVALID_INVITATION."""
        await self._database.write(invitations.decline, self._read(token, caller))

    async def accept(
        self, token: str, *, caller: Caller, display_name: str, password: str
    ) -> MemberView:
        """Lets the caller in: as who they are, or with a new account; raises what that raises."""
        presented = self._read(token, caller)
        if caller.kind in _STRANGERS:
            return await self._accept_as_new(presented, display_name, password)
        if caller.kind is not CallerKind.USER:
            raise PermissionDenied("CALLER_NOT_ALLOWED", "Only people accept invitations.")
        return await self._database.write(
            invitations.accept,
            presented,
            user_uid=user_uid_of(caller),
            sid=session_uid_of(caller),
        )

    async def _accept_as_new(
        self, presented: OpaqueToken, display_name: str, password: str
    ) -> MemberView:
        # Only who holds a good token hears what is wrong with the password, or costs a hash.
        email = await self._database.read(invitations.check, presented)
        require_strong(password, email=email, field="password")
        return await self._database.write(
            invitations.accept_as_new,
            presented,
            display_name=display_name,
            password_hash=await self._passwords.hash(password),
        )

    def _read(self, token: str, caller: Caller) -> OpaqueToken:
        self._throttle.take("invitation", address=caller.address)
        try:
            return opaque.read(token, opaque.INVITATION_TOKEN)
        except Unauthenticated as error:
            raise invitations.invalid() from error
