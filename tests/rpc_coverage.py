"""Every RPC has a success and a refusal somewhere in the suite, or the suite fails.

A pytest plugin (`-p tests.rpc_coverage` in pyproject.toml). It listens where servers count
their calls, so that only calls which came over the wire to a real server are seen, reads the logs
of servers that tests start as processes, adds up
what all of xdist's workers saw, and judges at the end of a run of the whole suite.
"""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

OK = "OK"
_PACKAGES = ("weftapi.controlplane.v1", "weftapi.workspace.v1", "weftapi.workloads.v1")
# What `make test` leaves to runs of their own.
_ASIDE = {"not fault", "not page", "not image", "not browser", "not blink"}
_FOLDER = pytest.StashKey[Path]()
_seen: set[tuple[str, str]] = set()


def pytest_configure(config: pytest.Config) -> None:
    """Listens from the first server on; the folder is one for all workers of a run."""
    from meshkit.telemetry import Metrics

    count = Metrics.end

    def counted(self: Metrics, method: str, code: str, seconds: float | None) -> None:
        _seen.add((method, code))
        count(self, method, code, seconds)

    Metrics.end = counted  # type: ignore[method-assign]
    if not hasattr(config, "workerinput"):
        config.stash[_FOLDER] = Path(tempfile.mkdtemp(prefix="weft-rpcs-"))


class _Hooks:
    """Hooks of xdist, which exists only where it is installed."""

    @staticmethod
    def pytest_configure_node(node) -> None:
        node.workerinput["rpc_folder"] = str(node.config.stash[_FOLDER])


def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    """Joins xdist once it is there, to hand the folder to its workers."""
    if manager.get_name(plugin) == "xdist" and not manager.has_plugin("rpc_coverage_xdist"):
        manager.register(_Hooks, "rpc_coverage_xdist")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Workers write down what they saw; the controller judges."""
    config = session.config
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        file = Path(worker["rpc_folder"]) / f"{worker['workerid']}.json"
        file.write_text(json.dumps(sorted(_seen)), encoding="utf-8")
        return
    for file in config.stash[_FOLDER].glob("*.json"):
        _seen.update((method, code) for method, code in json.loads(file.read_text()))
    if exitstatus == pytest.ExitCode.OK and is_whole_suite(config):
        missing = sorted(_missing())
        if missing:
            reporter = config.pluginmanager.get_plugin("terminalreporter")
            reporter.write_line("\nRPCs without a success or a refusal in this suite:", red=True)
            for line in missing:
                reporter.write_line(f"  {line}", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def note_log(log: Path) -> None:
    """Adds the calls of a server in a process of its own, which tells them in its log alone."""
    for line in log.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("event") == "rpc":
                _seen.add((entry["method"], entry["code"]))


def is_whole_suite(config: pytest.Config) -> bool:
    """Whether nothing was left out of what `make test` runs."""
    is_default = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    options = config.option
    is_whole = is_default and has_all(options.markexpr)
    return is_whole and not (options.keyword or options.lf or options.collectonly)


def has_all(markers: str) -> bool:
    """Whether an expression of markers selects all that `make test` runs, or more."""
    return set(markers.split(" and ")) <= _ASIDE | {""}


def _missing() -> Iterator[str]:
    succeeded = {method for method, code in _seen if code == OK}
    refused = {method for method, code in _seen if code not in {OK, "CANCELLED"}}
    for method in _methods():
        if method not in succeeded:
            yield f"{method}: no success"
        if method not in refused:
            yield f"{method}: no refusal"


def _methods() -> Iterator[str]:
    from tests.contracts.descriptors import methods

    for file, service, method in methods():
        if file.package in _PACKAGES:
            yield f"/{file.package}.{service.name}/{method.name}"
