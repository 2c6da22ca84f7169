"""Local accounts: proving a password, choosing one, and the first administrator."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from controlplane import store
from controlplane.identity import opaque
from controlplane.identity.opaque import OpaqueToken, invalid_grant
from controlplane.identity.passwords import Passwords, require_strong
from controlplane.identity.throttle import Throttle
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import sessions, setup, users
from controlplane.operations.sessions import Started
from meshkit.caller import current_call
from meshkit.database import Database
from meshkit.errors import MeshError, Unauthenticated


@dataclass(frozen=True, slots=True)
class Person:
    """Who an account is for."""

    email: str
    display_name: str = ""


class Accounts:
    """Everything that takes a password. Each try is throttled before it costs a hash."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        throttle: Throttle,
        *,
        lifetimes: Lifetimes,
        organization: str,
        on_set_up: Callable[[], None],
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._throttle = throttle
        self._lifetimes = lifetimes
        self._organization = organization
        self._on_set_up = on_set_up

    async def create_first_administrator(
        self,
        setup_token: str,
        person: Person,
        *,
        password: str,
        address: str,
        browser: bool = False,
    ) -> Started:
        """Makes the first administrator; raises ALREADY_SET_UP or INVALID_GRANT."""
        self._throttle.take("setup", address=address)
        presented = _read(setup_token, opaque.SETUP_TOKEN)
        await self._database.read(setup.check_setup_token, presented)
        assert presented is not None
        hashed = None
        if password:
            require_strong(password, email=person.email, field="password")
            hashed = await self._passwords.hash(password)
        started = await self._database.write(
            setup.create_first_administrator,
            presented,
            organization=self._organization,
            email=person.email,
            display_name=person.display_name,
            password_hash=hashed,
            lifetimes=self._lifetimes,
            browser=browser,
        )
        self._on_set_up()
        return started

    async def sign_in(
        self, email: str, password: str, *, address: str, browser: bool = False
    ) -> Started:
        """Signs in by password; raises SIGN_IN_FAILED whatever was wrong."""
        self._throttle.take("sign-in", address=address, account=email)
        user = await self._database.read(store.users.get_by_email, email)
        stored = user.password_hash if user else None
        started = None
        if await self._passwords.verify(stored, password):
            assert user is not None
            assert stored is not None
            started = await self._database.write(
                sessions.sign_in,
                user.uid,
                verified_hash=stored,
                lifetimes=self._lifetimes,
                browser=browser,
            )
        if started is None:
            if user is not None:
                # Their organizations want to know; the caller hears the same as ever.
                current_call.get().audit_resource = user.name
            raise Unauthenticated(
                "SIGN_IN_FAILED", "The e-mail address and the password do not match."
            )
        return started

    async def set_password(
        self,
        email: str,
        *,
        password_token: str,
        current_password: str,
        new_password: str,
        address: str,
    ) -> None:
        """Chooses a password by a one-time token or the current one; raises INVALID_GRANT."""
        self._throttle.take("sign-in", address=address, account=email)
        user = await self._database.read(store.users.get_by_email, email)
        stored = user.password_hash if user else None
        presented = _read(password_token, opaque.PASSWORD_TOKEN)
        proof: OpaqueToken | str | None = presented
        if presented is not None and user is not None:
            await self._database.read(users.check_password_token, user.uid, presented)
        elif await self._passwords.verify(stored, current_password):
            proof = stored
        if user is None or proof is None:
            raise invalid_grant()
        # Only who proved to own the account hears what is wrong with the new password.
        require_strong(new_password, email=email, field="new_password")
        await self._database.write(
            users.set_password,
            user.uid,
            proof=proof,
            password_hash=await self._passwords.hash(new_password),
            lifetimes=self._lifetimes,
        )


def _read(text: str, prefix: str) -> OpaqueToken | None:
    with contextlib.suppress(MeshError):
        return opaque.read(text, prefix)
    return None
