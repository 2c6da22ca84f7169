"""The `weft` command.

Nothing is imported before a command needs it: help and completion read the table below, so
that they answer in the time that Python and click take to start.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import click

from weft.cli._exit import CommandError, Exit, exit_code_of, report

if TYPE_CHECKING:
    from weft.cli._origins import Given


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is imported when it is called: `module:attribute` below weft.cli."""

    target: str
    help: str


COMMANDS: Mapping[str, Command] = {
    "admin": Command("admin:admin", "Back up and check a workspace, or begin a mesh, on its host."),
    "alerters": Command("alerters:alerters", "Tell others what happens."),
    "api": Command("api:api", "Call any RPC of the mesh, by name, with JSON."),
    "apply": Command("declared:apply", "Make the workspace as files declare it."),
    "approve": Command("approve:approve", "Let a device that shows a code sign in as you."),
    "artifacts": Command("artifacts:artifacts", "List, show and fetch what steps made."),
    "audit": Command("audit:audit", "List, show, export and verify the audit log."),
    "builds": Command(
        "builds:builds", "List, show, follow, cancel and delete the images of pipelines."
    ),
    "ca": Command("ca:ca", "Show the mesh's CA, and replace it."),
    "code-repositories": Command(
        "code_repositories:code_repositories", "Say where the code of pipelines is kept."
    ),
    "completion": Command("completion:completion", "Complete commands and names with the tab key."),
    "config": Command("config:config", "Say which settings count, and where they come from."),
    "connectors": Command(
        "connectors:connectors", "Sign in to clouds, and get short-lived credentials from there."
    ),
    "components": Command("components:components", "List, make and try the parts of stacks."),
    "contexts": Command("contexts:contexts", "List and choose the meshes to work with."),
    "ctx": Command("login:ctx", "Show or choose the mesh to work with."),
    "dag": Command("dag:dag", "Draw the graph of a pipeline, before anything runs."),
    "dashboard": Command("dashboard:dashboard", "Open the dashboard in a browser, signed in."),
    "diff": Command("declared:diff", "Say what `weft apply` would change."),
    "doctor": Command("doctor:doctor", "Check everything between this machine and the mesh."),
    "enrollments": Command(
        "enrollments:enrollments", "List, name and revoke the servers of the mesh."
    ),
    "events": Command("events:events", "Print or follow everything that changes."),
    "explain": Command("explain:explain", "Say what a resource consists of, field by field."),
    "export": Command("declared:export", "Print what is there, for `weft apply`."),
    "flavors": Command("flavors:flavors", "List what components can be, and add to it."),
    "grants": Command("grants:grants", "Say who holds which role where, and why."),
    "init": Command("init:init", "Make a folder with a pipeline and a test to begin with."),
    "image": Command("image:image", "Show, build and push the images of a pipeline."),
    "install": Command("install:install", "Check what an installation stands on; values for it."),
    "invitations": Command("invitations:invitations", "Invite people, and accept an invitation."),
    "identity-providers": Command(
        "identity_providers:identity_providers", "Set up who vouches for people, and test it."
    ),
    "login": Command("login:login", "Sign in to a mesh."),
    "logout": Command("login:logout", "Forget the sign-in."),
    "logs": Command("logs:logs", "Print or follow the logs of a run or a step."),
    "man": Command("man:man", "Print or install the manual pages."),
    "mcp": Command("mcp:mcp", "Let an assistant look at the mesh, by the Model Context Protocol."),
    "members": Command("members:members", "List the members, and look after their accounts."),
    "models": Command("models:models", "List models, and move their versions between stages."),
    "orgs": Command("orgs:orgs", "List, make and choose organizations."),
    "pipelines": Command("pipelines:pipelines", "List, show and describe pipelines."),
    "pools": Command("pools:pools", "See how much room there is for runs, and close it."),
    "projects": Command("projects:projects", "List and make projects, and bound what they take."),
    "prompt": Command("prompt:prompt", "Print the context and the project for a prompt."),
    "roles": Command("roles:roles", "List, show and make roles."),
    "run": Command("run:run", "Run a pipeline from a file on the mesh, and watch it."),
    "schema": Command("schema:schema", "Print the JSON Schema of settings for `weft run`."),
    "secrets": Command("secrets:secrets", "Keep values that pipelines need, and say where."),
    "runs": Command("runs:runs", "Show runs, and act on them."),
    "snapshots": Command("snapshots:snapshots", "Publish, validate and run snapshots."),
    "schedules": Command("schedules:schedules", "Let pipelines run by themselves."),
    "sessions": Command("sessions:sessions", "See where you are signed in, and sign out there."),
    "service-accounts": Command(
        "service_accounts:service_accounts", "List and make programs, their keys and federation."
    ),
    "stacks": Command("stacks:stacks", "Put stacks together, try them, and choose one."),
    "statistics": Command("statistics:statistics", "Show how much ran, and how it ended."),
    "steps": Command("steps:steps", "Show the steps of runs, and execute one again."),
    "status": Command("status:status", "Show how the mesh is, at a glance."),
    "support": Command("support:support", "Gather what somebody who helps needs to see."),
    "sync": Command("sync:sync", "Hand over runs that were recorded on this machine."),
    "teams": Command("teams:teams", "List, make and fill teams."),
    "tokens": Command("tokens:tokens", "List, make and delete personal access tokens."),
    "triggers": Command("triggers:triggers", "Run snapshots whenever something happens."),
    "ui": Command("ui:ui", "Look at runs in the whole terminal, live."),
    "up": Command("up:up", "Start a mesh on this machine."),
    "usage": Command("usage:usage", "Show how much there is, and how much there may be."),
    "views": Command("views:views", "Keep looks at the run list by a name."),
    "webhooks": Command("webhooks:webhooks", "Take signed messages of other systems."),
    "whoami": Command("login:whoami", "Show who is signed in, where, with which roles."),
    "workspaces": Command("workspaces:workspaces", "List, make, change and follow workspaces."),
}


# Where click's completion scripts say what they want of us.
COMPLETING = "_WEFT_COMPLETE"


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        loaded = getattr(importlib.import_module(f"weft.cli.{module}"), attribute)
        assert isinstance(loaded, click.Command)
        if COMPLETING in os.environ:
            from weft.cli._completion import bring_alive

            bring_alive(loaded)
        return loaded

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Completes commands by the table: to import them all for their help would take long."""
        from click.shell_completion import CompletionItem

        options = click.Command.shell_complete(self, ctx, incomplete)
        names = [name for name in sorted(COMMANDS) if name.startswith(incomplete)]
        return [CompletionItem(name, help=COMMANDS[name].help) for name in names] + options

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Says which command may be meant: click looks only among those that are imported."""
        name = args[0] if args else ""
        if name and name[:1] != "-" and name not in COMMANDS and not ctx.resilient_parsing:
            from difflib import get_close_matches

            close = get_close_matches(name, COMMANDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "`weft --help` lists them"
            raise click.UsageError(f"there is no command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Lets a broken pipe through to `main`: click would call it a failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            return _stop_printing()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].help) for name in sorted(COMMANDS)])


def _version(ctx: click.Context, _parameter: click.Parameter, value: object) -> None:
    if not value or ctx.resilient_parsing:
        return
    # The installed metadata says the same, and takes longer to read than all the rest.
    from weft import __version__

    click.echo(f"weft {__version__}")
    ctx.exit()


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Print the version.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print details of errors.")
@click.option("--context", help="The context to use for this command; WEFT_CONTEXT.")
@click.option("--project", help="Id of the project to use for this command; WEFT_PROJECT.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Whether to colour; auto does on a terminal, as NO_COLOR, CLICOLOR and FORCE_COLOR say.",
)
@click.pass_context
def weft(
    ctx: click.Context, *, verbose: bool, context: str | None, project: str | None, color: str
) -> None:
    """Run, track and govern machine-learning pipelines.

    \b
    First steps:
      weft up                       start a mesh on this machine
      weft init hello && cd hello   make a folder with a pipeline
      weft run train.py             run it on the mesh, and watch
      weft logs @latest -f          follow its logs

    Exit codes: 0 done, 1 error, 2 wrong usage, 3 the run failed, 4 not signed in or not
    permitted, 5 not found, 6 conflict, 7 unavailable, 8 timed out, 9 an audit log that was
    tampered with, 130 interrupted.
    """
    ctx.obj = {"verbose": verbose, "given": _given(context, project)}
    ctx.color = _colour(color)
    # What is said here wins over the environment; where a command looks, both are one.
    given = {"WEFT_CONTEXT": context, "WEFT_PROJECT": project}
    os.environ.update({name: value for name, value in given.items() if value})


def _given(context: str | None, project: str | None) -> Given:
    """The flags, and the environment before they are put into it."""
    from weft.cli._origins import Given

    flags = {"context": context, "project": project}
    return Given({name: value for name, value in flags.items() if value}, dict(os.environ))


def _colour(wanted: str) -> bool | None:
    """Whether to colour; None leaves it to what standard output is."""
    if wanted != "auto":
        return wanted == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("CLICOLOR") == "0":
        return False
    return True if {"FORCE_COLOR", "CLICOLOR_FORCE"} & os.environ.keys() else None


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command and exits with its code; nobody ever sees a traceback of ours."""
    given = sys.argv[1:] if arguments is None else arguments
    if COMPLETING in os.environ:
        _complete(given)
    # Only before the command: afterwards the letters belong to it.
    options = given[: next((i for i, a in enumerate(given) if a[:1] != "-"), len(given))]
    try:
        code = _call(given, verbose=bool({"-v", "--verbose"} & set(options)))
        sys.stdout.flush()
    except BrokenPipeError:
        code = _stop_printing()
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # All is said: what still comes down has nothing to tell who presses Ctrl-C meanwhile.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)


def _complete(arguments: list[str]) -> NoReturn:
    """Answers a shell: what goes wrong leaves its prompt as it was."""
    with contextlib.suppress(Exception):
        weft.main(args=arguments, prog_name="weft", complete_var=COMPLETING)
    sys.exit(Exit.DONE)


def _call(arguments: list[str], *, verbose: bool) -> int:
    try:
        result: Any = weft.main(args=arguments, prog_name="weft", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.code if isinstance(error, CommandError) else error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo(str(error) or "interrupted", err=True)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the border: everything becomes a sentence
        report(error, verbose=verbose)
        return exit_code_of(error)
    return result if isinstance(result, int) else Exit.DONE


def _stop_printing() -> int:
    """Whoever read our output has gone, as `head` does: that is no error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.DONE
