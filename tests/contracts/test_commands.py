"""What holds for every command: whatever shows something has every format, and a short help."""

from __future__ import annotations

from collections.abc import Iterator

import click

from weft.cli import weft
from weft.cli._output import FORMATS, STREAMED_FORMATS

# What people get a file, a script, a session or a confirmation from; all others print data.
WITHOUT_DATA = {
    "admin backup",
    "admin backups",
    "admin bootstrap-url",
    "admin check",
    "admin restore",
    "api",
    "approve",
    "artifacts download",
    "artifacts get",
    "artifacts view",
    "audit export",
    "audit keys",
    "audit rotate-key",
    "audit verify",
    "builds logs",
    "completion",
    "dashboard",
    "export",
    "identity-providers domains remove",
    "image build",
    "image dockerfile",
    "image push",
    "install values",
    "invitations accept",
    "invitations decline",
    "login",
    "logout",
    "man",
    "mcp",
    "members choose-password",
    "members erase",
    "members remove",
    "models link",
    "models unlink",
    "orgs leave",
    "prompt",
    "orgs use",
    "runs archive logs",
    "schema",
    "sessions revoke",
    "stacks export",
    "stacks use",
    "sync",
    "teams add",
    "teams remove",
    "ui",
    "up",
    "workspaces deregister",
    "workspaces operations cancel",
    "workspaces operations wait",
}


def commands(group: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    if not isinstance(group, click.Group):
        yield path, group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        below = group.get_command(context, name)
        assert below is not None
        yield from commands(below, f"{path} {name}".strip())


ALL = dict(commands(weft))
PRINTING = sorted(set(ALL) - WITHOUT_DATA - {name for name in ALL if name.endswith(" delete")})


def test_the_exceptions_are_commands() -> None:
    assert set(ALL) >= WITHOUT_DATA


def test_whatever_shows_something_has_every_format() -> None:
    formats = {
        name: [getattr(p.type, "formats", ()) for p in ALL[name].params if "-o" in p.opts]
        for name in PRINTING
    }
    wanted = ([FORMATS], [STREAMED_FORMATS], [(*FORMATS, "mermaid", "dot")])
    assert {name: found for name, found in formats.items() if found not in wanted} == {}


def test_every_command_says_what_it_does_in_a_line() -> None:
    helps = {name: command.get_short_help_str(limit=1000) for name, command in ALL.items()}
    assert {name: text for name, text in helps.items() if not 0 < len(text) <= 120} == {}


def test_no_list_has_more_flags_than_people_remember() -> None:
    """At most eight that choose what is listed: more belongs into the query."""
    flags = {
        name: [
            p
            for p in command.params
            if isinstance(p, click.Option) and p.name not in {"output", "limit"}
        ]
        for name, command in ALL.items()
        if name.endswith(" list")
    }
    assert {name: found for name, found in flags.items() if len(found) > 8} == {}
