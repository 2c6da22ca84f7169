"""The commands of `docs/orchestrators.md`, as cron, a fake Airflow and a fake Argo run them."""

import os
import shutil
import sys
import threading
import time
from asyncio import Event, get_running_loop, run
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.controlplane.fake_issuer import FakeIssuer, fake_issuer
from tests.system.walking import Shell, read

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/orchestrators.md"
FAKES = ROOT / "tests/fakes"
POD = "system:serviceaccount:argo:nightly"


@contextmanager
def cluster(directory: Path) -> Iterator[FakeIssuer]:
    """The OpenID Connect side of a cluster, on a thread of its own."""
    started: Future[tuple[FakeIssuer, object]] = Future()

    async def serve() -> None:
        over = Event()
        loop = get_running_loop()
        async with fake_issuer(directory) as issuer:
            started.set_result((issuer, lambda: loop.call_soon_threadsafe(over.set)))
            await over.wait()

    thread = threading.Thread(target=run, args=(serve(),))
    thread.start()
    issuer, stop = started.result(10)
    try:
        yield issuer
    finally:
        stop()
        thread.join()


@pytest.mark.page
@pytest.mark.timeout(400)
def test_the_page_does_what_it_says(shell: Shell, tmp_path: Path) -> None:
    if not shutil.which("jq"):
        message = "jq is not on the path: install its package"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    directory = tmp_path / "cluster"
    directory.mkdir()
    with cluster(directory) as issuer:
        # As the kubelet projects it: for a pod, and valid for as long as the page takes.
        token = issuer.token(sub=POD, exp=int(time.time()) + 900)
        (directory / "token").write_text(token)
        for name, value in {
            "CLUSTER_CA": directory / "ca.pem",
            "CLUSTER_ISSUER": issuer.url,
            "FAKE_ARGO_IDENTITY": directory / "token",
            "AIRFLOW": f"{sys.executable} {FAKES / 'airflow.py'}",
            "ARGO": f"{sys.executable} {FAKES / 'argo.py'}",
        }.items():
            shell.run(f"export {name}='{value}'")
        steps = [
            step for chapter in read(PAGE.read_text(encoding="utf-8")) for step in chapter.steps
        ]
        assert len(steps) > 40
        for step in steps:
            shell.walk(step)
