"""`weft ui` as people use it: keys pressed in the application, against a real mesh."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.sdk.cli.conftest import Runs, Weft
from weft._connection import Connection
from weft._ui.app import WeftApp
from weft._ui.parts import Keys, Question, Table

PATIENCE_S = 60.0
# The size that every terminal has.
SMALL = (80, 24)


class Terminal:
    """What stands on the screen, and the keys."""

    def __init__(self, app: WeftApp, pilot: Pilot[None]) -> None:
        self._app, self.press = app, pilot.press

    @property
    def text(self) -> str:
        """All text in sight, a line for each row."""
        width = self._app.size.width
        strips = self._app.screen._compositor.render_strips()
        return "\n".join("".join(s.text for s in strip)[:width] for strip in strips)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110  # as a person looks
                await asyncio.sleep(0.05)

    async def shows(self, *words: str) -> None:
        try:
            await self.until(lambda: all(word in self.text for word in words))
        except TimeoutError:
            raise AssertionError(f"{words} are not all in\n{self.text}") from None

    async def choose(self, run: str) -> None:
        """Moves the cursor to a run."""
        table = self._app.screen.query_one(Table)
        # Others may have pushed it out of sight, and new ones may come above it meanwhile.
        await self.until(lambda: run in table.rows)
        while table.chosen != run:
            await self.press("j" if table.cursor_row < table.get_row_index(run) else "k")

    def is_on(self, screen: type) -> bool:
        return isinstance(self._app.screen, screen)


@pytest.fixture
def terminal(connection: Connection):
    @asynccontextmanager
    async def open_(query: str = "") -> AsyncIterator[Terminal]:
        app = WeftApp(connection, query)
        async with app.run_test(size=SMALL, notifications=True) as pilot:
            yield Terminal(app, pilot)

    return open_


def id_of(name: str) -> str:
    return name.rpartition("/")[2]


async def test_a_run_is_opened_and_says_why_it_failed(terminal, runs: Runs) -> None:
    async with terminal("state = FAILED") as screen:
        await screen.shows("runs of default where state = FAILED", "● live", "✗ failed")
        assert "succeeded" not in screen.text
        await screen.choose(runs.bad)
        await screen.press("enter")
        await screen.shows(id_of(runs.bad), "✓ load", "✗ train", "■ ended")
        await screen.press("j")
        await screen.shows("ValueError: bad batch 3")
        await screen.press("l")
        await screen.shows("log of train", "epoch 1", "epoch 2 red", "■ ended")
        # What would paint over the terminal is shown, and not obeyed.
        assert "\x1b" not in screen.text
        await screen.press("escape", "escape")
        await screen.shows("runs of default")


async def test_a_log_is_searched_by_the_server(terminal, runs: Runs) -> None:
    async with terminal() as screen:
        await screen.choose(runs.good)
        await screen.press("enter")
        await screen.shows("✓ load", "✓ train")
        await screen.press("j", "enter")
        await screen.shows("log of train", "epoch 1", "epoch 2")
        await screen.press("slash", *"epoch 1", "enter")
        await screen.shows("log of train with epoch 1", "■ ended")
        await screen.until(lambda: "epoch 2" not in screen.text)
        assert "epoch 1" in screen.text
        await screen.press("slash", *"nowhere", "enter")
        await screen.until(lambda: "epoch 1" not in screen.text)


async def test_a_wrong_query_is_told_in_words_and_mended(terminal, runs: Runs) -> None:
    async with terminal("colour = red") as screen:
        await screen.shows("○ stale", "colour")
        # Left with Escape it changes nothing, and the keys are the table's again.
        await screen.press("slash", *"x", "escape", "slash", "backspace", "escape", "question_mark")
        assert screen.is_on(Keys)
        await screen.press("escape", "slash", *["backspace"] * 20, *"state = SUCCEEDED", "enter")
        await screen.shows("where state = SUCCEEDED", "● live", "✓ succeeded")
        assert "stale" not in screen.text


async def test_a_run_appears_is_stopped_and_retried(terminal, weft: Weft, train_file: Path) -> None:
    async with terminal() as screen:
        await screen.shows("● live")
        begun = await asyncio.to_thread(
            weft, "run", f"{train_file}::sleepy", "--detach", "-o", "name"
        )
        run = begun.out.strip()
        await screen.shows(id_of(run)[:12], "sleepy", "▶ running")
        await screen.choose(run)
        await screen.press("enter")
        await screen.shows("▶ nap")
        await screen.press("c")
        assert screen.is_on(Question)
        await screen.press("n")
        await screen.press("c")
        await screen.shows("let what runs finish", "cancel what runs")
        await screen.press("f")
        await screen.shows("■ stopped", "■ ended")
        await screen.press("r", "y")
        await screen.shows("retries")
        await screen.press("escape")
        await screen.shows("▶ running")
    weft("runs", "stop", "@latest", "--force", "--wait")


async def test_keys_are_listed_and_no_run_is_no_error(terminal) -> None:
    async with terminal('labels.nobody = "has"') as screen:
        await screen.shows("● live")
        await screen.press("enter", "c", "r", "o", "question_mark")
        assert screen.is_on(Keys)
        await screen.shows("stop the run", "open its page")
        await screen.press("escape")
        await screen.shows("● live")


def test_it_needs_a_terminal_and_its_extra(offline: Weft, environment: dict[str, str]) -> None:
    refused = offline("ui")
    assert (refused.code, refused.out) == (2, "")
    assert "weft runs list" in refused.err
    code = "import sys; sys.modules['textual'] = None; import weft.cli; weft.cli.main(['ui'])"
    command = [sys.executable, "-c", code]
    without = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert without.returncode == 1
    assert 'pip install "weft[ui]"' in without.stderr
