"""`weft completion`: what a shell needs to complete commands, options and names."""

from __future__ import annotations

import click

from weft.cli._exit import CommandError

_HOW = {
    "bash": 'eval "$(weft completion bash)"                      # in ~/.bashrc',
    "zsh": 'eval "$(weft completion zsh)"                       # in ~/.zshrc, after compinit',
    "fish": "weft completion fish | source                       # in config.fish",
    "powershell": "weft completion powershell | Out-String | Invoke-Expression   # in $PROFILE",
}


@click.command(
    epilog="\b\nTo have it in every shell:\n" + "\n".join(f"  {line}" for line in _HOW.values())
)
@click.argument("shell", type=click.Choice(list(_HOW)))
def completion(*, shell: str) -> None:
    """Print the script that makes SHELL complete `weft`.

    Names of runs, artifacts, stacks and the like are completed as well: those of the project
    and workspace in use, as they were a minute ago at most.
    """
    from click.shell_completion import get_completion_class

    from weft.cli import COMPLETING, weft

    found = get_completion_class(shell)
    if found is None:
        raise CommandError(f"{shell} needs a newer click: run `pip install -U click`")
    click.echo(found(weft, {}, "weft", COMPLETING).source())
