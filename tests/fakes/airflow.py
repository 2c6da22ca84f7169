"""A fake Airflow: `python airflow.py DAG_FILE RUN_ID` executes one DAG run.

It imports the DAG file with an `airflow.sdk` of its own. As Airflow 3 with its local executor, it
executes each try of a task in a process of its own with the task's callbacks around it, calls
those of the DAG elsewhere, and lets no callback that raises fail anything.
"""

import os
import pickle
import runpy
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

Callback = Callable[[dict[str, Any]], None]


@dataclass
class Task:
    """A call of a `@task`; its arguments may be other calls, which it then waits for."""

    task_id: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    settings: dict[str, Any]

    @property
    def upstream_task_ids(self) -> set[str]:
        return {given.task_id for given in self.arguments if isinstance(given, Task)}

    def callback(self, event: str) -> Callback | None:
        return self.settings.get(f"on_{event}_callback")


@dataclass
class Dag:
    """What a `@dag` function made."""

    dag_id: str
    settings: dict[str, Any]
    tasks: list[Task] = field(default_factory=list)


_dags: list[Dag] = []


def dag(**settings: Any) -> Callable[[Callable[[], Any]], Callable[[], Dag]]:
    def decorate(function: Callable[[], Any]) -> Callable[[], Dag]:
        def make() -> Dag:
            _dags.append(Dag(function.__name__, settings))
            function()
            return _dags[-1]

        return make

    return decorate


def task(function: Callable[..., Any]) -> Callable[..., Task]:
    def call(*arguments: Any) -> Task:
        owner = _dags[-1]
        made = Task(function.__name__, function, arguments, owner.settings["default_args"])
        owner.tasks.append(made)
        return made

    return call


def main(file: str, run_id: str) -> int:
    """Executes a DAG run; answers 0 where it succeeded."""
    found = _load(Path(file))
    context = {"dag": found, "run_id": run_id}
    tasks = {each.task_id: each for each in found.tasks}
    graph = {name: each.upstream_task_ids for name, each in tasks.items()}
    values: dict[str, Any] = {}
    for name in TopologicalSorter(graph).static_order():
        # What comes after a failure is `upstream_failed`: it is not executed, and has no callback.
        if graph[name] <= values.keys():
            _execute(tasks[name], context, values)
    has_succeeded = values.keys() == tasks.keys()
    event = "success" if has_succeeded else "failure"
    _call(found.settings.get(f"on_{event}_callback"), {**context, "reason": f"task_{event}"})
    return 0 if has_succeeded else 1


def _load(file: Path) -> Dag:
    sdk = ModuleType("airflow.sdk")
    sdk.__dict__.update(dag=dag, task=task)
    sys.modules |= {"airflow": ModuleType("airflow"), "airflow.sdk": sdk}
    sys.path.insert(0, str(file.parent))
    runpy.run_path(str(file))
    (found,) = _dags
    return found


def _execute(made: Task, context: dict[str, Any], values: dict[str, Any]) -> None:
    """Tries a task as often as it may be tried; what it returned is put into `values`."""
    with tempfile.NamedTemporaryFile() as result:
        for number in range(1, made.settings.get("retries", 0) + 2):
            sys.stdout.flush()
            child = os.fork()
            if not child:
                os._exit(_attempt(made, number, context, values, Path(result.name)))
            if os.waitpid(child, 0)[1] == 0:
                values[made.task_id] = pickle.loads(Path(result.name).read_bytes())
                return


def _attempt(
    made: Task, number: int, context: dict[str, Any], values: dict[str, Any], result: Path
) -> int:
    instance = SimpleNamespace(task_id=made.task_id, try_number=number)
    context = {**context, "ti": instance, "task": made}
    _call(made.callback("execute"), context)
    arguments = [values[a.task_id] if isinstance(a, Task) else a for a in made.arguments]
    try:
        result.write_bytes(pickle.dumps(made.function(*arguments)))
        event = "success"
    except Exception as error:  # noqa: BLE001
        may_retry = number <= made.settings.get("retries", 0)
        event, context["exception"] = "retry" if may_retry else "failure", error
    _call(made.callback(event), context)
    sys.stdout.flush()
    return 0 if event == "success" else 1


def _call(callback: Callback | None, context: dict[str, Any]) -> None:
    try:
        if callback:
            callback(context)
    except Exception:  # noqa: BLE001
        traceback.print_exc()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
