"""`python -m workspace.backup`: by the operator, with the settings of the server that it is of."""

import argparse
import asyncio
import json
import sys
import time

import sqlalchemy as sa

from meshkit.backup import command
from meshkit.backup.archive import BackupError
from meshkit.config import ConfigError
from meshkit.objects.port import ObjectStoreError
from workspace.backup.checks import Finding, check
from workspace.backup.files import check_content, check_logs
from workspace.backup.parts import parts
from workspace.backup.repairs import repair
from workspace.config import WorkspaceSettings

_EXIT_FOUND = 9
_BETWEEN_WORDS_S = 1.0


def main() -> int:
    """Runs one command; the exit code."""
    arguments = _arguments()
    try:
        settings = WorkspaceSettings.load()
    except ConfigError as error:
        sys.stderr.write(f"workspace: {error}\n")
        return command.EXIT_CONFIG
    try:
        return asyncio.run(_run(settings, arguments))
    except (BackupError, ObjectStoreError, OSError, sa.exc.SQLAlchemyError) as error:
        sys.stderr.write(f"{error}\n")
        return command.EXIT_FAILED


async def _run(settings: WorkspaceSettings, arguments: argparse.Namespace) -> int:
    if arguments.command == "check":
        return await _check(settings, arguments)
    sys.stdout.write(await command.run(parts(settings), arguments))
    return 0


async def _check(settings: WorkspaceSettings, arguments: argparse.Namespace) -> int:
    repaired = await repair(settings.database) if arguments.repair else []
    progress = _Progress()
    progress("the database", 1)
    found = await check(settings.database)
    found += await check_logs(settings, progress)
    if arguments.content:
        found += await check_content(settings, progress)
    progress.end()
    if arguments.output == "json":
        document = {"findings": _plain(found), "repaired": _plain(repaired)}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"repaired: {finding.problem}\n" for finding in repaired)
        sys.stdout.write("".join(f"{finding}\n" for finding in found) or "nothing is wrong\n")
    return _EXIT_FOUND if found else 0


def _plain(found: list[Finding]) -> list[dict[str, str | bool]]:
    return [
        {
            "area": finding.area,
            "problem": finding.problem,
            "advice": finding.advice,
            "repairable": finding.is_repairable,
        }
        for finding in found
    ]


class _Progress:
    """Says on standard error what is looked at, every second, and how much it was."""

    def __init__(self) -> None:
        self._told = time.monotonic()
        self._now: tuple[str, int] | None = None

    def __call__(self, what: str, count: int) -> None:
        if self._now and self._now[0] != what:
            self.end()
        self._now = (what, count)
        if time.monotonic() - self._told >= _BETWEEN_WORDS_S:
            self._tell("looking at")

    def end(self) -> None:
        if self._now:
            self._tell("looked at")

    def _tell(self, words: str) -> None:
        assert self._now
        what, count = self._now
        self._told = time.monotonic()
        number = "" if what == "the database" else f"{count} "
        sys.stderr.write(f"{words} {number}{what}\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workspace.backup")
    commands = parser.add_subparsers(dest="command", required=True)
    command.add_commands(commands.add_parser)
    look = commands.add_parser("check", help="look for what should never be; the server may run")
    look.add_argument("--content", action="store_true", help="read the bytes of artifacts too")
    look.add_argument("--repair", action="store_true", help="first count anew what is counted")
    look.add_argument("--output", choices=("text", "json"), default="text")
    return parser.parse_args()


if __name__ == "__main__":
    command.run_to_end(main)
