"""Who and where, as people type it: `ada@example.com`, `team:ml`, `sa:ci`; `projects/demo`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from weft.cli._exit import CommandError, Exit
from weft.cli._names import short
from weft.cli._pages import paged
from weft.errors import NotPermittedError

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from weft._connection import Connection

_GROUPS = {"team": "teams", "sa": "serviceAccounts"}
_PREFIXES = {collection: prefix for prefix, collection in _GROUPS.items()}
_SPAN = re.compile(r"([1-9][0-9]{0,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
SUBJECT_HELP = "an address, team:ID, sa:ID (a service account), or a resource name"


def organization_of(connection: Connection) -> str:
    """The organization of the context; raises CommandError where it names none."""
    if not connection.context.organization:
        raise CommandError(
            "this context belongs to no organization yet: sign in again with `weft login`",
            Exit.USAGE,
        )
    return connection.context.organization


def named(connection: Connection, collection: str, text: str) -> str:
    """The name of something in the organization: of an id, or the name itself."""
    if text.startswith("organizations/"):
        return text
    return f"{organization_of(connection)}/{collection}/{text}"


def subject_name(connection: Connection, text: str) -> str:
    """The resource name of a person, team or service account; raises CommandError."""
    kind, colon, id_ = text.partition(":")
    if colon and kind in _GROUPS:
        return named(connection, _GROUPS[kind], id_)
    if text.startswith(("users/", "organizations/")):
        return text
    if "@" in text:
        return _user_of(connection, text)
    raise CommandError(f"{text!r} is nobody: give {SUBJECT_HELP}", Exit.USAGE)


def resource_name(connection: Connection, text: str) -> str:
    """The full name of a place: "" or "." is the organization, `projects/p` the workspace's."""
    if text in ("", "."):
        return organization_of(connection)
    if text.startswith("workspaces/"):
        return f"{organization_of(connection)}/{text}"
    if text.startswith("projects/"):
        if not connection.context.workspace:
            raise CommandError(
                f"{text!r} is in no workspace: this context uses none, so write "
                f"workspaces/ID/{text}",
                Exit.USAGE,
            )
        return f"{connection.context.workspace}/{text}"
    if text.startswith("organizations/"):
        return text
    raise CommandError(
        f"{text!r} is no place: give workspaces/ID, projects/ID, projects/ID/runs/ID or '.'",
        Exit.USAGE,
    )


def end_of(text: str, now: datetime) -> Timestamp:
    """When something ends: of "90m", "12h", "7d", "2w", or a date; raises CommandError."""
    return _moment(text, now, 1)


def start_of(text: str, now: datetime) -> Timestamp:
    """When something began: so long ago, or at a date; as `end_of`."""
    return _moment(text, now, -1)


def _moment(text: str, now: datetime, direction: int) -> Timestamp:
    from google.protobuf.timestamp_pb2 import Timestamp

    span = _SPAN.fullmatch(text)
    try:
        if span:
            moment = now + direction * timedelta(**{_UNITS[span[2]]: int(span[1])})
        else:
            moment = datetime.fromisoformat(text)
            # A date, or a time without a zone, is meant as the one on the person's clock.
            moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise CommandError(
            f"{text!r} is no time: give 90m, 12h, 7d, 2w, or a date such as 2030-01-31", Exit.USAGE
        ) from None
    message = Timestamp()
    message.FromDatetime(moment)
    return message


def told(time: Timestamp) -> str:
    """A time as tables show it."""
    return time.ToDatetime().isoformat(timespec="seconds") + "Z" if time.seconds else "never"


@dataclass(frozen=True, slots=True)
class People:
    """How to show subjects: people by their address, where the caller may know it."""

    organization: str
    emails: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, connection: Connection) -> People:
        """Everybody in the organization; nobody where the caller may not list them."""
        from weftapi.controlplane.v1 import members_pb2, members_pb2_grpc

        endpoint, organization = connection.control_plane, organization_of(connection)
        stub = endpoint.stub(members_pb2_grpc.MemberServiceStub)
        request = members_pb2.ListMembersRequest(parent=organization)
        try:
            pages = list(paged(lambda r: endpoint.call(stub.ListMembers, r), request))
        except NotPermittedError:
            return cls(organization)
        emails = {member.user: member.email for page in pages for member in page.members}
        return cls(organization, emails)

    def label(self, subject: str) -> str:
        """As `subject_name` reads it."""
        if subject in self.emails:
            return self.emails[subject]
        collection = subject.removeprefix(f"{self.organization}/").split("/")[0]
        prefix = _PREFIXES.get(collection)
        return f"{prefix}:{short(subject)}" if prefix else subject

    def place(self, resource: str) -> str:
        """As `resource_name` reads it."""
        if resource == self.organization:
            return "."
        return resource.removeprefix(f"{self.organization}/")


def _user_of(connection: Connection, email: str) -> str:
    from weftapi.controlplane.v1 import members_pb2, members_pb2_grpc

    endpoint = connection.control_plane
    address = email.casefold().replace("\\", "\\\\").replace('"', '\\"')
    request = members_pb2.ListMembersRequest(
        parent=organization_of(connection), filter=f'email = "{address}"'
    )
    stub = endpoint.stub(members_pb2_grpc.MemberServiceStub)
    found = endpoint.call(stub.ListMembers, request).members
    if not found:
        raise CommandError(
            f"nobody in {organization_of(connection)} has the address {email}", Exit.NOT_FOUND
        )
    return found[0].user
