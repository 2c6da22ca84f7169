"""`weft prompt`: where commands work, in the prompt of a shell."""

from __future__ import annotations

import click

# Starting an interpreter before each prompt would be felt. What is shown follows from the
# environment, the folder, and files; so the command is asked again when one of these is another,
# which a shell sees by itself. Each shell has a stamp of its own: another one's looks are not ours.
# The stamp is set first, so that what changes while the command answers is seen the next time.
# No comments in it: an interactive zsh does not know them.
_SCRIPT = r"""
__weft_stamp=$(mktemp "${TMPDIR:-/tmp}/weft-prompt.XXXXXXXX")
__weft_key=
weft_prompt=
__weft_look() {
  local code=$? kept="${WEFT_CONFIG_DIR:-@CONFIG@}/contexts.json" folder="$PWD" newer= file key
  key="$PWD:$WEFT_CONFIG_DIR:$WEFT_CONTEXT:$WEFT_PROJECT"
  [ -e "$kept" ] && key="$key:kept"
  [ "$kept" -nt "$__weft_stamp" ] && newer=yes
  while :; do
    file="$folder/weft.toml"
    [ -e "$file" ] && key="$key:$folder"
    [ "$file" -nt "$__weft_stamp" ] && newer=yes
    [ -n "$folder" ] || break
    folder="${folder%/*}"
  done
  if [ -n "$newer" ] || [ "$key" != "$__weft_key" ]; then
    : >| "$__weft_stamp"
    __weft_key="$key"
    weft_prompt=$(command weft prompt 2>/dev/null)
  fi
  return $code
}
"""
_HOOKS = {
    "bash": """[ -n "$(trap -p EXIT)" ] || trap 'rm -f "$__weft_stamp"' EXIT
PROMPT_COMMAND="__weft_look${PROMPT_COMMAND:+;$PROMPT_COMMAND}\"""",
    "zsh": """setopt prompt_subst
precmd_functions+=(__weft_look)
__weft_leave() { rm -f "$__weft_stamp"; }
zshexit_functions+=(__weft_leave)""",
}
_HOW = {
    "bash": """eval "$(weft prompt --shell bash)"; PS1='${weft_prompt} '"$PS1"    # in ~/.bashrc""",
    "zsh": """eval "$(weft prompt --shell zsh)"; PS1='${weft_prompt} '"$PS1"     # in ~/.zshrc""",
}


@click.command(
    epilog="\b\nTo have it in every shell:\n" + "\n".join(f"  {line}" for line in _HOW.values())
)
@click.option(
    "--shell", type=click.Choice(list(_HOOKS)), help="Print what has a shell keep $weft_prompt."
)
def prompt(*, shell: str | None) -> None:
    """Print `context/project` for a shell's prompt, and nothing where there is no context.

    With --shell, print a script that keeps it in $weft_prompt, and asks again only when the
    folder, the environment, a weft.toml or the contexts are others than before.
    """
    if shell:
        click.echo(_script(shell))
        return
    from weft._contexts import ContextStore
    from weft.errors import ContextError

    try:
        context = ContextStore().current()
    except ContextError:
        # A prompt is no place for errors: the next command tells them.
        return
    # A weft.toml may come from anybody, and terminals obey what cannot be printed.
    shown = (c if c.isprintable() else "?" for c in f"{context.name}/{context.project}")
    click.echo("".join(shown))


def _script(shell: str) -> str:
    import platformdirs

    # Where a shell looks is inside of double quotes there.
    folder = str(platformdirs.user_config_path("weft"))
    quoted = "".join(f"\\{c}" if c in '\\"$`}' else c for c in folder)
    return _SCRIPT.replace("@CONFIG@", quoted).lstrip() + _HOOKS[shell]
