"""(k) The dashboard in Chromium: what one waits for, beside what the bare API takes.

A page counts from typing its address, with the files of the dashboard in the browser's cache, until
it shows what it was opened for. The limit is the same browser reading the same answer with `fetch`,
and drawing nothing. A change counts from before the call that makes it until a frame shows it; the
limit is a bare stream of events in another tab, of the very same changes. `--large` looks at a
million runs and a log of a million lines.
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from bench.browsing import API, Browser, browsing, database_url
from bench.figures import Figure, Target, stay_below
from bench.load import Options
from bench.run import main
from bench.site import Site
from bench.stored import fill

_GRAPH, _LOG = "big-graph", "long-log"
# Answers when a frame shows a text, and not merely when it is known.
_SHOWN = """
id => {
    window.shownAt = new Promise(done => {
        const look = () => document.querySelector('[role=table]')?.textContent.includes(id)
            ? requestAnimationFrame(() => done(Date.now()))
            : requestAnimationFrame(look)
        look()
    })
}
"""
_FOLLOW = """
async path => {
    const reader = (await fetch(path, { headers: { accept: 'text/event-stream' } })).body
        .pipeThrough(new TextDecoderStream()).getReader()
    window.heardAt = {}
    const read = async () => {
        for (;;) {
            const { value, done } = await reader.read()
            if (done) return
            for (const id of value.match(/live-\\d+/g) ?? []) window.heardAt[id] ??= Date.now()
        }
    }
    void read()
}
"""


async def measure(site: Site, options: Options) -> list[Figure]:
    directory = site.new_directory("dashboard")
    runs = 1_000_000 if options.large else 2_000 if options.quick else 100_000
    await fill(database_url(directory), runs)
    # Playwright has a loop of its own.
    return await asyncio.to_thread(_measure, directory, runs, options)


def _measure(directory: Path, runs: int, options: Options) -> list[Figure]:
    steps = 500 if options.quick else 5_000
    lines = 1_000_000 if options.large else 10_000 if options.quick else 200_000
    turns = 2 if options.quick else 7
    with browsing(directory) as browser:
        newest = f"run-{runs - 1}"
        browser.work.add_steps(browser.work.new_run(_GRAPH), steps)
        browser.work.write_log(browser.work.new_run(_LOG), _LOG, lines)
        return [
            _opening(f"list of {runs:,} runs", browser, turns, _list(newest), stay_below(300)),
            _opening(f"graph of {steps:,} steps", browser, turns, _graph(), stay_below(1_000)),
            _opening(f"end of a log of {lines:,} lines", browser, turns, _end_of_log(lines)),
            _searching(f"search of {lines:,} lines", browser, turns, lines),
            _living("change to pixel", browser, turns),
        ]


# A page, what it reads, and how one sees that it is there.
Opening = tuple[str, str, Callable[[Page], None]]


def _list(newest: str) -> Opening:
    return "runs", "/runs?pageSize=100", lambda page: page.get_by_text(newest).first.wait_for()


def _graph() -> Opening:
    def is_shown(page: Page) -> None:
        page.locator(".react-flow__node").first.wait_for()

    return f"runs/{_GRAPH}?view=graph", f"/runs/{_GRAPH}:graph", is_shown


def _end_of_log(lines: int) -> Opening:
    read = f"/logStreams/{_LOG}:read?offset={max(lines - 1_000, 0)}"
    last = f"line {lines - 1} "
    return f"runs/{_LOG}?view=logs", read, lambda page: page.get_by_text(last).wait_for()


def _opening(
    name: str, browser: Browser, turns: int, opening: Opening, target: Target | None = None
) -> Figure:
    path, read, is_shown = opening
    browser.opened_ms(path, is_shown)
    ours = [browser.opened_ms(path, is_shown) for _ in range(turns)]
    bare = [browser.fetched_ms(read) for _ in range(turns)]
    return _figure(name, ours, bare, target)


def _searching(name: str, browser: Browser, turns: int, lines: int) -> Figure:
    """From the last key of a word until the line that holds it is shown."""
    page, (path, _, is_shown) = browser.page, _end_of_log(lines)
    ours = []
    for _ in range(turns):
        browser.opened_ms(path, is_shown)
        page.get_by_label("Search the log").fill("needle")
        start = time.perf_counter()
        page.keyboard.press("Enter")
        expect(page.get_by_text("1 line", exact=True)).to_be_visible(timeout=60_000)
        ours.append((time.perf_counter() - start) * 1e3)
    return _figure(name, ours, [_searched_ms(browser) for _ in range(turns)])


def _searched_ms(browser: Browser) -> float:
    """The same question to the API, page after page of its answer."""
    find: Any = """
    async path => {
        const start = performance.now()
        for (let offset = '0'; ; ) {
            const page = await (await fetch(`${path}&offset=${offset}`)).json()
            if (page.nextOffset === offset || page.endOfStream) return performance.now() - start
            offset = page.nextOffset
        }
    }
    """
    read = f"{API}/logStreams/{_LOG}:read?maxLines=1000&filter.contains=needle"
    taken: float = browser.page.evaluate(find, read)
    return taken


def _living(name: str, browser: Browser, turns: int) -> Figure:
    """A run that is made elsewhere appears in the list."""
    page = browser.page
    browser.opened_ms("runs", lambda page: page.get_by_text("Live", exact=True).wait_for())
    other = page.context.new_page()
    # A page of the dashboard's own policy, with no stream of its own.
    other.goto(f"{page.url.partition('/w/')[0]}/device")
    info = other.evaluate("async () => (await fetch('/api/workspace/v1/feedInfo')).json()")
    page.bring_to_front()
    other.evaluate(_FOLLOW, f"{API}/events:watch?afterRevision={info['revision']}")
    ours, bare = [], []
    for turn in range(turns * 3):
        run = f"live-{turn}"
        page.evaluate(_SHOWN, run)
        start = time.time() * 1e3
        browser.work.new_run(run)
        ours.append(page.evaluate("window.shownAt") - start)
        bare.append(other.evaluate("id => window.heardAt[id]", run) - start)
    other.close()
    return _figure(name, ours, bare)


def _figure(
    name: str, ours: list[float], bare: list[float], target: Target | None = None
) -> Figure:
    worst = f"slowest {max(ours):.0f}/{max(bare):.0f}"
    return Figure(
        "k", name, "ms", statistics.median(ours), statistics.median(bare), target, note=worst
    )


if __name__ == "__main__":
    main(measure)
