"""`weft mcp`: the mesh for assistants, by the Model Context Protocol."""

from __future__ import annotations

import click

from weft.cli._exit import CommandError, Exit


@click.command()
@click.option("--allow-actions", is_flag=True, help="Also run, retry and stop, not just look.")
def mcp(*, allow_actions: bool) -> None:
    """Serve the mesh to an assistant: the Model Context Protocol on standard input and output.

    Its tools only look, as whoever is signed in here: runs, steps, logs, artifacts, why a run
    failed and how runs differ. An assistant starts it itself; for Claude Code, for example:

    \b
      pip install "weft[mcp]"
      claude mcp add weft -- weft mcp
    """
    try:
        from weft._mcp_tools import server
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in {"anyio", "mcp", "mcp_types"}:
            raise
        sentence = 'weft mcp needs an extra that is not installed: pip install "weft[mcp]"'
        raise CommandError(sentence, Exit.ERROR) from None
    server(may_act=allow_actions).run("stdio")
