"""Resource names put together and taken apart; names in requests were checked before."""

from collections.abc import Iterable

WILDCARD = "-"


def ids(name: str) -> tuple[str, ...]:
    """The ids in a name: ("demo", "train") of "projects/demo/runs/train"."""
    return tuple(name.split("/")[1::2])


def ids_in(name: str, *collections: str) -> tuple[str, ...]:
    """The ids in a name of these collections; empty where it is another kind of name, or none."""
    parts = name.split("/")
    is_whole = len(parts) == 2 * len(collections) and all(parts)
    return tuple(parts[1::2]) if is_whole and tuple(parts[::2]) == collections else ()


def project_of(name: str) -> str:
    """The id of the project that a name begins with; empty where it begins otherwise."""
    parts = name.split("/", 2)
    return parts[1] if len(parts) > 1 and parts[0] == "projects" else ""


def scopes(name: str) -> tuple[str, ...]:
    """Where a permission on a name can be held: the workspace, its project, its resource there.

    ("", "projects/p", "projects/p/runs/r") of "projects/p/runs/r/steps/s".
    """
    parts = name.split("/", 4)
    if len(parts) < 2 or parts[0] != "projects" or not parts[1]:  # noqa: PLR2004
        return ("",)
    project = f"projects/{parts[1]}"
    if len(parts) < 4:  # noqa: PLR2004
        return ("", project)
    return ("", project, f"{project}/{parts[2]}/{parts[3]}")


def version_key(name: str) -> tuple[str, int]:
    """The artifact's id and the number in the name of a version; 0 for what is no number."""
    _, artifact, version = ids(name)
    return artifact, int(version) if version.isdigit() else 0


def last(name: str) -> str:
    """The last id of a name; empty for an empty name."""
    return name.rpartition("/")[2]


def project(project: str) -> str:
    return f"projects/{project}"


def run(project: str, run: str) -> str:
    return f"projects/{project}/runs/{run}"


def step(project: str, run: str, step: str) -> str:
    return f"projects/{project}/runs/{run}/steps/{step}"


def attempt(run: str, number: int) -> str:
    """A run attempt, the subject of run tokens; `run` is a name."""
    return f"{run}/attempts/{number}"


def child(parent: str, collection: str, id_: str) -> str:
    """A name below another; empty where there is no id."""
    return f"{parent}/{collection}/{id_}" if id_ else ""


def stack(id_: str) -> str:
    """The name of a stack; empty where there is no id."""
    return f"stacks/{id_}" if id_ else ""


def manager(uid: str) -> str:
    """The name of a workload manager; empty where there is no uid."""
    return f"workloadManagers/{uid}" if uid else ""


def etag(uid: object, changes: int) -> str:
    """Changes with every change, also among those of one commit, and with the uid."""
    return f"{str(uid)[-8:]}-{changes}"


def outside(project: str, names: Iterable[str]) -> str | None:
    """The first name that does not belong to the project."""
    prefix = f"projects/{project}/"
    return next((name for name in names if not name.startswith(prefix)), None)
