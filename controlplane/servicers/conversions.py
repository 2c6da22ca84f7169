"""Conversions that several servicers share."""

from datetime import UTC, datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from controlplane.identity.tokens import session_uid_of, subject_of, user_uid_of
from controlplane.subjects import Subject
from meshkit.caller import current_call
from meshkit.errors import InvalidArgument


def caller_subject() -> Subject:
    """The person or program who makes the call under way."""
    return subject_of(current_call.get().caller)


def caller_uid() -> UUID:
    """The user who makes the call under way."""
    return user_uid_of(current_call.get().caller)


def caller_sid() -> UUID:
    """The session, or personal access token, that the call's token was made from."""
    return session_uid_of(current_call.get().caller)


def timestamp(time: datetime | None) -> Timestamp | None:
    """A time for the wire; None stays absent."""
    if time is None:
        return None
    message = Timestamp()
    message.FromDatetime(time)
    return message


def datetime_of(message: Timestamp) -> datetime:
    """A time from the wire, UTC; raises InvalidArgument beyond the years that Python knows."""
    try:
        return message.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument("INVALID_FIELDS", "A time is out of range.") from error
