"""Conversions that several servicers share."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from meshkit.errors import InvalidArgument


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
