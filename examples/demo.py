"""`make demo`: the whole mesh on this machine, a real pipeline through it, and proof that it held.

Starts the four servers, signs in, hands `breast_cancer.py` to the workload manager, and shows
steps and logs live. A second run takes every step from the cache. What it claims it checks: any
check that fails makes it exit 1. In a terminal the mesh stays up until Ctrl-C.
"""

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import click

from weft._config import RunConfig
from weft._connection import Connection
from weft._contexts import ContextStore
from weft._embedded import EmbeddedMesh
from weft._store import open_store
from weft._streams import tail_logs, watch_run
from weft._submit import load_code, submit
from weft._wire import artifact_version
from weft.cli._runview import RunView, step_state
from weftapi.workspace.v1 import (
    artifact_types_pb2,
    artifacts_pb2,
    artifacts_pb2_grpc,
    events_pb2,
    run_types_pb2,
)

EXAMPLE = Path(__file__).with_name("breast_cancer.py")
RUNNING = "RUNNING"


class Checks:
    """What the demo claims, and whether it held."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def __call__(self, held: bool, claim: str) -> None:  # noqa: FBT001 - reads as a sentence
        mark = click.style("✓", fg="green") if held else click.style("✗", fg="red")
        click.echo(f"  {mark} {claim}")
        if not held:
            self.failed.append(claim)


def main() -> int:
    """Runs the demo and answers the exit code."""
    with tempfile.TemporaryDirectory(prefix="weft-demo-") as directory:
        folder = Path(directory)
        os.environ["WEFT_CONFIG_DIR"] = str(folder / "config")
        mesh = EmbeddedMesh(folder / "data", ephemeral=True)
        checks = Checks()
        try:
            title("Starting the mesh: four servers, each with a certificate of its own")
            started = time.monotonic()
            mesh.start(lambda line: click.echo(f"  {line}"))
            click.echo(f"  ready in {time.monotonic() - started:.1f} s")
            check_identities(mesh, checks)
            connection = Connection(ContextStore().current(), ContextStore())
            finished = story(connection, checks)
            look_further(mesh, connection, finished)
            if checks.failed:
                click.echo(f"\n{len(checks.failed)} of the claims did not hold", err=True)
                return 1
            click.echo("\nEverything held.")
            if sys.stdin.isatty() and sys.stdout.isatty():
                serve(mesh, folder)
        finally:
            mesh.stop()
    return 0


def story(connection: Connection, checks: Checks) -> run_types_pb2.Run:
    """A run, what it left, the same run again, and one that fails; answers the first."""
    title(f"Running {EXAMPLE.name} through the workload manager")
    first = run_and_watch(connection, checks)
    checks(is_state(first, "SUCCEEDED"), "the run succeeded")
    title("What it left")
    show_results(connection, first, checks)
    title("The same again: nothing changed, so nothing runs")
    second = run_and_watch(connection, None)
    states = dict(second.step_counts)
    cached = {name.removeprefix("STEP_STATE_") for name, count in states.items() if count}
    # A fan-out only gathers its members, which are cached one by one.
    checks(cached <= {"CACHED", "SUCCEEDED"} and "CACHED" in cached, f"cached: {states}")
    check_cached(connection, second, checks)
    title("A variant whose data is broken: the failure says what, where, and on which inputs")
    failed = run_and_watch(connection, None, fail=True)
    checks(is_state(failed, "FAILED"), "the broken run failed")
    checks(failed.failure.step.endswith("validate"), f"because of {failed.failure.step}")
    return first


def run_and_watch(
    connection: Connection, checks: Checks | None, *, fail: bool = False
) -> run_types_pb2.Run:
    """Submits the example, draws it live with its logs, and answers how it ended."""
    code = load_code(str(EXAMPLE))
    values = code.pipeline.parameters.bind(fail=fail)
    run = submit(connection, code, values, config=RunConfig())
    witness = Witness(connection)
    view = RunView(is_live=False)
    ended = view.follow(witness.listen(watch_run(connection.workspace, run.name)))
    witness.join()
    if checks is not None:
        checks(witness.saw_running, "a step was seen RUNNING before the run ended")
        checks(witness.saw_line, "a log line arrived before the run ended")
    return ended


class Witness:
    """Prints log lines as they come, and remembers what was seen while the run still went on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._threads: list[threading.Thread] = []
        self._followed: set[str] = set()
        self._has_ended = False
        self.saw_running = False
        self.saw_line = False

    def listen(self, events: Iterator[events_pb2.Event]) -> Iterator[events_pb2.Event]:
        """Passes events on, following the log of each step that starts."""
        for event in events:
            if event.WhichOneof("resource") == "step":
                self.saw_running |= step_state(event.step) == RUNNING
                self._follow(event.step)
            elif event.WhichOneof("resource") == "run" and event.run.HasField("end_time"):
                self._has_ended = True
            yield event

    def join(self) -> None:
        """Waits until every log was read to its end."""
        for thread in self._threads:
            thread.join()

    def _follow(self, step: run_types_pb2.Step) -> None:
        if step.log_stream and step.log_stream not in self._followed:
            self._followed.add(step.log_stream)
            thread = threading.Thread(target=self._print, args=(step.step_id, step.log_stream))
            thread.start()
            self._threads.append(thread)

    def _print(self, step: str, log_stream: str) -> None:
        for batch in tail_logs(self._connection.workspace, log_stream):
            for line in batch.lines:
                self.saw_line |= not self._has_ended
                click.echo(click.style(f"      {step:<14} | {line.message}", dim=True))


def show_results(connection: Connection, run: run_types_pb2.Run, checks: Checks) -> None:
    """Lists what the run made, and reads the metric back from the stored artifact."""
    stub = connection.workspace.stub(artifacts_pb2_grpc.ArtifactServiceStub)
    versions = connection.workspace.call(
        stub.ListArtifactVersions,
        artifacts_pb2.ListArtifactVersionsRequest(
            parent=f"{connection.project}/artifacts/-",
            filter=f'producer_run = "{run.name.rpartition("/")[2]}"',
            page_size=100,
        ),
    ).artifact_versions
    for version in versions:
        label = "@".join(version.name.split("/")[3::2])
        click.echo(f"  {label:<40} {version.materializer:<16} {version.size_bytes:>9} B")
    best = next(v for v in versions if v.producer_output == "best_score")
    score = read_score(version_store(best), best)
    click.echo(f"  best model: {score['model']}, accuracy {score['accuracy']:.3f}")
    checks(score["accuracy"] > 0.9, "the metric read back from the stored artifact is above 0.9")
    plots = [v for v in versions if v.producer_output == "confusion"]
    checks(len(plots) == 1, "the plot of the mistakes is an artifact")


def version_store(version: artifact_types_pb2.ArtifactVersion) -> str:
    """The root of the store that holds a version."""
    return "/".join(version.uri.split("/")[:-5])


def read_score(root: str, message: artifact_types_pb2.ArtifactVersion) -> dict[str, float | str]:
    """Reads a JSON artifact, its hash checked."""
    version = artifact_version(message)
    with open_store(root).read(version.uri, version.content_hash) as folder:
        file = next(path for path in sorted(folder.rglob("*.json")))
        score: dict[str, float | str] = json.loads(file.read_text(encoding="utf-8"))
    return score


def check_cached(connection: Connection, run: run_types_pb2.Run, checks: Checks) -> None:
    """Every step of the run that does work of its own was taken from an earlier run."""
    steps: dict[str, run_types_pb2.Step] = {}
    for event in watch_run(connection.workspace, run.name):
        if event.WhichOneof("resource") == "step":
            steps[event.step.step_id] = event.step
    groups = {step.map_group for step in steps.values() if step.map_group}
    executed = [
        name for name, step in steps.items() if name not in groups and step_state(step) != "CACHED"
    ]
    checks(bool(steps) and not executed, "every step of the second run was CACHED")


def check_identities(mesh: EmbeddedMesh, checks: Checks) -> None:
    """Four processes live, and each holds a certificate with a SPIFFE id of its own."""
    from meshkit.credentials import Credentials

    identities = {}
    for name, pid in mesh.pids.items():
        os.kill(pid, 0)  # raises where there is no such process
        identities[name] = str(Credentials(mesh.ca_file.parents[2] / name / "credentials").identity)
    for name, identity in identities.items():
        click.echo(f"  {name:<13} {identity}")
    checks(len(set(mesh.pids.values())) == 4, "four processes run")
    checks(len(set(identities.values())) == 4, "they have four SPIFFE ids")


def look_further(mesh: EmbeddedMesh, connection: Connection, run: run_types_pb2.Run) -> None:
    """Says how to see the same in a browser, and with other tools."""
    title("Look further")
    context = connection.context
    click.echo(
        f"  curl   --cacert {mesh.ca_file} {context.gateway}/openapi.json\n"
        f"  health curl http://{mesh.addresses['gateway-health']}/readyz\n"
        f"  buf    buf curl --protocol grpc --cacert {mesh.ca_file} --list-services "
        f"https://{context.workspace_endpoint}\n"
        "  weft   weft runs list · weft logs @latest · weft artifacts list --run @latest\n"
        "         weft artifacts show breast-cancer-select-best-model   (with its lineage)\n"
        f"         (export WEFT_CONFIG_DIR={os.environ['WEFT_CONFIG_DIR']})"
    )
    _, project, _, run_id = run.name.split("/")
    workspace = context.workspace.rpartition("/")[2]
    link = mesh.sign_in_link(f"/w/{workspace}/p/{project}/runs/{run_id}")
    click.echo(
        "  The first run in your browser, signed in; the link works once, for two minutes, and\n"
        f"  `weft dashboard` makes another:\n  {link}"
    )


def serve(mesh: EmbeddedMesh, folder: Path) -> None:
    """Keeps the mesh up until Ctrl-C."""
    click.echo(f"\nThe mesh keeps running, its data in {folder}; Ctrl-C stops it and deletes them.")
    try:
        while True:
            mesh.supervise(click.echo, 0.5)
    except KeyboardInterrupt:
        click.echo("\nstopping ...")


def is_state(run: run_types_pb2.Run, state: str) -> bool:
    """Whether a run ended so."""
    return run_types_pb2.RunState.Name(run.state) == f"RUN_STATE_{state}"


def title(text: str) -> None:
    """Prints a heading."""
    click.echo(f"\n{click.style(text, bold=True)}")


if __name__ == "__main__":
    sys.exit(main())
