"""Signing in a device; what may happen next is decided by `controlplane.identity.devices`."""

from dataclasses import dataclass
from uuid import UUID

from controlplane import store
from controlplane.identity import devices, opaque
from controlplane.identity.devices import Standing, State
from controlplane.identity.opaque import OpaqueToken, Secret, invalid_grant, matches
from controlplane.identity.tokens import Lifetimes
from controlplane.operations import sessions
from controlplane.operations.sessions import Started
from controlplane.store.schema import DeviceAuthorization
from meshkit.errors import MeshError
from meshkit.session import Session


@dataclass(frozen=True, slots=True)
class Codes:
    """A new authorization and both of its codes, which are nowhere else."""

    row: DeviceAuthorization
    device_code: Secret
    user_code: str


def start(session: Session, *, client_name: str, address: str) -> Codes:
    """Makes a pair of codes for a device."""
    device_code, uid, digest = opaque.make(opaque.DEVICE_CODE)
    user_code = devices.new_user_code()
    row = DeviceAuthorization(
        uid=uid,
        device_digest=digest,
        user_code_digest=devices.user_code_digest(user_code),
        client_name=client_name,
        address=address,
        create_time=session.now,
        expire_time=session.now + devices.LIFETIME,
        state=State.PENDING.value,
    )
    session.add(row)
    session.flush()
    session.audited(resource=f"deviceAuthorizations/{uid}")
    return Codes(row, device_code, user_code)


def get(session: Session, user_code: str) -> DeviceAuthorization:
    """The authorization of a typed code; raises NotFound for an unknown or expired one."""
    row = store.devices.by_user_code(session, devices.user_code_digest(user_code))
    if row is None or row.expire_time <= session.now:
        raise devices.unknown_code()
    return row


def approve(session: Session, user_code: str, *, user_uid: UUID, sid: UUID) -> DeviceAuthorization:
    """Lets the device sign in as this user."""
    sessions.require_signed_in(session, user_uid, sid)
    row = _lock(session, user_code)
    row.state = devices.approve(_standing(session, row), user_uid).value
    row.user_uid = user_uid
    return row


def deny(session: Session, user_code: str, *, user_uid: UUID) -> DeviceAuthorization:
    """Refuses the device."""
    row = _lock(session, user_code)
    row.state = devices.deny(_standing(session, row), user_uid).value
    row.user_uid = user_uid
    return row


def refusal(session: Session, presented: OpaqueToken) -> MeshError | None:
    """What a polling device is told while its tokens are not ready; None where they are.

    Raises INVALID_GRANT for a code that is unknown or used up.
    """
    row = _known(store.devices.get(session, UUID(presented.id)), presented)
    try:
        devices.fetch(_standing(session, row))
    except MeshError as error:
        return error
    return None


def fetch(session: Session, presented: OpaqueToken, *, lifetimes: Lifetimes) -> Started:
    """Hands the device its tokens, once."""
    row = _known(store.devices.lock(session, UUID(presented.id)), presented)
    row.state = devices.fetch(_standing(session, row)).value
    assert row.user_uid is not None
    user = store.users.get(session, row.user_uid)
    assert user is not None
    return sessions.start(
        session, user, origin="device", lifetimes=lifetimes, client=row.client_name
    )


def _lock(session: Session, user_code: str) -> DeviceAuthorization:
    row = store.devices.lock_by_user_code(session, devices.user_code_digest(user_code))
    if row is None:
        raise devices.unknown_code()
    session.audited(resource=f"deviceAuthorizations/{row.uid}", fields=("state",))
    return row


def _known(row: DeviceAuthorization | None, presented: OpaqueToken) -> DeviceAuthorization:
    """A device that fetched its tokens already hears the same as one that was never known."""
    if row is None or not matches(presented, row.device_digest) or row.state == State.USED.value:
        raise invalid_grant()
    return row


def _standing(session: Session, row: DeviceAuthorization) -> Standing:
    return Standing(State(row.state), row.expire_time <= session.now, row.user_uid)
