"""Groups of commands that need fewer words."""

from __future__ import annotations

import click


class ListedByDefault(click.Group):
    """A group whose options, given without a command, are those of its `list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Says `list` for who did not; a group has no options of its own but for help."""
        is_option = bool(args) and args[0].startswith("-")
        if is_option and args[0] not in ctx.help_option_names:
            args = ["list", *args]
        return super().parse_args(ctx, args)
